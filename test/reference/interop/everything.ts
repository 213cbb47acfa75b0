import type { Everything } from './services.js';

/** The value that `everything()` in peer/src/service.rs is. */
export const EVERYTHING: Everything = {
  yes: true,
  small: [200, -100],
  middle: [60_000, -30_000],
  word: [4_000_000_000, -2_000_000_000],
  long: [2n ** 64n - 2n, -(2n ** 63n) + 1n],
  huge: [2n ** 128n - 3n, -(2n ** 127n) + 2n],
  size: [2n ** 40n, -(2n ** 40n)],
  single: 1.5,
  double: -0.1,
  letter: 'ß',
  text: 'grüße 🦀',
  bytes: Uint8Array.of(0, 127, 128, 255),
  list: [-1, 0, 1],
  maybe: { some: null },
  array: [1, -2, 3],
  map: new Map([
    ['a', 1],
    ['b', 300],
  ]),
  set: new Set([7, 300]),
  unit: undefined,
  choice: { tag: 'Fields', value: { a: 9, b: true } },
  result: { tag: 'Err', value: 'no' },
};

/** The same in Rust's own words. */
export const EVERYTHING_IN_RUST =
  'Everything { yes: true, small: (200, -100), middle: (60000, -30000), word: (4000000000, -2000000000), ' +
  'long: (18446744073709551614, -9223372036854775807), huge: (340282366920938463463374607431768211453, ' +
  '-170141183460469231731687303715884105726), size: (1099511627776, -1099511627776), single: 1.5, double: -0.1, ' +
  `letter: 'ß', text: "grüße 🦀", bytes: [0, 127, 128, 255], list: [-1, 0, 1], maybe: Some(None), array: [1, -2, 3], ` +
  'map: {"a": 1, "b": 300}, set: {7, 300}, unit: (), choice: Fields { a: 9, b: true }, result: Err("no") }';

const leaf = (name: string) => ({ name, children: [] });
const ends = (bits: number): [bigint, bigint] => [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
const limit = (bits: number): bigint => 2n ** BigInt(bits) - 1n;

/** Values of each method of `Types` that gives back what it gets. */
export const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  tBool: [true, false],
  tU8: [0, 127, 128, 255],
  tU16: [0, 127, 128, 16_383, 16_384, 65_535],
  tU32: [0, 127, 128, 2 ** 31, 2 ** 32 - 1],
  tU64: [0n, 127n, 128n, 2n ** 53n, 2n ** 63n, limit(64)],
  tU128: [0n, limit(64), limit(64) + 1n, limit(128)],
  tI8: [-128, -1, 0, 1, 127],
  tI16: [-32_768, -64, 63, 64, 32_767],
  tI32: [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1],
  tI64: [...ends(64), -1n, 0n, 1n],
  tI128: [...ends(128), ...ends(64)],
  tUsize: [0n, limit(64)],
  tIsize: ends(64),
  tF32: [0, -0, 1.5, Math.fround(3.4028234663852886e38), 2 ** -149, Number.NaN, Infinity, -Infinity],
  tF64: [0, -0, 0.1, Number.MAX_VALUE, Number.MIN_VALUE, Number.NaN, Infinity, -Infinity],
  tChar: ['a', '\0', 'é', '€', '\u{10ffff}'],
  tString: ['', 'grüße', '\ufeffwith a mark', '🦀', '\0', 'x'.repeat(128)],
  tUnit: [undefined],
  tBytes: [new Uint8Array(), Uint8Array.of(0, 255), new Uint8Array(16_384).fill(7)],
  tList: [[], [1, 128, 16_384], Array.from({ length: 1000 }, (_, n) => n)],
  tListOfLists: [[], [[], ['x']]],
  tOption: [null, 0, 7],
  tOptionOfOption: [null, { some: null }, { some: 7 }],
  tArray: [[0, 1, 2 ** 32 - 1]],
  tArrayU8: [[0, 1, 127, 255]],
  tArrays: [
    {
      numbers: [0, 1, 2 ** 32 - 1],
      bytes: [0, 1, 127, 255],
      points: [
        { x: 1, y: -1 },
        { x: 2, y: -2 },
      ],
    },
  ],
  // In the order of their keys: Rust's maps and sets are sorted.
  tMap: [
    new Map(),
    new Map([
      ['a', 1],
      ['ä', 2],
    ]),
  ],
  tSet: [new Set(), new Set([1, 2, 300])],
  tTuple: [[255, -1, 'x']],
  tNew: [7],
  tThin: [7],
  tEmpty: [undefined],
  tVariants: [
    { tag: 'Unit' },
    { tag: 'New', value: 7 },
    { tag: 'Pair', value: [7, 'x'] },
    { tag: 'Fields', value: { a: 7, b: true } },
  ],
  tNode: [
    { value: 1, next: null },
    { value: 1, next: { value: 2, next: { value: 3, next: null } } },
  ],
  tTree: [{ name: 'root', children: [leaf('left'), { name: 'right', children: [leaf('below')] }] }],
  tBoxed: [7],
  tOutcome: [{ result: { tag: 'Ok', value: 7 } }, { result: { tag: 'Err', value: 'no' } }],
  tPair: [[7, 'x']],
  tOdd: [
    {
      ['__proto__']: 7,
      constructor: 'x',
      type: true,
      // biome-ignore lint/suspicious/noThenProperty: a field of Rust may be named so.
      then: 8,
      to_string: { tag: 'constructor', value: { ['__proto__']: 9, hasOwnProperty: true } },
    },
    // biome-ignore lint/suspicious/noThenProperty: a field of Rust may be named so.
    { ['__proto__']: 7, constructor: '', type: false, then: null, to_string: { tag: '__proto__', value: 9 } },
  ],
  tExpression: [
    {
      tag: 'Call',
      value: [
        'f',
        [
          {
            tag: 'Sum',
            value: {
              left: { tag: 'Number', value: 1 },
              right: { tag: 'Negative', value: { tag: 'Number', value: 2 } },
            },
          },
          { tag: 'Maybe', value: null },
          { tag: 'Maybe', value: { tag: 'Number', value: 3 } },
        ],
      ],
    },
  ],
  tOptionOfUnit: [null, { some: undefined }],
  tListOfUnits: [[], [undefined, undefined, undefined]],
  tMapOfMaps: [new Map(), new Map([[[1, 'a'], new Map([[-1, true]])]])],
  tHashMap: [new Map(), new Map([[7, 'x']])],
  tHashSet: [new Set(), new Set(['x'])],
  tOutcomes: [
    {
      list: [
        { tag: 'Ok', value: 1 },
        { tag: 'Err', value: 'two' },
      ],
      unit: { tag: 'Err', value: { tag: 'Overflow' } },
      nested: { tag: 'Ok', value: { tag: 'Err', value: -1 } },
    },
    {
      list: [],
      unit: { tag: 'Ok', value: undefined },
      nested: { tag: 'Err', value: Uint8Array.of(1, 2) },
    },
  ],
  tGeneric: [{ items: [{ x: 1, y: -1 }], next: limit(64) }],
  tEverything: [EVERYTHING],
};

