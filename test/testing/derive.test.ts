import { expect, test } from '@jest/globals';
import { table } from '../../spec/rows/table.js';
import { conformanceCases } from '../../src/testing/conformance.js';
import { type ConformanceResult, conformance, type Word } from '../../src/testing/index.js';
import type { Message } from '../../src/wire/message.js';
import { ours } from './peers.js';

/** The state of an id for the peer under test. */
type Phase = 'opening' | 'undecided' | 'active' | 'closed';

/** Follows the ids of one exchange, from the messages alone. */
class Ids {
  readonly #phases = new Map<number, { readonly by: 'tester' | 'peer'; phase: Phase }>();
  #isEstablished = false;

  /** Returns what the peer takes the id of the tester's next message for. */
  stateOf({ type, connectionId: id }: Message): string {
    if (!this.#isEstablished) return 'handshake';
    if (type === 'Hello' || type === 'HelloYourself') return 'established';
    if (id === 0) return 'root';
    const known = this.#phases.get(id);
    return known === undefined ? 'never opened' : `${known.phase}, by the ${known.by}`;
  }

  note(from: 'tester' | 'peer', { type, connectionId: id }: Message): void {
    const known = this.#phases.get(id);
    if (type === 'HelloYourself') this.#isEstablished = true;
    else if (type === 'ConnectionOpen') {
      if (known === undefined || known.phase === 'closed') {
        this.#phases.set(id, { by: from, phase: from === 'peer' ? 'opening' : 'undecided' });
      }
    } else if (known === undefined) return;
    else if (type === 'ConnectionClose') known.phase = 'closed';
    else if (from === known.by || known.phase === 'active' || known.phase === 'closed') return;
    else if (type === 'ConnectionAccept') known.phase = 'active';
    else if (type === 'ConnectionReject') known.phase = 'closed';
  }
}

/** Returns each message that the tester sent, behind the state in which it found the peer. */
function reachedBy(results: readonly ConformanceResult[]): [state: string, message: string][] {
  const reached: [string, string][] = [];
  for (const { exchange } of results) {
    const ids = new Ids();
    for (const { from, message } of exchange) {
      if (!isMessage(message)) continue;
      if (from === 'tester') reached.push([ids.stateOf(message), nameOf(message)]);
      ids.note(from, message);
    }
  }
  return reached;
}

function isMessage(word: Word): word is Message {
  return typeof word === 'object' && 'connectionId' in word;
}

function nameOf(message: Message): string {
  return 'body' in message ? message.body.type : message.type;
}

/** The messages that the tester sends, by the state in which they find an id at the peer. */
const REACHED: Readonly<Record<string, string>> = {
  'active, by the peer':
    'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject GrantCredit Item Ping ProtocolError',
  'active, by the tester':
    'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject Item Ping Pong ProtocolError',
  'closed, by the peer': 'Call ConnectionAccept ConnectionClose ConnectionReject GrantCredit Item Response',
  'closed, by the tester':
    'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject GrantCredit Item Response',
  established: 'Hello HelloYourself',
  handshake:
    'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject Hello HelloYourself Item Ping Pong ProtocolError',
  'never opened':
    'Call Cancel ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject GrantCredit Item Ping Response',
  'opening, by the peer': 'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject Item',
  root: 'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject Item Ping Pong ProtocolError',
  'undecided, by the tester': 'Call ConnectionAccept ConnectionClose ConnectionOpen ConnectionReject Item',
};

test.each(['acceptor', 'initiator'] as const)(
  'the tester sends an %s every message in every state of an id',
  async (role) => {
    const subject = ours(role);
    const results = await conformance(subject.connect, { ...subject.options, timeouts: { answer: 500, late: 1 } });
    const reached: Record<string, string[]> = {};
    for (const [state, message] of reachedBy(results)) reached[state] = [...(reached[state] ?? []), message];
    const texts = Object.entries(reached).map(([state, messages]) => [state, [...new Set(messages)].sort().join(' ')]);
    expect(Object.fromEntries(texts)).toEqual(REACHED);
  },
);

test.each(['acceptor', 'initiator'] as const)('the cases for an %s cite rows of the table', (role) => {
  const rows = table.map(({ row }) => row);
  expect(conformanceCases({ role }).filter(({ row }) => !rows.includes(row))).toEqual([]);
});

/** The rows of sessions that the tester can't play, by the reason. */
const BEYOND: Readonly<Record<string, readonly string[]>> = {
  'the link of the peer refuses, holds or interrupts what is sent': [
    '3.06',
    '3.10',
    '5 link',
    '6.13',
    '9b.09',
    '9b.11',
    '9b.12',
  ],
  'it takes the limits and the times of the table': [
    ...['5 inbox', '5.06', '5.22', '5.23', '9b.06', '9b.07'],
    ...['6.01', '6.02', '6.03', '6.04', '6.05', '6.06', '6.07', '6.08', '6.09', '6.11', '6.12', '6.14'],
  ],
  'no control makes the application do that': ['5.07', '5.27', '5.28', '9b.04', '9b.05', '9b.18', '9b.23'],
  'only the application sees it': ['5 readable', '5.24', '9a.13', '9b.01'],
};

test('no row of sessions is left out but those that a tester can’t play', () => {
  const cases = (['acceptor', 'initiator'] as const).flatMap((role) => conformanceCases({ role }));
  const cited = new Set(cases.map(({ row }) => row));
  const missing = table.filter(({ layer, row }) => layer === 'session' && !cited.has(row)).map(({ row }) => row);
  expect(missing.sort()).toEqual(Object.values(BEYOND).flat().sort());
});
