import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgument, InvalidPayload } from '../../src/base/errors.js';
import { channel, Rx, Tx } from '../../src/calls/channel.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import { MAX_CHANNELS, MAX_DEPTH, MAX_OBJECTS } from '../../src/payload/msgpack-layout.js';
import type { ChannelHandle, ChannelKind } from '../../src/payload/payload.js';

const { encode, decode } = messagePackPayload;

const hexOf = (value: unknown): string => Buffer.from(encode(value)).toString('hex');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Returns an end of a new channel, of the kind that is asked for. */
const take = (kind: ChannelKind): ChannelHandle => channel<unknown>()[kind === 'tx' ? 0 : 1];

/** The value, or the InvalidPayload; any other error is the test's failure. */
function decoded(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, take);
  } catch (error) {
    if (!(error instanceof InvalidPayload)) throw error;
    return error;
  }
}

const nested = (depth: number): unknown => {
  let value: unknown = [];
  for (let left = depth; left > 1; left--) value = [value];
  return value;
};

describe('a payload', () => {
  it.each<[unknown, string]>([
    [null, 'c0'],
    [undefined, 'd40000'],
    [false, 'c2'],
    [true, 'c3'],
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65_535, 'cdffff'],
    [65_536, 'ce00010000'],
    [2 ** 31, 'ce80000000'],
    [2 ** 32 - 1, 'ceffffffff'],
    [2 ** 32, 'cb41f0000000000000'],
    [-1, 'ff'],
    [-32, 'e0'],
    [-33, 'd0df'],
    [-128, 'd080'],
    [-129, 'd1ff7f'],
    [-32_768, 'd18000'],
    [-32_769, 'd2ffff7fff'],
    [-(2 ** 31), 'd280000000'],
    [-(2 ** 31) - 1, 'cbc1e0000000200000'],
    [-0, 'cb8000000000000000'],
    [1.5, 'cb3ff8000000000000'],
    [Number.NaN, 'cb7ff8000000000000'],
    [Number.POSITIVE_INFINITY, 'cb7ff0000000000000'],
    [0n, 'd30000000000000000'],
    [-(2n ** 63n), 'd38000000000000000'],
    [2n ** 63n, 'cf8000000000000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    ['', 'a0'],
    ['Ada', 'a3416461'],
    ['façade', 'a76661c3a7616465'],
    ['\ufeff', 'a3efbbbf'],
    ['a'.repeat(32), `d920${'61'.repeat(32)}`],
    ['é'.repeat(16), `d920${'c3a9'.repeat(16)}`],
    ['é'.repeat(15), `be${'c3a9'.repeat(15)}`],
    ['a'.repeat(256), `da0100${'61'.repeat(256)}`],
    ['é'.repeat(128), `da0100${'c3a9'.repeat(128)}`],
    ['a'.repeat(65_536), `db00010000${'61'.repeat(65_536)}`],
    ['€'.repeat(21_846), `db00010002${'e282ac'.repeat(21_846)}`],
    [new Uint8Array(0), 'c400'],
    [Uint8Array.of(1, 2), 'c4020102'],
    [new Uint8Array(256), `c50100${'00'.repeat(256)}`],
    [new Uint8Array(65_536), `c600010000${'00'.repeat(65_536)}`],
    [[], '90'],
    [[1, [2]], '92019102'],
    [new Array(16).fill(1), `dc0010${'01'.repeat(16)}`],
    [new Array(65_536).fill(1), `dd00010000${'01'.repeat(65_536)}`],
    [{}, '80'],
    [{ a: 1, b: undefined }, '82a16101a162d40000'],
    [Object.fromEntries(Array.from({ length: 16 }, (_, at) => [String.fromCharCode(97 + at), at])), null as never],
  ])('represents %p exactly', (value, hex) => {
    if (hex !== null) expect(hexOf(value)).toBe(hex);
    expect(decode(encode(value))).toEqual(value);
    const [back] = decode(encode([value])) as unknown[];
    if (typeof value !== 'object') expect(back).toBe(value);
  });

  it('gives back what it was given', () => {
    const leaf = fc.oneof(
      fc.constantFrom<unknown>(null, undefined, true, false),
      fc.double(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string({ unit: 'binary' }),
      fc.string({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 300 }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree'), { maxLength: 20 }),
        fc.dictionary(
          fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
          tie('tree'),
          { maxKeys: 20 },
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(decode(encode(value))).toStrictEqual(structuredClone(value));
      }),
      { numRuns: 500 },
    );
  });

  it('takes an object of no prototype, and of another realm', async () => {
    const { runInNewContext } = await import('node:vm');
    expect(hexOf(Object.assign(Object.create(null), { a: 1 }))).toBe('81a16101');
    expect(hexOf(runInNewContext('({ a: [new Uint8Array(1)] })'))).toBe('81a16191c40100');
  });

  it('has the bytes that are there, though their object says otherwise', () => {
    for (const length of [0, 1, 9, 300]) {
      const bytes = Object.defineProperty(Uint8Array.of(1, 2, 3), 'length', { value: length });
      expect(hexOf([bytes, 4])).toBe('92c40301020304');
    }
  });

  it('keeps its bytes when another one is encoded, also within a getter', () => {
    const first = encode('first');
    const inner: Uint8Array[] = [];
    const outer = encode({
      get a() {
        inner.push(encode('inner'));
        return 'outer';
      },
    });
    expect([first, ...inner, outer].map((bytes) => decode(bytes))).toEqual(['first', 'inner', { a: 'outer' }]);
  });

  it.each<[string, unknown, string]>([
    ['a function', () => {}, "value can't be represented: a function"],
    ['a symbol', { a: [Symbol('s')] }, "value.a[0] can't be represented: a symbol"],
    ['a Date', [{ when: new Date(0) }], "value[0].when can't be represented: a Date"],
    ['a Map', new Map(), "value can't be represented: a Map"],
    ['an instance of a class', new (class Point {})(), "value can't be represented: a Point"],
    ['another view', new Uint16Array(1), "value can't be represented: a Uint16Array"],
    ['a bigint above 2^64 − 1', 2n ** 64n, "value can't be represented: a bigint of more than 64 bits"],
    ['a bigint below −2^63', -(2n ** 63n) - 1n, "value can't be represented: a bigint of more than 64 bits"],
    ['a lone surrogate', ['\ud800'], "value[0] can't be represented: a string with a lone surrogate"],
    ['a key __proto__', JSON.parse('{"__proto__":1}'), "value.__proto__ can't be represented: a key __proto__"],
    [
      'an end of a channel where none can be',
      channel()[1],
      "value can't be represented: an end of a channel in an item",
    ],
  ])('refuses %s', (_, value, message) => {
    expect(() => encode(value)).toThrow(new InvalidArgument(message));
  });

  it('refuses a cycle, and what is nested deeper than it takes', () => {
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    expect(() => encode(cycle)).toThrow(/nesting deeper than 128, or a cycle$/);
    expect(decode(encode(nested(MAX_DEPTH)))).toEqual(nested(MAX_DEPTH));
    expect(() => encode(nested(MAX_DEPTH + 1))).toThrow(InvalidArgument);
    expect(decoded(bytesOf(`${'91'.repeat(MAX_DEPTH)}90`))).toEqual(
      new InvalidPayload('malformed payload: a value nested too deep'),
    );
    expect(decoded(bytesOf('81a161'.repeat(100_000)))).toBeInstanceOf(InvalidPayload);
  });

  it('refuses more objects than it takes', () => {
    const list = (count: number): unknown[] => Array.from({ length: count - 1 }, () => ({}));
    expect(decode(encode(list(MAX_OBJECTS)))).toHaveLength(MAX_OBJECTS - 1);
    expect(() => encode(list(MAX_OBJECTS + 1))).toThrow(InvalidArgument);
    const header = 'dd00010000';
    expect(decoded(bytesOf(header + '80'.repeat(MAX_OBJECTS)))).toBeInstanceOf(InvalidPayload);
    expect(decoded(bytesOf(header + 'c400'.repeat(MAX_OBJECTS)))).toBeInstanceOf(InvalidPayload);
  });

  it('names the ends of channels by their index, and which they are', () => {
    const [tx] = channel();
    const [, rx] = channel();
    const ends: ChannelHandle[] = [];
    const bytes = encode([{ rx }, tx], ends);
    expect(Buffer.from(bytes).toString('hex')).toBe('9281a27278d40100d40201');
    expect(ends).toEqual([rx, tx]);
    const taken: [ChannelKind, number][] = [];
    const value = decode(bytes, (kind, index) => {
      taken.push([kind, index]);
      return take(kind);
    });
    expect(taken).toEqual([
      ['rx', 0],
      ['tx', 1],
    ]);
    expect(value).toEqual([{ rx: expect.any(Rx) }, expect.any(Tx)]);
  });

  it('refuses more channels than an index counts', () => {
    const list = (count: number): unknown[] => Array.from({ length: count }, () => channel()[1]);
    const ends: ChannelHandle[] = [];
    encode(list(MAX_CHANNELS), ends);
    expect(ends).toHaveLength(MAX_CHANNELS);
    expect(() => encode(list(MAX_CHANNELS + 1), [])).toThrow(InvalidArgument);
  });

  it('pins little: small bytes are copied out of what was received', () => {
    const [small] = decode(encode([Uint8Array.of(1), new Uint8Array(1000)])) as Uint8Array[];
    expect(small?.buffer.byteLength).toBe(1);
  });
});

describe('any bytes are a value or an InvalidPayload', () => {
  it.each([
    ['', 'it ends too early'],
    ['91', 'it ends too early'],
    ['a2 61', 'it ends too early'],
    ['cb 00', 'it ends too early'],
    ['dd ffffffff', 'it ends too early'],
    ['df ffffffff', 'it ends too early'],
    ['c6 ffffffff', 'it ends too early'],
    ['00 00', 'bytes after the end of the value'],
    ['c1', 'the byte 0xc1, which MessagePack never uses'],
    ['81 01 01', 'a key that is no string'],
    ['82 a161 01 a161 02', 'a key twice'],
    ['82 a161 01 d90161 02', 'a key twice'],
    ['81 a9 5f5f70726f746f5f5f 01', 'a key __proto__'],
    ['a1 80', 'a string that is not UTF-8'],
    ['a2 c080', 'a string that is not UTF-8'],
    ['a3 eda080', 'a string that is not UTF-8'],
    ['d4 0001', 'an extension'],
    ['d4 0300', 'an extension'],
    ['d6 ff00000000', 'an extension'],
    ['c7 0000', 'an extension'],
    ['91 91 d40100', 'a channel where none can be'],
    ['91 81 a161 91 d40200', 'a channel where none can be'],
  ])('%s: %s', (hex, what) => {
    expect(decoded(bytesOf(hex))).toEqual(new InvalidPayload(`malformed payload: ${what}`));
  });

  it('also where no channel can be at all', () => {
    expect(() => decode(bytesOf('91d40100'))).toThrow(InvalidPayload);
  });

  it('for arbitrary bytes, which encode to a value again', () => {
    const piece = fc.constantFrom(
      '00',
      '7f',
      '80',
      '81',
      '82',
      '90',
      '91',
      '92',
      'a0',
      'a161',
      'a162',
      'c0',
      'c2',
      'c400',
      'd40000',
      'd40100',
      'd40201',
      'ff',
      'dc0002',
      'de0001',
      'cbffffffffffffffff',
      'd3ffffffffffffffff',
      'd90161',
    );
    const pieces = fc.array(piece, { maxLength: 30 }).map((list) => bytesOf(list.join('')));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), pieces), (bytes) => {
        const before = bytes.slice();
        const value = decoded(bytes);
        expect(Buffer.compare(bytes, before)).toBe(0);
        if (value instanceof InvalidPayload) return;
        const again = encode(value, []);
        expect(hexOf(decode(again, () => undefined as never))).toBe(hexOf(decode(bytes, () => undefined as never)));
      }),
      { numRuns: 5000 },
    );
  });

  it('for valid payloads with one byte changed, cut or put in', () => {
    const samples = [
      [1, -5, 2n, 'text', { a: [null, undefined, 1.5], b: new Uint8Array(3) }],
      [0, { deep: { er: [true] } }],
    ];
    for (const sample of samples) {
      const bytes = encode(sample);
      for (let at = 0; at < bytes.length; at++) {
        for (let value = 0; value < 256; value++) {
          decoded(Uint8Array.from(bytes, (byte, index) => (index === at ? value : byte)));
          decoded(Uint8Array.of(...bytes.subarray(0, at), value, ...bytes.subarray(at)));
        }
        decoded(bytes.subarray(0, at));
        decoded(bytes.subarray(at + 1));
      }
    }
  });
});
