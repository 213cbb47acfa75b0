import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { ApplicationError, Cancelled, InvalidArgument, InvalidPayload, UnknownMethod } from '../../src/base/errors.js';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import { type OptionOf, postcardPayload, type Type, type TypeOf, t } from '../../src/payload/postcard/index.js';
import type { StandardSchema } from '../../src/payload/standard-schema.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { Node } from './testbed.js';

const schema = (type: unknown) => type as StandardSchema;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** The codec of a method with this result and error. */
const codecOf = (result?: unknown, error?: unknown, args?: unknown) =>
  postcardPayload.method({
    service: 'Test',
    name: 'test',
    args: args as StandardSchema | undefined,
    result: result as StandardSchema | undefined,
    error: error as StandardSchema | undefined,
    itemsIn: undefined,
    itemsOut: undefined,
    credit: 16,
  });

const encoded = (type: unknown, value: unknown): string => hexOf(codecOf(type).encodeResult(value, [])).slice(2);
const decoded = (type: unknown, hex: string): unknown => {
  const outcome = codecOf(type).decodeOutcome(bytesOf(`00${hex}`), () => {
    throw new Error('no channel');
  });
  if (outcome instanceof Error) throw outcome;
  return outcome[1];
};

function refusal(act: () => unknown, kind: new (...args: never[]) => Error): string {
  try {
    act();
    return 'nothing';
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    return error.message;
  }
}

const Shape = t.enum({
  Circle: { radius: t.f64 },
  Scaled: [t.u8, t.f32],
  Named: t.string,
  Point: null,
  Nothing: t.unit,
});
const Hidden = t.struct({ ['__proto__']: t.u8, constructor: t.bool });
const hidden = Object.defineProperty({ constructor: true }, '__proto__', {
  value: 5,
  enumerable: true,
  configurable: true,
  writable: true,
});

