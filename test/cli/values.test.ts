import { describe, expect, test } from '@jest/globals';
import { verdictOn } from '../../src/cli/failure.js';
import { jsonLine } from '../../src/cli/json.js';
import { fromJson } from '../../src/cli/values.js';
import { type Type, t } from '../../src/payload/postcard/index.js';
import type { WireType } from '../../src/payload/postcard/types.js';

interface Chain {
  next: Chain | null;
  id: bigint;
}
const Chain: Type<Chain> = t.struct({ next: t.option(t.lazy(() => Chain)), id: t.u64 });
const Shape = t.enum({ Circle: { radius: t.f64 }, Scaled: [t.u8, t.u64], Named: t.string, Empty: t.unit, Point: null });

const read = (type: Type, json: string) => fromJson(type as WireType, JSON.parse(json), 'argument 1');
const bytes = (...all: number[]) => Uint8Array.from(all);

const SAME = ['"text"', '1', 'true', 'null', '[]', '{"a":1}'];

describe('a value from JSON', () => {
  test.each<[type: Type, json: string, value: unknown]>([
    [t.u64, '5', 5n],
    [t.i128, '-9007199254740991', -9007199254740991n],
    [t.u64, '"18446744073709551615"', 2n ** 64n - 1n],
    [t.isize, '"-3"', -3n],
    [t.bytes, '"00ff"', bytes(0, 255)],
    [t.bytes, '"AAECAw=="', bytes(0, 1, 2, 3)],
    [t.bytes, '"base64:abcd"', bytes(0x69, 0xb7, 0x1d)],
    [t.bytes, '""', bytes()],
    [t.bytes, '[1,2]', bytes(1, 2)],
    [t.unit, 'null', undefined],
    [t.f64, '"-Infinity"', Number.NEGATIVE_INFINITY],
    [t.string, '"Infinity"', 'Infinity'],
    [t.option(t.u64), 'null', null],
    [t.option(t.u64), '1', 1n],
    [t.option(t.option(t.u64)), '{"some":null}', { some: null }],
    [t.list(t.u64), '[1,"2"]', [1n, 2n]],
    [t.array(t.bytes, 1), '["ff"]', [bytes(255)]],
    [t.set(t.u64), '[1,2]', new Set([1n, 2n])],
    [t.map(t.string, t.u64), '{"a":1}', new Map([['a', 1n]])],
    [t.map(t.u64, t.string), '{"1":"a"}', new Map([[1n, 'a']])],
    [t.map(t.i8, t.bool), '{"-1":true}', new Map([[-1, true]])],
    [t.map(t.bytes, t.u8), '[["ff",1]]', new Map([[bytes(255), 1]])],
    [t.tuple(t.u64, t.bytes), '[1,"01"]', [1n, bytes(1)]],
    [t.newtype(t.u64), '1', 1n],
    [t.check(t.u64, t.u64), '1', 1n],
    [
      t.struct({ a: t.u64, ['__proto__']: t.u64 }),
      '{"a":1,"__proto__":2}',
      Object.fromEntries([
        ['a', 1n],
        ['__proto__', 2n],
      ]),
    ],
    [t.struct({ nothing: t.unit }), '{}', { nothing: undefined }],
    [Shape, '{"tag":"Circle","value":{"radius":1}}', { tag: 'Circle', value: { radius: 1 } }],
    [Shape, '{"tag":"Scaled","value":[1,2]}', { tag: 'Scaled', value: [1, 2n] }],
    [Shape, '{"tag":"Empty"}', { tag: 'Empty', value: undefined }],
    [Shape, '{"tag":"Point"}', { tag: 'Point' }],
    [t.result(t.u64, t.string), '{"tag":"Ok","value":1}', { tag: 'Ok', value: 1n }],
    [Chain, '{"next":{"next":null,"id":1},"id":2}', { next: { next: null, id: 1n }, id: 2n }],
  ])('of a %p, %s', (type, json, value) => {
    expect(read(type, json)).toEqual(value);
  });

  // The codec checks whether such a value fits its type, with errors of its own.
  test.each(SAME)('that needs no words of its own stays as it is: %s', (json) => {
    for (const type of [t.bool, t.u8, t.string, t.char]) expect(read(type, json)).toEqual(JSON.parse(json));
  });

  test.each<[type: Type, json: string, line: string]>([
    [
      t.u64,
      '9007199254740993',
      'argument 1: JSON numbers are exact to 2^53 - 1: give its digits in a string, not 9007199254740992',
    ],
    [t.u64, '1.5', 'argument 1: JSON numbers are exact to 2^53 - 1: give its digits in a string, not 1.5'],
    [t.bytes, '"a"', 'argument 1 must be bytes in hexadecimal or base64, not "a"'],
    [t.bytes, '"ä"', 'argument 1 must be bytes in hexadecimal or base64, not "ä"'],
    [t.list(t.u64), '{}', 'argument 1 must be an array, not {}'],
    [t.list(t.bytes), '["00","x"]', 'argument 1[1] must be bytes in hexadecimal or base64, not "x"'],
    [t.option(t.unit), '1', 'argument 1 must be null, or {"some": …}, not 1'],
    [t.map(t.u8, t.u8), '{"x":1}', 'argument 1: the key must be JSON in a string, not "x"'],
    [t.map(t.u8, t.u8), '[[1]]', 'argument 1[0] must be a pair [key, value], not [1]'],
    [t.struct({ a: t.u8 }), '[]', 'argument 1 must be an object, not []'],
    [t.struct({ a: t.u8 }), '{}', 'argument 1.a is missing'],
    [t.struct({ a: t.u8 }), '{"a":1,"b":2}', "argument 1 has no field 'b', but a"],
    [
      Shape,
      '{"tag":"Square"}',
      "argument 1.tag must be one of 'Circle', 'Scaled', 'Named', 'Empty', 'Point', not \"Square\"",
    ],
    [
      t.struct({ list: t.list(Shape) }),
      '{"list":[{"tag":"Scaled","value":[1,1.5]}]}',
      'argument 1.list[0].value[1]: JSON numbers are exact to 2^53 - 1: give its digits in a string, not 1.5',
    ],
  ])('of a %p is not %s', (type, json, line) => {
    let error: unknown;
    try {
      read(type, json);
    } catch (thrown) {
      error = thrown;
    }
    expect(verdictOn(error)).toEqual({ status: 2, line });
  });
});

describe('JSON from a value', () => {
  test.each<[value: unknown, json: string]>([
    [2n ** 53n - 1n, '9007199254740991'],
    [2n ** 53n, '"9007199254740992"'],
    [Buffer.from([255]), '"ff"'],
    [bytes(1, 2), '"0102"'],
    [new Map<unknown, unknown>([['a', new Map([[1, bytes(1)]])]]), '{"a":[[1,"01"]]}'],
    [new Set([1n, Number.NaN]), '[1,"NaN"]'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"'],
    [undefined, 'null'],
    [{ tag: 'Point' }, '{"tag":"Point"}'],
    ['\u009b', '"\\u009b"'],
  ])('of %p is %s', (value, json) => {
    expect(jsonLine(value)).toBe(json);
  });
});
