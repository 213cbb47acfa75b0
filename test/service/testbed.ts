// The services of the Rust peer, built with the official crates, that sent the recorded frames in
// test/codec/postcard-frames.json: `Testbed`, as in the specification, with more methods, and `Types`, with a method for
// each kind of type.
import { postcardPayload, type Type, t } from '../../src/payload/postcard/index.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';

const Point = t.struct({ x: t.i32, y: t.i32 });
const Person = t.struct({ name: t.string, age: t.u8, email: t.option(t.string) });
const Shape = t.enum({ Circle: { radius: t.f64 }, Rectangle: { width: t.f64, height: t.f64 }, Point: null });
const Message = t.enum({ Text: t.string, Number: t.i64, Data: t.bytes });
const MathError = t.enum({ DivisionByZero: null, Overflow: null });
const LookupError = t.enum({ NotFound: null, AccessDenied: null });

export interface Node {
  value: number;
  next: Node | null;
}
export const Node: Type<Node> = t.struct({ value: t.u32, next: t.option(t.lazy(() => Node)) });
const Variants = t.enum({ Unit: null, New: t.u32, Pair: [t.u32, t.string], Fields: { a: t.u8, b: t.bool } });

export const Testbed = service(
  'Testbed',
  {
    echo: method({ args: t.args(t.string), result: t.string }),
    reverse: method({ args: t.args(t.string), result: t.string }),
    divide: method({ args: t.args(t.i64, t.i64), result: t.i64, error: MathError }),
    lookup: method({ args: t.args(t.u32), result: Person, error: LookupError }),
    sum: method({ args: t.args(t.rx(t.i32)), result: t.i64 }),
    generate: method({ args: t.args(t.u32, t.tx(t.i32)) }),
    transform: method({ args: t.args(t.rx(t.string), t.tx(t.string)) }),
    echoPoint: method({ args: t.args(Point), result: Point }),
    shapeArea: method({ args: t.args(Shape), result: t.f64 }),
    processMessage: method({ args: t.args(Message), result: Message }),
    getPoints: method({ args: t.args(t.u32), result: t.list(Point) }),
    swapPair: method({ args: t.args(t.tuple(t.i32, t.string)), result: t.tuple(t.string, t.i32) }),
    echoBytes: method({ args: t.args(t.bytes), result: t.bytes }),
    slow: method({ args: t.args(t.u64), result: t.u64 }),
    failHard: method({ result: t.u32 }),
    nothing: method(),
    dropRx: method({ args: t.args(t.rx(t.i32)), result: t.u32 }),
    dropTx: method({ args: t.args(t.u32, t.tx(t.i32)) }),
    lateTx: method({ args: t.args(t.u32, t.tx(t.i32)), result: t.u32 }),
    sumLate: method({ args: t.args(t.u64, t.rx(t.i32)), result: t.list(t.i64) }),
    sumWide: method({ args: t.args(t.u64, t.rx(t.i32, { credit: 256 })), result: t.list(t.i64) }),
    sumNone: method({ args: t.args(t.rx(t.i32, { credit: 0 })), result: t.i64 }),
    sumNarrow: method({ args: t.args(t.rx(t.i32, { credit: 1 })), result: t.i64 }),
    streamBytes: method({ args: t.args(t.u32, t.u32, t.tx(t.bytes)) }),
    sinkBytes: method({ args: t.args(t.rx(t.bytes)), result: t.u64 }),
  },
  { codec: postcardPayload },
);

const same = <T>(type: Type<T>) => method({ args: t.args(type), result: type });

export const Types = service(
  'Types',
  {
    tBool: same(t.bool),
    tU8: same(t.u8),
    tU16: same(t.u16),
    tU32: same(t.u32),
    tU64: same(t.u64),
    tU128: same(t.u128),
    tI8: same(t.i8),
    tI16: same(t.i16),
    tI32: same(t.i32),
    tI64: same(t.i64),
    tI128: same(t.i128),
    tUsize: same(t.usize),
    tIsize: same(t.isize),
    tF32: same(t.f32),
    tF64: same(t.f64),
    tChar: same(t.char),
    tString: same(t.string),
    tUnit: method({ args: t.args(t.unit), result: t.unit }),
    tBytes: same(t.bytes),
    tList: same(t.list(t.u32)),
    tOption: same(t.option(t.u32)),
    tArray: same(t.array(t.u32, 3)),
    tArrayU8: same(t.array(t.u8, 4)),
    tMap: same(t.map(t.string, t.u32)),
    tSet: same(t.set(t.u32)),
    tTuple: same(t.tuple(t.u8, t.i16, t.string)),
    tNew: same(t.newtype(t.u32)),
    tThin: same(t.u32),
    tEmpty: method({ args: t.args(t.unit), result: t.unit }),
    tVariants: same(Variants),
    tNode: same(Node),
    tBoxed: same(t.u32),
    tNone: method({ result: t.u32 }),
    tTwo: method({ args: t.args(t.u32, t.string), result: t.u32 }),
    getHTTP2Value: method({ result: t.u32 }),
  },
  { codec: postcardPayload },
);

type Methods = Parameters<typeof Testbed.handler>[0];

/** Methods that do the same in each handler of `Testbed`: what the specification says of them. */
export const simple: Pick<
  Methods,
  | 'transform'
  | 'echoPoint'
  | 'shapeArea'
  | 'processMessage'
  | 'getPoints'
  | 'swapPair'
  | 'echoBytes'
  | 'failHard'
  | 'nothing'
  | 'dropRx'
> = {
  transform: async (input, output) => {
    for await (const text of input) await output.send(text.toUpperCase());
    await output.close();
  },
  echoPoint: (point) => point,
  shapeArea: (shape) => {
    if (shape.tag === 'Circle') return Math.PI * shape.value.radius ** 2;
    return shape.tag === 'Rectangle' ? shape.value.width * shape.value.height : 0;
  },
  processMessage: (message) => {
    if (message.tag === 'Text') return { tag: 'Text', value: `processed: ${message.value}` };
    if (message.tag === 'Number') return { tag: 'Number', value: message.value * 2n };
    return { tag: 'Data', value: message.value.slice().reverse() };
  },
  getPoints: (count) => Array.from({ length: count }, (_, x) => ({ x, y: 2 * x })),
  swapPair: ([number, text]) => [text, number],
  echoBytes: (bytes) => bytes,
  failHard: () => {
    throw new Error('on purpose');
  },
  nothing: () => {},
  dropRx: async (numbers) => {
    for await (const number of numbers) return number;
    return 0;
  },
};