// The first rows of each kind are vectors of the official peers.
const VALUES: readonly (readonly [name: string, type: unknown, value: unknown, hex: string])[] = [
  ['bool', t.bool, false, '00'],
  ['bool', t.bool, true, '01'],
  ['u8', t.u8, 255, 'ff'],
  ['u16', t.u16, 65_535, 'ffff03'],
  ['u16', t.u16, 256, '8002'],
  ['u32', t.u32, 4_294_967_295, 'ffffffff0f'],
  ['u64', t.u64, 18_446_744_073_709_551_615n, 'ffffffffffffffffff01'],
  ['u64', t.u64, 128n, '8001'],
  ['u64', t.u64, 2n ** 49n, '8080808080808001'],
  ['u64', t.u64, 2n ** 49n - 1n, 'ffffffffffff7f'],
  ['usize', t.usize, 300n, 'ac02'],
  ['u128', t.u128, 2n ** 128n - 1n, `${'ff'.repeat(18)}03`],
  ['u128', t.u128, 2n ** 98n, `${'80'.repeat(14)}01`],
  ['i8', t.i8, -128, '80'],
  ['i8', t.i8, -1, 'ff'],
  ['i8', t.i8, 127, '7f'],
  ['i16', t.i16, -32_768, 'ffff03'],
  ['i16', t.i16, 32_767, 'feff03'],
  ['i16', t.i16, -1, '01'],
  ['i32', t.i32, -2_147_483_648, 'ffffffff0f'],
  ['i32', t.i32, 2_147_483_647, 'feffffff0f'],
  ['i32', t.i32, -128, 'ff01'],
  ['i64', t.i64, -9_223_372_036_854_775_808n, 'ffffffffffffffffff01'],
  ['i64', t.i64, 9_223_372_036_854_775_807n, 'feffffffffffffffff01'],
  ['i64', t.i64, 15n, '1e'],
  ['isize', t.isize, -1n, '01'],
  ['i128', t.i128, -(2n ** 127n), `${'ff'.repeat(18)}03`],
  ['i128', t.i128, 2n ** 127n - 1n, `fe${'ff'.repeat(17)}03`],
  ['f32', t.f32, 1.5, '0000c03f'],
  ['f32', t.f32, -1, '000080bf'],
  ['f32', t.f32, Number.NEGATIVE_INFINITY, '000080ff'],
  ['f64', t.f64, 0.25, '000000000000d03f'],
  ['f64', t.f64, -0, '0000000000000080'],
  ['char', t.char, 'é', '02c3a9'],
  ['char', t.char, '🦀', '04f09fa680'],
  ['string', t.string, '', '00'],
  ['string', t.string, 'héllo 世界 🦀', '1268c3a96c6c6f20e4b896e7958c20f09fa680'],
  ['string', t.string, '\uFEFFa', '04efbbbf61'],
  ['unit', t.unit, undefined, ''],
  ['bytes', t.bytes, bytesOf('deadbeef'), '04deadbeef'],
  ['bytes', t.bytes, new Uint8Array(0), '00'],
  ['option', t.option(t.u32), 42, '012a'],
  ['option', t.option(t.string), null, '00'],
  ['option of option', t.option(t.option(t.u8)), { some: 5 }, '010105'],
  ['option of option', t.option(t.option(t.u8)), { some: null }, '0100'],
  ['option of option', t.option(t.option(t.u8)), null, '00'],
  ['option of unit', t.option(t.unit), { some: undefined }, '01'],
  ['list', t.list(t.i32), [-1, 0, 1], '03010002'],
  ['list', t.list(t.string), ['a', 'b'], '0201610162'],
  ['list of u8', t.list(t.u8), [1, 200], '0201c8'],
  ['list of unit', t.list(t.unit), [undefined, undefined], '02'],
  ['array', t.array(t.u16, 3), [1, 2, 300], '0102ac02'],
  ['array of u8', t.array(t.u8, 2), [254, 255], 'feff'],
  [
    'map',
    t.map(t.string, t.u8),
    new Map([
      ['b', 2],
      ['a', 1],
    ]),
    '02016202016101',
  ],
  ['set', t.set(t.u16), new Set([300, 1]), '02ac0201'],
  ['tuple', t.tuple(t.u8, t.string), [7, 'x'], '070178'],
  ['newtype', t.newtype(t.u32), 300, 'ac02'],
  ['struct', t.struct({ b: t.u8, a: t.string }), { b: 1, a: 'z' }, '01017a'],
  ['struct with odd names', Hidden, hidden, '0501'],
  ['enum: struct', Shape, { tag: 'Circle', value: { radius: 0.25 } }, '00000000000000d03f'],
  ['enum: tuple', Shape, { tag: 'Scaled', value: [7, 1.5] }, '01070000c03f'],
  ['enum: newtype', Shape, { tag: 'Named', value: 'n' }, '02016e'],
  ['enum: unit', Shape, { tag: 'Point' }, '03'],
  ['enum: newtype of unit', Shape, { tag: 'Nothing', value: undefined }, '04'],
  ['result within a struct', t.struct({ r: t.result(t.u8, t.string) }), { r: { tag: 'Err', value: 'no' } }, '01026e6f'],
  ['result within a struct', t.struct({ r: t.result(t.u8, t.string) }), { r: { tag: 'Ok', value: 9 } }, '0009'],
  ['recursive', Node, { value: 1, next: { value: 2, next: null } }, '01010200'],
  ['refinement', t.check(t.string, z.email()), 'a@b.cd', '066140622e6364'],
];

