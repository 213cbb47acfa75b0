import { describe, expect, test } from '@jest/globals';
import { IdSet } from '../../src/wire/idset.js';
import { NO_PROPAGATE, SENSITIVE } from '../../src/wire/metadata.js';
import { plain } from '../../src/wire/plain.js';
import { Sensitive } from '../../src/wire/sensitive.js';

class Door {
  readonly isOpen = true;
}

function nested(levels: number, innermost: unknown): unknown {
  let value = innermost;
  for (let level = 0; level < levels; level++) value = { in: value };
  return value;
}

const numbers = (length: number) => Array.from({ length }, (_, index) => index);

describe('what is shown of a value', () => {
  test.each<[what: string, value: unknown, shown: unknown]>([
    ['null', null, null],
    ['undefined', undefined, undefined],
    ['a boolean', false, false],
    ['a number', 1.5, 1.5],
    ['a number that JSON has no words for', Number.NaN, 'NaN'],
    ['an infinite number', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['a bigint', 7n, '7n'],
    ['a text', 'text', 'text'],
    ['a function', plain, '[function plain]'],
    ['a symbol', Symbol('sign'), '[Symbol(sign)]'],
    ['bytes', new Uint8Array(3), '[3 bytes]'],
    ['a buffer', new ArrayBuffer(4), '[4 bytes]'],
    ['a set of ids', IdSet.empty.add(1).add(9), '[2 ids]'],
    ['an actor', { sessionId: 'x:1', getSnapshot: () => ({}) }, '[actor x:1]'],
    ['what is like half an actor', { sessionId: 'x:1', getSnapshot: 1 }, { sessionId: 'x:1', getSnapshot: 1 }],
    [
      'what is like the other half',
      { sessionId: 1, getSnapshot: Door },
      { sessionId: 1, getSnapshot: '[function Door]' },
    ],
    ['an object of a class', new Door(), '[Door]'],
    [
      'an object whose class has no name',
      Object.create(Object.create({}, { constructor: { value: undefined } })),
      '[object]',
    ],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1n }), { a: '1n' }],
    ['what says itself how it is shown', { toJSON: () => ({ a: 1n }) }, { a: '1n' }],
    [
      'what throws when it is asked',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
      '[unreadable]',
    ],
    [
      'a field that throws',
      {
        get a() {
          throw new Error('no');
        },
      },
      '[unreadable]',
    ],
    ['a list with what has no JSON', [undefined, 1n, [2n]], [null, '1n', ['2n']]],
    ['a set', new Set([1n]), ['1n']],
    ['a map', new Map([['a', 1n]]), [['a', '1n']]],
    ['fields that are undefined', { a: undefined, b: 1 }, { b: 1 }],
    ['an error', new TypeError('wrong'), { name: 'TypeError', message: 'wrong' }],
    [
      'an error with a code and a cause',
      Object.assign(new Error('wrong', { cause: new RangeError('far') }), { code: 'link' }),
      { name: 'Error', message: 'wrong', code: 'link', cause: { name: 'RangeError', message: 'far' } },
    ],
    [
      'an error whose code is a number',
      Object.assign(new Error('wrong'), { code: 7 }),
      { name: 'Error', message: 'wrong' },
    ],
    [
      'an error whose cause has no JSON',
      new Error('wrong', { cause: null }),
      { name: 'Error', message: 'wrong', cause: null },
    ],
  ])('of %s', (_, value, shown) => {
    expect(plain(value)).toStrictEqual(shown);
  });

  test('has a field of any name as its own', () => {
    const shown = plain(JSON.parse('{ "__proto__": 1 }'));
    expect(Object.entries(shown as object)).toEqual([['__proto__', 1]]);
    expect(Object.getPrototypeOf(shown)).toBe(Object.prototype);
  });

  // r[rpc.metadata.flags.sensitive]
  test('is no SENSITIVE value, in a box or out of it', () => {
    const entry = (flags: unknown) => ({ key: 'token', value: 'secret', flags });
    expect(plain([entry(SENSITIVE), entry(SENSITIVE | NO_PROPAGATE), entry(NO_PROPAGATE), entry(1)])).toEqual([
      { key: 'token', value: '[sensitive]', flags: '1n' },
      { key: 'token', value: '[sensitive]', flags: '3n' },
      { key: 'token', value: 'secret', flags: '2n' },
      { key: 'token', value: 'secret', flags: 1 },
    ]);
    expect(JSON.stringify(plain({ value: new Sensitive('secret') }))).not.toContain('secret');
  });

  test('goes eight levels deep', () => {
    expect(plain(nested(7, {}))).toEqual(nested(7, {}));
    expect(plain(nested(8, {}))).toEqual(nested(8, '{…}'));
    expect(plain(nested(8, []))).toEqual(nested(8, '[…]'));
    expect(plain(nested(8, 'text'))).toEqual(nested(8, 'text'));
    const list = (levels: number): unknown => (levels === 0 ? [] : [list(levels - 1)]);
    expect(JSON.stringify(plain(list(8)))).toBe(`${'['.repeat(8)}"[…]"${']'.repeat(8)}`);
    // What says itself how it is shown, and what causes an error, each is a level of its own.
    const endless: { toJSON(): unknown } = { toJSON: () => endless };
    expect(plain(endless)).toBe('{…}');
    const circle = new Error('round');
    circle.cause = circle;
    expect(JSON.stringify(plain(circle)).match(/round/g)).toHaveLength(8);
  });

  test('has at most a hundred elements of a list, and fields of an object', () => {
    expect(plain(numbers(100))).toEqual(numbers(100));
    expect(plain(numbers(102))).toEqual([...numbers(100), '… 2 more']);
    expect(plain(new Set(numbers(101)))).toEqual([...numbers(100), '… 1 more']);
    const fields = (length: number) => Object.fromEntries(numbers(length).map((index) => [`k${index}`, index]));
    expect(plain(fields(100))).toEqual(fields(100));
    expect(plain(fields(102))).toEqual({ ...fields(100), '…': '2 more' });
  });

  test('has at most a thousand characters of a text', () => {
    expect(plain('x'.repeat(1_000))).toBe('x'.repeat(1_000));
    expect(plain('x'.repeat(1_002))).toBe(`${'x'.repeat(1_000)}… 2 more`);
  });

  test('has at most 32 768 characters of all texts, two more for each, and for each element of a list', () => {
    // 32 of them take 1 004 each, and leave 640: of the last one, after its own place, 638.
    const many = plain(Array.from({ length: 40 }, () => 'x'.repeat(1_000))) as readonly string[];
    expect(many.slice(31)).toEqual(['x'.repeat(1_000), `${'x'.repeat(638)}… 362 more`, '… 7 more']);
    // Where nothing is left, objects and lists are not gone into.
    const fields = Object.fromEntries(numbers(34).map((index) => [`k${index + 10}`, 'x'.repeat(1_000)]));
    const shown = plain({ fields, list: [1], object: { a: 1 } }) as Record<string, unknown>;
    expect(Object.values(shown).slice(1)).toEqual(['[…]', '{…}']);
    expect(JSON.stringify(shown).length).toBeLessThan(34_000);
  });
});
