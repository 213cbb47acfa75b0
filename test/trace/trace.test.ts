import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { RULES } from '../../src/wire/rule.js';
import { table as rows } from '../spec/table.js';
import { RULES_IN_SCOPE } from './rules.js';
import { table, textOf, trace } from './trace.js';

const { implementations, tests } = trace();

/** Of bytes and of numbers that JSON has not, that they are there is enough. */
const plain = (_: string, value: unknown) =>
  typeof value === 'bigint' || value instanceof Uint8Array ? typeof value : value;
const cases = JSON.stringify(
  rows.map((row) => row.cases),
  plain,
);

/** The rules of which the machines of channels accuse a peer, in the matrices that a test holds against the specification. */
const ofChannels = new Set(
  ['offer', 'sender', 'receiver'].flatMap((machine) => {
    const matrix = readFileSync(new URL(`../machines/matrix/${machine}.md`, import.meta.url), 'utf8');
    return [...matrix.matchAll(/\*\*([a-z.-]+)\*\*/g)].map(([, rule]) => rule);
  }),
);

/** What the tests of calls expect the accusations to begin with: no machine looks after these rules, but who spawns them. */
const ofCalls = textOf(['test/calls']);

describe('the rules of the specification', () => {
  it.each(RULES_IN_SCOPE)('%s is carried out somewhere, and checked somewhere', (rule) => {
    expect({ implemented: implementations.has(rule), tested: tests.has(rule) }).toEqual({
      implemented: true,
      tested: true,
    });
  });

  it('are named in comments by names that exist', () => {
    const known: readonly string[] = RULES_IN_SCOPE;
    expect([...implementations.keys(), ...tests.keys()].filter((rule) => !known.includes(rule))).toEqual([]);
  });

  it.each(RULES)(
    '%s, of which a peer can be accused, is reported in a case of the table, a cell of a matrix or a test of calls',
    (rule) => {
      const isInTable = cases.includes(`{"violation":"${rule}"}`);
      expect(isInTable || ofChannels.has(rule) || ofCalls.includes(`'${rule}'`)).toBe(true);
    },
  );

  it('stand in the README as they are: npm run rules writes them there', () => {
    expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain(table(trace()));
  });
});

describe('the rows of the protocol', () => {
  const text = textOf(['machines', 'src']);
  const numbered = rows.filter(({ row }) => /^\d\w?\.\d\d$/.test(row) && !row.startsWith('6.'));

  it.each(numbered.map(({ row }) => row))('%s is cited where it is carried out', (row) => {
    expect(text).toContain(row);
  });
});