describe('a value', () => {
  it.each(VALUES)('%s is these bytes, and comes back', (_, type, value, hex) => {
    expect(encoded(type, value)).toBe(hex);
    expect(decoded(type, hex)).toEqual(value);
  });

  it('has `__proto__` for a field of its own, and no other prototype', () => {
    const value = decoded(Hidden, '0501') as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(refusal(() => encoded(Hidden, { constructor: true }), InvalidArgument)).toBe(
      'result.__proto__ must be an integer from 0 to 255, not undefined',
    );
  });

  it('of any type comes back as it was', () => {
    fc.assert(
      fc.property(typeAndValue, ([type, value]) => {
        expect(decoded(type, encoded(type, value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('stays as it was written when others are written afterwards, at any length', () => {
    const codec = codecOf(t.bytes);
    const lengths = Array.from({ length: 3000 }, (_, index) => (index % 100 === 0 ? index * 40 : index % 50));
    const written = lengths.map((length, index) => codec.encodeResult(new Uint8Array(length).fill(index), []));
    for (const [index, bytes] of written.entries()) {
      const outcome = codec.decodeOutcome(bytes, undefined as never) as readonly [0, Uint8Array];
      const expected = new Uint8Array(lengths[index] ?? 0).fill(index);
      if (Buffer.compare(outcome[1], expected) !== 0) throw new Error(`payload ${index}`);
    }
    // Most share their memory.
    expect(new Set(written.map(({ buffer }) => buffer)).size).toBeLessThan(200);
  });

  it('is right by its schema, and then on MessagePack, too', () => {
    fc.assert(
      fc.property(typeAndValue, ([type, value]) => {
        expect(schema(type)['~standard'].validate(value)).toEqual({ value });
      }),
      { numRuns: 500 },
    );
  });
});

type Pair = readonly [Type<unknown>, unknown];

const leaf: fc.Arbitrary<Pair> = fc.oneof(
  fc.boolean().map((value) => [t.bool, value] as Pair),
  fc.nat({ max: 255 }).map((value) => [t.u8, value] as Pair),
  fc.nat({ max: 65_535 }).map((value) => [t.u16, value] as Pair),
  fc.nat({ max: 2 ** 32 - 1 }).map((value) => [t.u32, value] as Pair),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => [t.u64, value] as Pair),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => [t.u128, value] as Pair),
  fc.integer({ min: -128, max: 127 }).map((value) => [t.i8, value] as Pair),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => [t.i16, value] as Pair),
  fc.integer().map((value) => [t.i32, value] as Pair),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => [t.i64, value] as Pair),
  fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }).map((value) => [t.i128, value] as Pair),
  fc.float().map((value) => [t.f32, value] as Pair),
  fc.double().map((value) => [t.f64, value] as Pair),
  fc.string({ unit: 'binary' }).map((value) => [t.string, value] as Pair),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((value) => [t.char, value] as Pair),
  fc.uint8Array().map((value) => [t.bytes, value] as Pair),
);

const typeAndValue: fc.Arbitrary<Pair> = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    tie('pair').map(([type, value]) => [t.list(type), [value, value]] as Pair),
    tie('pair').map(([type, value]) => [t.array(type, 3), [value, value, value]] as Pair),
    tie('pair').map(([type, value]) => [t.tuple(type, t.u8), [value, 3]] as Pair),
    tie('pair').map(([type, value]) => [t.struct({ first: type, second: t.unit }), { first: value }] as Pair),
    tie('pair').map(([type, value]) => [t.enum({ A: null, B: type }), { tag: 'B', value }] as Pair),
    tie('pair').map(
      ([type, value]) =>
        [
          t.map(t.u8, type),
          new Map([
            [1, value],
            [2, value],
          ]),
        ] as Pair,
    ),
    tie('pair').map(([type]) => [t.option(type), null] as Pair),
    tie('pair').map(([type, value]) => [t.option(t.tuple(type)), [value]] as Pair),
    tie('pair').map(([type, value]) => [t.newtype(t.lazy(() => type)), value] as Pair),
  ),
})).pair;