/** The arguments that some methods get when the Rust peer plays `types`. */
export const FROM_RUST: Readonly<Record<string, readonly unknown[]>> = {
  tBool: [true],
  tU8: [255, 0],
  tU16: [65_535],
  tU32: [2 ** 32 - 1],
  tU64: [limit(64)],
  tU128: [limit(128), 0n],
  tI8: [-128, 127],
  tI16: [-32_768, 32_767],
  tI32: [-(2 ** 31), 2 ** 31 - 1],
  tI64: ends(64),
  tI128: ends(128),
  tUsize: [limit(64)],
  tIsize: [-(2n ** 63n)],
  tF32: [2 ** -126, -0, Number.NaN],
  tF64: [-Infinity, -0, Number.NaN, Number.MIN_VALUE],
  tChar: ['\u{10ffff}'],
  tString: ['grüße', ''],
  tUnit: [undefined],
  tBytes: [Uint8Array.of(0, 255), new Uint8Array()],
  tList: [[1, 128, 16_384]],
  tListOfLists: [[[], ['x']]],
  tOption: [null, 7],
  tOptionOfOption: [null, { some: null }, { some: 7 }],
  tArray: [[1, 2, 3]],
  tArrayU8: [[1, 2, 3, 4]],
  tArrays: VALUES['tArrays'] as readonly unknown[],
  tMap: (VALUES['tMap'] as readonly unknown[]).slice(1),
  tSet: [new Set([1, 2, 3])],
  tTuple: [[1, -1, 'x']],
  tVariants: VALUES['tVariants'] as readonly unknown[],
  tNode: [{ value: 1, next: { value: 2, next: null } }],
  tTree: [{ name: 'root', children: [leaf('left'), leaf('right')] }],
  tOutcome: VALUES['tOutcome'] as readonly unknown[],
  tOdd: (VALUES['tOdd'] as readonly unknown[]).slice(0, 1),
  tExpression: VALUES['tExpression'] as readonly unknown[],
  tOptionOfUnit: [{ some: undefined }],
  tListOfUnits: [[undefined, undefined, undefined]],
  tMapOfMaps: (VALUES['tMapOfMaps'] as readonly unknown[]).slice(1),
  tOutcomes: (VALUES['tOutcomes'] as readonly unknown[]).slice(0, 1),
  tGeneric: VALUES['tGeneric'] as readonly unknown[],
  tEverything: [EVERYTHING],
  describe: [EVERYTHING],
};
