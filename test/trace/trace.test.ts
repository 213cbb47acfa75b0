import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type AnyStateNode, StateMachine } from 'xstate';
import * as shipped from '../../machines/index.js';
import { table as rows } from '../../spec/rows/table.js';
import { RULES } from '../../src/wire/rule.js';
import { placesOfRows, rowsText } from './rows.js';
import { RULES_IN_SCOPE } from './rules.js';
import { table, textOf, trace } from './trace.js';

const { implementations, tests } = trace();
const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** Replaces values that JSON lacks (bytes and bigints) by their type: the rest of a case is enough here. */
const plain = (_: string, value: unknown) =>
  typeof value === 'bigint' || value instanceof Uint8Array ? typeof value : value;
const cases = JSON.stringify(
  rows.map((row) => row.cases),
  plain,
);

/**
 * The rules of which the machines of channels accuse a peer, from the matrices that a test compares with the specification.
 */
const ofChannels = new Set(
  ['unboundChannel', 'sender', 'receiver'].flatMap((machine) => {
    const matrix = readFileSync(new URL(`../machines/matrix/${machine}.md`, import.meta.url), 'utf8');
    return [...matrix.matchAll(/\*\*([a-z.-]+)\*\*/g)].map(([, rule]) => rule);
  }),
);

/**
 * The accusations that the tests of calls expect. These rules are not checked by a machine but by the code that spawns the
 * machines.
 */
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

  it('stand in docs/protocol.md as they are: npm run rules writes them there', () => {
    expect(page).toContain(`<!-- rules -->\n\n${table(trace())}\n<!-- end -->`);
  });
});

describe('the rows of the protocol', () => {
  const places = placesOfRows();
  const text = rowsText();

  it.each(rows.map(({ row }) => row))('%s is cited where it is carried out', (row) => {
    expect(places.get(row)).not.toBeUndefined();
    expect(places.get(row)?.filter(({ name }) => name === '')).toEqual([]);
  });

  it('lead to states and events of the machines that ship', () => {
    const machines = Object.values(shipped).flatMap((one) => (one instanceof StateMachine ? [one] : []));
    const wrong = [...places.values()]
      .flat()
      .filter(({ file }) => file.startsWith('machines/'))
      .filter(({ name, event }) => {
        const [id, ...path] = name.split('.');
        const states = path.reduce<AnyStateNode | undefined>(
          (state, key) => state?.states[key],
          machines.find((machine) => machine.id === id)?.root,
        );
        return states === undefined || (event?.includes('.') === true && !(event in (states.config.on ?? {})));
      });
    expect(wrong).toEqual([]);
  });

  it('lead to the machine of their own file', () => {
    const elsewhere = [...places.values()].flat().filter(({ file, name }) => {
      const chart = file.startsWith('machines/session/') ? 'machines/session/session.ts' : file;
      const text = readFileSync(new URL(`../../${chart}`, import.meta.url), 'utf8');
      return text.includes('.createMachine(') && !text.includes(`id: '${name.split('.')[0]}'`);
    });
    expect(elsewhere).toEqual([]);
  });

  it('stand in docs/protocol.md as they are: npm run rules writes them there', () => {
    expect(page).toContain(`<!-- rows -->\n\n${text}\n<!-- end -->`);
  });

  it('each have a test', () => {
    expect([...text.matchAll(/\*\*Tests\*\*: *$/gm)]).toEqual([]);
  });
});