describe('a value that does not fit is refused by the name of its place', () => {
  const Nested = t.struct({ list: t.list(t.struct({ x: t.i32 })), map: t.map(t.u8, t.u16), set: t.set(t.char) });
  const nested = (change: object) => ({ list: [], map: new Map(), set: new Set(), ...change });
  const cyclic: Node = { value: 1, next: null };
  cyclic.next = cyclic;

  it.each([
    [t.u8, 256, 'result must be an integer from 0 to 255, not 256'],
    [t.u8, -1, 'result must be an integer from 0 to 255, not -1'],
    [t.u16, 65_536, 'result must be an integer from 0 to 65535, not 65536'],
    [t.u32, 2 ** 32, 'result must be an integer from 0 to 2^32 - 1, not 4294967296'],
    [t.u32, 0.5, 'result must be an integer from 0 to 2^32 - 1, not 0.5'],
    [t.u32, 1n, 'result must be an integer from 0 to 2^32 - 1, not 1'],
    [t.u64, 1, 'result must be a bigint from 0 to 2^64 - 1, not 1'],
    [t.u64, 2n ** 64n, `result must be a bigint from 0 to 2^64 - 1, not ${2n ** 64n}`],
    [t.u128, -1n, 'result must be a bigint from 0 to 2^128 - 1, not -1'],
    [t.i8, 128, 'result must be an integer from -128 to 127, not 128'],
    [t.i16, -32_769, 'result must be an integer from -32768 to 32767, not -32769'],
    [t.i32, 2 ** 31, 'result must be an integer from -2^31 to 2^31 - 1, not 2147483648'],
    [t.i64, 2n ** 63n, `result must be a bigint from -2^63 to 2^63 - 1, not ${2n ** 63n}`],
    [t.i128, 2n ** 127n, `result must be a bigint from -2^127 to 2^127 - 1, not ${2n ** 127n}`],
    [t.f32, 1e300, 'result must be a number of up to 32 bits, not 1e+300'],
    [t.f64, '1', "result must be a number, not '1'"],
    [t.bool, 1, 'result must be a boolean, not 1'],
    [t.char, 'ab', "result must be a string of one character, not 'ab'"],
    [t.char, '', "result must be a string of one character, not ''"],
    [t.string, '\ud800', "result must be a string without lone surrogates, not '\ud800'"],
    [t.unit, null, 'result must be undefined, not null'],
    [t.bytes, [1], 'result must be a Uint8Array, not an array'],
    [t.option(t.u8), undefined, 'result must be null, or u8, not undefined'],
    [t.option(t.u8), 300, 'result must be an integer from 0 to 255, not 300'],
    [t.option(t.option(t.u8)), 5, 'result must be null, or { some }, not 5'],
    [t.option(t.option(t.u8)), { some: 300 }, 'result.some must be an integer from 0 to 255, not 300'],
    [t.array(t.u8, 3), [1, 2], 'result must have 3 elements, not 2'],
    [t.tuple(t.u8, t.u8), [1, 2, 3], 'result must have 2 elements, not 3'],
    [t.list(t.u8), new Array(2), 'result[0] must be an integer from 0 to 255, not undefined'],
    [
      Nested,
      nested({ list: [{ x: 1 }, { x: 2 ** 31 }] }),
      'result.list[1].x must be an integer from -2^31 to 2^31 - 1, not 2147483648',
    ],
    [
      Nested,
      nested({
        map: new Map([
          [1, 2],
          [3, -4],
        ]),
      }),
      'result.map.value 1 must be an integer from 0 to 65535, not -4',
    ],
    [Nested, nested({ set: new Set(['a', 'bc']) }), "result.set[1] must be a string of one character, not 'bc'"],
    [Nested, nested({ map: {} }), 'result.map must be a Map, not an object'],
    [Nested, nested({ set: [] }), 'result.set must be a Set, not an array'],
    [Nested, null, 'result must be an object, not null'],
    [Shape, 'Point', "result must be an object with a tag, not 'Point'"],
    [Shape, { tag: 'Square' }, "result.tag must be 'Circle', 'Scaled', 'Named', 'Point', 'Nothing', not 'Square'"],
    [Shape, { tag: 'toString' }, "result.tag must be 'Circle', 'Scaled', 'Named', 'Point', 'Nothing', not 'toString'"],
    [Shape, { tag: 'Circle', value: { radius: '1' } }, "result.value.radius must be a number, not '1'"],
    [Node, cyclic, 'result.next.next.next is nested more than 256 deep'],
  ])('%#', (type, value, text) => {
    expect(refusal(() => encoded(type, value), InvalidArgument)).toBe(text);
    // And the next value is written as ever.
    expect(encoded(t.u8, 7)).toBe('07');
  });

  it('where it is an argument or an error, too, and their number', () => {
    const codec = codecOf(t.u8, t.u8, t.args(t.u8, t.struct({ x: t.u8 })));
    expect(refusal(() => codec.encodeArgs([1, { x: 256 }], []), InvalidArgument)).toBe(
      'args[1].x must be an integer from 0 to 255, not 256',
    );
    expect(refusal(() => codec.encodeArgs([1], []), InvalidArgument)).toBe('Test.test takes 2 arguments, not 1');
    expect(refusal(() => codec.encodeError(256), InvalidArgument)).toBe(
      'error must be an integer from 0 to 255, not 256',
    );
    expect(refusal(() => codecOf().encodeError(1), InvalidArgument)).toBe(
      "Test.test declares no error, and can't answer with one: give it error: t.…",
    );
    const [tx] = channel();
    const rx = codecOf(undefined, undefined, t.args(t.rx(t.u8)));
    expect(refusal(() => rx.encodeArgs([tx], []), InvalidArgument)).toBe(
      'args[0] must be an Rx of a channel, not an object',
    );
  });

  it('and what a getter encodes meanwhile does not mix with it', () => {
    const value = {
      get a() {
        return encoded(t.string, 'other').length;
      },
      b: 5,
    };
    expect(encoded(t.struct({ a: t.u8, b: t.u8 }), value)).toBe('0c05');
  });
});

