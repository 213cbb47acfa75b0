import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { ConnectionRejected } from '../../src/base/errors.js';
import { SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';

const SECRET = 'open sesame';

const VALUES = [
  ['a string', SECRET],
  ['bytes', new TextEncoder().encode(SECRET)],
  ['an integer', 0xfeed_beef_feed_beefn],
] as const;

/** However someone might look at a thing without asking for its secret. */
const WAYS: readonly [string, (box: Sensitive) => unknown][] = [
  ['JSON.stringify', (box) => JSON.stringify({ box, list: [box] })],
  ['String', (box) => String(box)],
  ['a template', (box) => `${box as unknown as string}`],
  ['concatenation', (box) => `say ${String(box)}`.concat(box as unknown as string)],
  ['util.inspect', (box) => inspect({ box }, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true })],
  ['structuredClone', (box) => inspect(structuredClone({ box }), { showHidden: true })],
  ["an error's cause", (box) => inspect(new Error('no', { cause: box }), { showHidden: true })],
  ['Object.entries', (box) => inspect([Object.entries(box), Object.getOwnPropertyDescriptors(box), { ...box }])],
  ['Object.assign', (box) => inspect(Object.assign({}, box))],
];

describe('a sensitive value', () => {
  describe.each(VALUES)('of %s', (_, value) => {
    const shown =
      typeof value === 'bigint' ? [value.toString(), value.toString(16)] : [SECRET, '6f 70 65 6e', '111, 112'];

    test.each(WAYS)('is not seen by %s', (_, look) => {
      const seen = String(look(new Sensitive(value)));
      for (const text of shown) expect(seen).not.toContain(text);
    });

    test('is given by reveal, and by nothing else', () => {
      expect(new Sensitive(value).reveal()).toBe(value);
    });
  });

  test('prints as [sensitive]', () => {
    const box = new Sensitive(SECRET);
    expect([String(box), JSON.stringify(box), inspect(box)]).toEqual(['[sensitive]', '"[sensitive]"', '[sensitive]']);
  });

  test('is not seen in what a rejection says, prints or serialises, and can be revealed', () => {
    const metadata = [{ key: 'token', value: new Sensitive(SECRET), flags: SENSITIVE }];
    const error = new ConnectionRejected(3, metadata);
    const seen = [
      error.message,
      String(error.stack),
      JSON.stringify(error),
      JSON.stringify(error.metadata, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
      inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
      inspect(new Error('outer', { cause: error }), { depth: Number.POSITIVE_INFINITY, showHidden: true }),
      inspect(structuredClone(error), { showHidden: true }),
    ].join('\n');
    expect(seen).not.toContain(SECRET);
    expect(Object.keys(error)).not.toContain('metadata');
    expect(error.metadata.map(({ value }) => (value as Sensitive).reveal())).toEqual([SECRET]);
  });
});
