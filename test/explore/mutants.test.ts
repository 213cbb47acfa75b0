import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { hunt, type Kill, MUTANTS } from './hunt.js';
import { PROPERTIES } from './properties.js';
import { replay } from './replay.js';
import { mermaid } from './sequence.js';
import { mutantsTable } from './tables.js';
import { type Counterexample, counterexample, pathOf, toJSON } from './written.js';

const kills = new Map<string, Kill | undefined>();

function found(name: string): Kill {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (!kills.has(name)) kills.set(name, mutant && hunt(mutant));
  const kill = kills.get(name);
  if (kill === undefined) throw new Error(`${name} was not found`);
  return kill;
}

test.each(MUTANTS.map(({ name, by }) => [name, by]))('the mutant %s is found by %s', (name, by) => {
  expect(found(name).failure.finding.property).toBe(by);
});

test('every property finds a mutant', () => {
  expect(new Set(MUTANTS.map(({ by }) => by))).toEqual(new Set(Object.keys(PROPERTIES)));
});

test('docs/testing.md tells of every mutant, and of the shortest way to it', () => {
  const table = mutantsTable(MUTANTS.map((mutant) => ({ mutant, kill: found(mutant.name) })));
  expect(readFileSync('docs/testing.md', 'utf8')).toContain(`<!-- mutants -->\n\n${table}\n<!-- end -->`);
});

test.each(['missing-effect', 'off-by-one-id', 'swapped-target'])(
  'real sessions follow the counterexample of %s to the mistake, and do not make it',
  async (name) => {
    const { setup, failure } = found(name);
    const divergence = await replay(setup.system, failure.path);
    expect(divergence?.step).toBeGreaterThan(1);
  },
);

test('a counterexample that was written down as JSON leads the same way', () => {
  for (const name of ['missing-effect', 'long-winded', 'trusting-keepalive']) {
    const { setup, failure } = found(name);
    const written = JSON.parse(toJSON(counterexample(failure, setup))) as Counterexample;
    expect(written.property).toBe(failure.finding.property);
    expect(pathOf(setup, written)).toEqual(failure.path);
  }
});

test('a counterexample is drawn as a sequence of messages', () => {
  const { setup, failure } = found('missing-effect');
  expect(mermaid(setup, failure.path, failure.finding.text)).toMatchInlineSnapshot(`
"sequenceDiagram
  participant initiator
  participant acceptor
  Note over initiator: start
  Note over acceptor: start
  initiator->>acceptor: Hello on 0
  Note right of acceptor: active 0
  acceptor->>initiator: HelloYourself on 0
  Note right of initiator: active 0
  Note over initiator: user: open
  initiator->>acceptor: ConnectionOpen on 1
  Note right of acceptor: asked 1
  Note over initiator: user: abort 1
  Note right of initiator: settled 1 aborted
  Note over initiator,acceptor: 1 is known to one side only
"
`);
});
