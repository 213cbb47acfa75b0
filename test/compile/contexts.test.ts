import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Contexts } from '../../src/compile/contexts.js';

/** All that can be seen of a context. */
function seen(context: object): unknown {
  const descriptors = Reflect.ownKeys(context).map((key) => [key, Object.getOwnPropertyDescriptor(context, key)]);
  return { descriptors, prototype: Object.getPrototypeOf(context) as unknown };
}

const NAMES = ['a', 'b', 'c', 'd', '1', '0', '__proto__', 'constructor', 'hasOwnProperty', 'long name'];
const SYMBOL = Symbol('a symbol');

/** Objects with some of the names in any order, and with odd fields and prototypes. */
const fields = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...NAMES, ...Array.from({ length: 70 }, (_, index) => `f${index}`)), {
      maxLength: 70,
    }),
    fc.constantFrom<'plain' | 'getter' | 'symbol' | 'hidden' | 'bare' | 'heir'>(
      ...(['plain', 'plain', 'plain', 'getter', 'symbol', 'hidden', 'bare', 'heir'] as const),
    ),
    fc.array(fc.constantFrom<unknown>(0, 'text', true, undefined, null, 1.5), { minLength: 1 }),
  )
  .map(([names, kind, values]) => {
    const prototype: object | null =
      kind === 'bare' ? null : kind === 'heir' ? { inherited: 1, a: 'of the prototype' } : Object.prototype;
    const object = Object.create(prototype) as object;
    const define = (key: PropertyKey, rest: PropertyDescriptor) =>
      Object.defineProperty(object, key, { configurable: true, enumerable: true, ...rest });
    for (const [index, name] of names.entries()) define(name, { value: values[index % values.length], writable: true });
    if (kind === 'getter') define('a', { get: () => 'got' });
    if (kind === 'symbol') define(SYMBOL, { value: 5, writable: true });
    if (kind === 'hidden') define('b', { value: 6, enumerable: false });
    return object;
  });

describe('a context with changes', () => {
  test.each([undefined, null])('is what Object.assign makes of it if %s comes in place of changes', (changes) => {
    for (const context of [{}, { a: 1 }]) {
      expect(new Contexts().with(context, changes as never)).toEqual(Object.assign({}, context, changes));
    }
  });

  test('is what Object.assign makes of them after any other contexts', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fields, fields), { minLength: 1, maxLength: 20 }), (all) => {
        const contexts = new Contexts();
        for (const [context, changes] of all) {
          // Twice: the second time there is a template.
          for (const _ of [1, 2]) {
            expect(seen(contexts.with(context, changes))).toEqual(seen(Object.assign({}, context, changes)));
          }
        }
      }),
    );
  });

  test('goes on from one context to the next, and leaves the ones before as they are', () => {
    fc.assert(
      fc.property(fields, fc.array(fields, { maxLength: 20 }), (first, changes) => {
        const contexts = new Contexts();
        let ours = contexts.with({}, first);
        let theirs = Object.assign({}, {}, first);
        for (const change of changes) {
          const [before, was] = [ours, seen(ours)];
          ours = contexts.with(ours, change);
          theirs = Object.assign({}, theirs, change);
          expect(seen(ours)).toEqual(seen(theirs));
          expect(seen(before)).toEqual(was);
        }
      }),
    );
  });

  test('gets no field that only one before had', () => {
    const contexts = new Contexts();
    contexts.with({ a: 1, b: 2 }, {});
    expect(seen(contexts.with({ a: 1 }, {}))).toEqual(seen({ a: 1 }));
  });

  test('gets no field of its prototype, though one before had a field of that name', () => {
    const contexts = new Contexts();
    contexts.with({ own: 1, inherited: 2 }, {});
    const heir = Object.assign(Object.create({ inherited: 3 }) as object, { own: 4 });
    expect(seen(contexts.with(heir, {}))).toEqual(seen({ own: 4 }));
  });
});
