import { expect, test } from '@jest/globals';
import { hunt } from '../../explore/hunt.js';
import { MUTANTS } from '../../explore/mutants.js';
import { replay } from '../../explore/replay.js';
import { mermaid } from '../../explore/sequence.js';
import type { World } from '../../explore/world.js';

/** The mutants that are found at once, by what, and in how many steps at the least. */
const CHEAP = [
  ['swapped-target', 'tables-agree', 6],
  ['missing-effect', 'tables-agree', 5],
  ['off-by-one-id', 'ids-parity', 2],
  ['reused-id', 'ids-grow', 4],
  ['lost-timer', 'opens-settle', 2],
  ['hasty-keepalive', 'pong-in-time', 5],
  ['deaf-to-pause', 'pong-in-time', 7],
  ['early-greeting', 'no-accusation', 3],
  ['unsettled-close', 'settles-once', 6],
  ['double-settle', 'settles-once', 3],
  ['forgotten-removal', 'books-agree', 3],
  ['clinging-link', 'end-spreads', 2],
  ['silent-withdrawal', 'books-agree', 6],
  ['second-ping', 'one-ping', 3],
  ['talkative-root', 'root-unspoken', 2],
  ['repeated-close', 'silence-after-close', 3],
] as const;

function found(name: string) {
  const mutant = MUTANTS.find((one) => one.name === name);
  const kill = mutant && hunt(mutant);
  if (kill === undefined) throw new Error(`${name} was not found`);
  return kill;
}

test.each(CHEAP)('the mutant %s is found by %s, in %d steps', (name, property, steps) => {
  const { finding, path } = found(name).failure;
  expect([finding.property, path.length]).toEqual([property, steps]);
});

test.each(['missing-effect', 'off-by-one-id', 'swapped-target'])(
  'real sessions follow the counterexample of %s to the mistake, and do not make it',
  async (name) => {
    const { setup, failure } = found(name);
    const divergence = await replay(setup.world as World, failure.path);
    expect(divergence?.step).toBeGreaterThan(1);
  },
);

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
