import { method, service } from '../../../src/index.js';
import { postcardPayload, type Type, type TypeOf, t } from '../../../src/payload/postcard/index.js';
import { Testbed as Recorded, Types as RecordedTypes } from '../../service/testbed.js';

// The services of the Rust peer, as peer/src/service.rs has them: those that test/service/testbed.ts declares, and later
// additions.

// Its credit of 256 is more than a Rust receiver keeps.
const { sumWide: _, ...methods } = Recorded.methods;

export const Testbed = service(
  'Testbed',
  { ...methods, openBack: method({ args: t.args(t.string), result: t.list(t.string) }) },
  { codec: postcardPayload },
);

const Point = t.struct({ x: t.i32, y: t.i32 });
const MathError = t.enum({ DivisionByZero: null, Overflow: null });
const Variants = t.enum({ Unit: null, New: t.u32, Pair: [t.u32, t.string], Fields: { a: t.u8, b: t.bool } });

interface Tree {
  name: string;
  children: Tree[];
}
const Tree: Type<Tree> = t.struct({ name: t.string, children: t.list(t.lazy(() => Tree)) });

const Arrays = t.struct({ numbers: t.array(t.u32, 3), bytes: t.array(t.u8, 4), points: t.array(Point, 2) });
const Outcome = t.struct({ result: t.result(t.u32, t.string) });

const Special = t.enum({
  ['__proto__']: t.u32,
  constructor: { ['__proto__']: t.u8, hasOwnProperty: t.bool },
});
const Odd = t.struct({
  ['__proto__']: t.u32,
  constructor: t.string,
  type: t.bool,
  // biome-ignore lint/suspicious/noThenProperty: a field of Rust may be named so.
  then: t.option(t.u32),
  to_string: Special,
});

type Expression =
  | { tag: 'Number'; value: number }
  | { tag: 'Negative'; value: Expression }
  | { tag: 'Sum'; value: { left: Expression; right: Expression } }
  | { tag: 'Call'; value: [string, Expression[]] }
  | { tag: 'Maybe'; value: Expression | null };
const SubExpression: Type<Expression> = t.lazy(() => Expression);
const Expression: Type<Expression> = t.enum({
  Number: t.f64,
  Negative: SubExpression,
  Sum: { left: SubExpression, right: SubExpression },
  Call: [t.string, t.list(SubExpression)],
  Maybe: t.option(SubExpression),
});

const Outcomes = t.struct({
  list: t.list(t.result(t.u32, t.string)),
  unit: t.result(t.unit, MathError),
  nested: t.result(t.option(t.result(t.u8, t.i8)), t.bytes),
});
const Page = t.struct({ items: t.list(Point), next: t.option(t.u64) });

export const Everything = t.struct({
  yes: t.bool,
  small: t.tuple(t.u8, t.i8),
  middle: t.tuple(t.u16, t.i16),
  word: t.tuple(t.u32, t.i32),
  long: t.tuple(t.u64, t.i64),
  huge: t.tuple(t.u128, t.i128),
  size: t.tuple(t.usize, t.isize),
  single: t.f32,
  double: t.f64,
  letter: t.char,
  text: t.string,
  bytes: t.bytes,
  list: t.list(t.i32),
  maybe: t.option(t.option(t.u32)),
  array: t.array(t.i16, 3),
  map: t.map(t.string, t.u32),
  set: t.set(t.u32),
  unit: t.unit,
  choice: Variants,
  result: t.result(t.u32, t.string),
});
export type Everything = TypeOf<typeof Everything>;

/** Declares a method that returns its argument. */
function same<T>(type: Type<T>) {
  return method({ args: t.args(type), result: type });
}

export const Types = service(
  'Types',
  {
    ...RecordedTypes.methods,
    tListOfLists: same(t.list(t.list(t.string))),
    tOptionOfOption: same(t.option(t.option(t.u32))),
    tArrays: same(Arrays),
    tTree: same(Tree),
    tOutcome: same(Outcome),
    tPair: same(t.tuple(t.u32, t.string)),
    tOdd: same(Odd),
    tExpression: same(Expression),
    tOptionOfUnit: same(t.option(t.unit)),
    tListOfUnits: same(t.list(t.unit)),
    tMapOfMaps: same(t.map(t.tuple(t.u8, t.string), t.map(t.i32, t.bool))),
    tHashMap: same(t.map(t.u32, t.string)),
    tHashSet: same(t.set(t.string)),
    tOutcomes: same(Outcomes),
    tGeneric: same(Page),
    tEverything: same(Everything),
    describe: method({ args: t.args(Everything), result: t.string }),
    everything: method({ result: Everything }),
  },
  { codec: postcardPayload },
);