describe('what has come is refused where it is malformed:', () => {
  it.each([
    [t.u8, '', 'result is not there in full'],
    [t.u8, '0506', null],
    [t.bool, '02', 'result is neither true nor false'],
    [t.u16, '808004', 'result is above 65535'],
    [t.u16, '80808000', 'result has more than 3 bytes'],
    [t.u16, '858000', 5],
    [t.u32, '8080808010', 'result is above 4294967295'],
    [t.u64, 'ffffffffffffffffff02', 'result is above 2^64 - 1'],
    [t.u64, '8080808080808080808000', 'result has more than 10 bytes'],
    [t.u64, '85808080808080808000', 5n],
    [t.u128, `${'ff'.repeat(18)}04`, 'result is above 2^128 - 1'],
    [t.u128, `${'80'.repeat(19)}00`, 'result has more than 19 bytes'],
    [t.i32, 'ffffffff1f', 'result is above 4294967295'],
    [t.f32, '000000', 'result is not there in full'],
    [t.char, '026162', 'result is not one character'],
    [t.string, '02c328', 'result is not UTF-8'],
    [t.string, `28${'61'.repeat(39)}ff`, 'result is not UTF-8'],
    [t.string, '0561', 'result is not there in full'],
    [t.bytes, 'ffffffffffffffffff01', 'result is not there in full'],
    [t.option(t.u8), '02', 'result is neither None nor Some'],
    [t.list(t.u16), '0301', 'result is not there in full'],
    [t.list(t.u16), 'ffffffff0f01', 'result is not there in full'],
    [t.list(t.tuple(t.f64, t.f64)), `02${'00'.repeat(31)}`, 'result is not there in full'],
    [t.list(t.unit), '818004', 'result has more than 65536 elements'],
    [t.list(t.array(t.unit, 5)), 'ffffff7f', 'result has more than 65536 elements'],
    [t.set(t.u8), '0501', 'result is not there in full'],
    [t.map(t.u8, t.f64), '02010000000000000000', 'result is not there in full'],
    [t.enum({ A: null, B: null }), '02', 'result is of an unknown variant, 2'],
    [t.struct({ a: t.u8, b: t.struct({ c: t.bool }) }), '0107', 'c is neither true nor false'],
    [Node, '0101'.repeat(300), 'next is nested more than 256 deep'],
    [t.check(t.u8, z.number().max(9, 'too large')), '0a', 'result is refused: too large'],
    [
      t.struct({ mail: t.check(t.struct({ to: t.string }), z.object({ to: z.email('no address') })) }),
      '0161',
      'mail is refused: to: no address',
    ],
  ])('%#', (type, hex, expected) => {
    if (typeof expected === 'string') {
      expect(refusal(() => decoded(type, hex), InvalidPayload)).toBe(`malformed payload: ${expected}`);
    } else if (expected === null) {
      expect(refusal(() => decoded(type, hex), InvalidPayload)).toBe(
        'malformed payload: bytes after the end of the value',
      );
    } else {
      expect(decoded(type, hex)).toBe(expected);
    }
  });

  it('arguments and items, with the bytes that follow them, and no channel is taken then', () => {
    const codec = codecOf(undefined, undefined, t.args(t.rx(t.u8), t.u8, t.option(t.bool)));
    const taken: unknown[] = [];
    const take = (direction: 'rx' | 'tx', index: number) => taken.push([direction, index]) as never;
    const said = (hex: string) => refusal(() => codec.decodeArgs(bytesOf(hex), take), InvalidPayload);
    expect(['', '05', '0502', '050100ff'].map(said)).toEqual([
      'malformed payload: args[1] is not there in full',
      'malformed payload: args[2] is not there in full',
      'malformed payload: args[2] is neither None nor Some',
      'malformed payload: bytes after the end of the value',
    ]);
    const items = codec.channel(0);
    expect(refusal(() => items.decode(bytesOf('0500')), InvalidPayload)).toBe(
      'malformed payload: bytes after the end of the value',
    );
    expect([taken, items.decode(bytesOf('05'))]).toEqual([[], 5]);
    expect(codec.decodeArgs(bytesOf('050100'), take)).toEqual([1, 5, false]);
    expect(taken).toEqual([['rx', 0]]);
  });

  it('more objects than a payload may have', () => {
    const type = t.list(t.list(t.u8));
    expect(decoded(type, `ffff0f${'00'.repeat(262_143)}`)).toHaveLength(262_143);
    expect(refusal(() => decoded(type, `808010${'00'.repeat(262_144)}`), InvalidPayload)).toBe(
      'malformed payload: more than 262144 objects',
    );
  });

  it('from any bytes the outcome is a value or InvalidPayload', () => {
    const Everything = t.struct({
      a: t.list(Shape),
      b: t.map(t.string, t.option(t.i64)),
      c: t.set(t.char),
      d: t.array(t.u128, 2),
      e: t.result(t.f32, Node),
      f: t.tuple(t.bytes, t.i16),
    });
    const sample = encoded(Everything, {
      a: [{ tag: 'Point' }, { tag: 'Scaled', value: [7, 1.5] }],
      b: new Map([['key', 5n]]),
      c: new Set(['a', 'é']),
      d: [1n, 2n ** 100n],
      e: { tag: 'Err', value: { value: 1, next: { value: 2, next: null } } },
      f: [Uint8Array.of(1, 2), -3],
    });
    let values = 0;
    const change = fc.tuple(fc.nat({ max: sample.length / 2 }), fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.nat(60), (changes, length) => {
        const bytes = bytesOf(sample);
        for (const [at, value] of changes) bytes[at] = value;
        const hex = hexOf(length < bytes.length - 10 ? bytes.subarray(0, length) : bytes);
        try {
          const value = decoded(Everything, hex);
          values++;
          expect(decoded(Everything, encoded(Everything, value))).toEqual(value);
        } catch (error) {
          if (!(error instanceof InvalidPayload)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
    expect(values).toBeGreaterThan(100);
    expect(values).toBeLessThan(4900);
  });
});

// r[rpc.fallible.roam-error]
describe('an answer', () => {
  const take = () => {
    throw new Error('no channel');
  };

  // The vectors of the official peers, directory result.
  it.each([
    ['Ok("hello")', t.string, undefined, '000568656c6c6f', [0, 'hello']],
    ['Ok(42)', t.u32, undefined, '002a', [0, 42]],
    ['Err(User("oops"))', t.u32, t.string, '0100046f6f7073', new ApplicationError('oops')],
    ['Err(UnknownMethod)', t.u32, undefined, '0101', new UnknownMethod()],
    ['Err(InvalidPayload)', t.u32, undefined, '0102', new InvalidPayload()],
    ['Err(Cancelled)', t.u32, undefined, '0103', new Cancelled('peer')],
  ])('is read as what it is: %s', (_, result, error, hex, expected) => {
    const outcome = codecOf(result, error).decodeOutcome(bytesOf(hex), take);
    expect(outcome).toEqual(expected);
    expect(outcome.constructor).toBe(expected.constructor);
  });

  it('is written as it is read', () => {
    expect(hexOf(codecOf(t.string).encodeResult('hello', []))).toBe('000568656c6c6f');
    expect(hexOf(codecOf(t.u32, t.string).encodeError('oops'))).toBe('0100046f6f7073');
    expect(Object.values(postcardPayload.refusals).map(hexOf)).toEqual(['0101', '0102', '0103']);
  });

  it.each([
    ['', 'result is not there in full'],
    ['02', 'result is neither Ok nor an error that the method has'],
    ['01', 'result is not there in full'],
    ['0104', 'result is neither Ok nor an error that the method has'],
    ['0100046f6f7073', 'result is neither Ok nor an error that the method has'],
    ['010100', null],
    ['002a00', null],
  ])('is refused where it is none: %s', (hex, text) => {
    expect(refusal(() => codecOf(t.u32).decodeOutcome(bytesOf(hex), take), InvalidPayload)).toBe(
      `malformed payload: ${text ?? 'bytes after the end of the value'}`,
    );
  });
});

describe('a definition that postcard can’t go by is refused by method and field', () => {
  const define = (options: object) => service('S', { m: method(options) }, { codec: postcardPayload });
  const one = schema(z.tuple([z.number()]));

  it.each([
    [{ args: one }, 'm.args must be t.args(…): postcard goes by the types of roam-actors/postcard'],
    [{ args: t.u8 }, 'm.args must be t.args(…): postcard goes by the types of roam-actors/postcard'],
    [
      { result: z.number() },
      'm.result must be a type that t gives: postcard goes by the types of roam-actors/postcard',
    ],
    [{ error: z.string() }, 'm.error must be a type that t gives: postcard goes by the types of roam-actors/postcard'],
    [{ itemsIn: t.u8 }, 'm.itemsIn has no place in postcard: t.rx and t.tx say what items are'],
    [{ itemsOut: t.u8 }, 'm.itemsOut has no place in postcard: t.rx and t.tx say what items are'],
  ])('%#', (options, text) => {
    expect(() => define(options)).toThrow(new InvalidArgument(text));
  });

  it.each([
    [() => t.option(z.string() as never), 'the type of t.option must be a type that t gives, not an object'],
    [() => t.list(undefined as never), 'the type of t.list must be a type that t gives, not undefined'],
    [() => t.array(t.u8, -1), 'the length of t.array must be an integer from 0 to 65536, not -1'],
    [() => t.struct({ 0: t.u8 }), "t.struct can't have 0 for a name: it is a number"],
    [() => t.struct({ a: z.string() as never }), 't.struct.a must be a type that t gives, not an object'],
    [() => t.struct(null as never), 't.struct must be an object of types'],
    [
      () => t.struct({ a: t.rx(t.u8) as never }),
      't.struct.a is an end of a channel, which can only be an argument of a method: t.args(…)',
    ],
    [() => t.enum({}), 't.enum needs a variant'],
    [() => t.enum({ 7: null }), "an enum can't have 7 for a name: it is a number"],
    [() => t.enum({ A: [t.u8] as never }), 'the variant A needs two types in its array; give a single one as it is'],
    [() => t.enum({ A: 'u8' as never }), "the variant A must be a type that t gives, not 'u8'"],
    [() => t.args(z.string() as never), 't.args[0] must be a type that t gives, not an object'],
    [() => t.rx(t.u8, { credit: -1 }), 'credit must be an integer from 0 to 2^32 − 1, not -1'],
    [() => t.check(t.u8, {} as never), 'the second argument of t.check must be a Standard Schema'],
    [() => t.lazy(t.u8 as never), 't.lazy takes a function that gives a type'],
    [
      () =>
        encoded(
          t.lazy(() => 5 as never),
          1,
        ),
      'the type that t.lazy gives must be a type that t gives, not 5',
    ],
  ])('%#', (act, text) => {
    expect(act).toThrow(new InvalidArgument(text));
  });
});

describe('a type on MessagePack', () => {
  it('checks what has come, refinements too', () => {
    const Person = t.struct({ name: t.check(t.string, z.string().min(2, 'too short')), age: t.u8 });
    const validate = (value: unknown) => schema(Person)['~standard'].validate(value);
    const sent = messagePackPayload.decode(messagePackPayload.encode({ name: 'Ada', age: 36 }));
    expect(validate(sent)).toEqual({ value: { name: 'Ada', age: 36 } });
    expect(validate({ name: 'A', age: 1 })).toEqual({ issues: [{ path: ['name'], message: 'too short' }] });
    expect(validate({ name: 'Ada', age: 256 })).toEqual({
      issues: [{ path: ['age'], message: 'must be an integer from 0 to 255, not 256' }],
    });
    expect(schema(t.args(t.u8))['~standard'].validate([1, 2])).toEqual({
      issues: [{ path: [], message: 'must have 1 elements, not 2' }],
    });
  });

  it('refuses by a refinement that answers later', () => {
    const late = { '~standard': { version: 1, vendor: 'x', validate: async (value: unknown) => ({ value }) } } as const;
    expect(schema(t.check(t.u8, late as never))['~standard'].validate(1)).toEqual({
      issues: [{ path: [], message: 'the schema of t.check answers later, and it must at once' }],
    });
  });
});

// Types that TypeScript infers: these lines compile, or not.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_?: T): void => {};
isTrue<Same<TypeOf<typeof Node>, Node>>();
isTrue<Same<OptionOf<string>, string | null>>();
isTrue<Same<OptionOf<string | null>, { some: string | null } | null>>();
const Typed = service(
  'Typed',
  {
    all: method({
      args: t.args(t.u64, t.struct({ list: t.list(t.option(t.string)) }), t.rx(t.i32), t.tx(t.bytes)),
      result: t.enum({ A: null, B: t.u8, C: [t.u8, t.string], D: { e: t.bool } }),
    }),
  },
  { codec: postcardPayload },
);
type Client = ReturnType<typeof Typed.client>;
type FirstFour<P> = P extends [infer A, infer B, infer C, infer D, ...unknown[]] ? [A, B, C, D] : never;
isTrue<Same<FirstFour<Parameters<Client['all']>>, [bigint, { list: (string | null)[] }, Rx<number>, Tx<Uint8Array>]>>();
isTrue<
  Same<
    Awaited<ReturnType<Client['all']>>,
    | { tag: 'A' }
    | { tag: 'B'; value: number }
    | { tag: 'C'; value: [number, string] }
    | { tag: 'D'; value: { e: boolean } }
  >
>();
