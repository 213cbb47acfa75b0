import { describe, expect, test } from '@jest/globals';
import type { Facts } from '../../src/cli/demo/demo-event.js';
import { type Ending, judge } from '../../src/cli/demo/summary.js';

const words = ['statecharts', 'all the way', 'down'];
const items = ['one', 'two', 'three', 'four', 'five'];

const CALLED = {
  echoed: words,
  cancelled: 'cancelled',
  streamed: Array.from({ length: 40 }, (_, index) => index + 1),
};

/** The facts of both processes when every check passes, written by hand. */
const INITIATOR: Facts = {
  parity: 'odd',
  peerName: 'acceptor',
  isTokenRight: true,
  echoes: words,
  items,
  overruns: 0,
  receipt: '5 items',
  farewell: '{bye: "from the acceptor"}',
  rejection: '{reason: "no such service", offered: 2}',
  proxied: ['STATECHARTS', 'ALL THE WAY', 'DOWN'],
  behindProxy: ['{trace: "a1"}', '{trace: "a1"}', '{trace: "a1"}'],
  called: CALLED,
  closed: 'released, by local',
  pings: 8,
  pongs: 7,
  received: { Call: 7, Response: 10, Item: 45, GrantCredit: 3, Close: 2 },
  connections: {
    'connection 0': 'active → stopped',
    'connection 1': 'opening → active → closed',
    'connection 2': 'deciding → active → closed',
    'connection 3': 'opening → rejected',
    'connection 4': 'deciding → active → closed',
    'connection 5': 'opening → active → closed',
    'connection 7': 'opening → active → closed',
  },
};

const { rejection: _1, proxied: _2, behindProxy: _3, called: _4, ...common } = INITIATOR;
const ACCEPTOR: Facts = {
  ...common,
  parity: 'even',
  peerName: 'initiator',
  farewell: '{bye: "from the initiator"}',
  stopped: ['slow: cancelled'],
  closed: 'peer, by peer',
  received: { Call: 10, Cancel: 1, Response: 7, Item: 5, GrantCredit: 8, Close: 1 },
  connections: {
    'connection 0': 'active → stopped',
    'connection 1': 'deciding → active → closed',
    'connection 2': 'opening → active → closed',
    'connection 3': 'deciding → rejected',
    'connection 4': 'opening → active → closed',
    'connection 5': 'deciding → active → closed',
    'connection 7': 'deciding → active → closed',
  },
};

const GOOD: Ending = { facts: INITIATOR, exit: 0 };

function failures(initiator: Ending, acceptor: Ending, isSecretKept = true): string[] {
  return judge({ initiator, acceptor }, isSecretKept)
    .filter(({ holds }) => !holds)
    .map(({ name }) => name);
}

describe("the demo's summary", () => {
  test('holds what is as it should be for so', () => {
    const verdicts = judge({ initiator: GOOD, acceptor: { facts: ACCEPTOR, exit: 0 } }, true);
    expect(verdicts.map(({ holds }) => holds)).toEqual(new Array(14).fill(true));
  });

  test.each<[name: string, wrong: Partial<Facts>]>([
    ['handshake', { isTokenRight: false }],
    ['handshake', { peerName: '' }],
    ['handshake', { parity: 'even' }],
    ['keepalive', { pings: 8, pongs: 6 }],
    ['keepalive', { pings: 0, pongs: 0 }],
    ['connections', { connections: { ...INITIATOR.connections, 'connection 7': 'opening' } }],
    ['rejection', { rejection: '{}' }],
    ['requests', { echoes: [...words].reverse() }],
    ['channels', { items: items.slice(1) }],
    ['channels', { overruns: 1 }],
    ['channels', { receipt: '4 items' }],
    ['proxy', { proxied: words }],
    ['proxy', { behindProxy: ['{trace: "a1", hop: "private"}', '{trace: "a1"}', '{trace: "a1"}'] }],
    ['calls', { called: { ...CALLED, echoed: [] } }],
    ['calls', { called: { ...CALLED, cancelled: '1' } }],
    ['stream', { called: { ...CALLED, streamed: CALLED.streamed.slice(1) } }],
    ['messages', { received: { ...INITIATOR.received, Call: 8 } }],
    ['closes', { farewell: '{}' }],
    ['end', { closed: 'link, by peer' }],
  ])('finds fault with the %s where there is %j', (name, wrong) => {
    const facts = { ...INITIATOR, ...wrong };
    expect(failures({ facts, exit: 0 }, { facts: ACCEPTOR, exit: 0 })).toEqual([name]);
  });

  test.each<[name: string, wrong: Partial<Facts>]>([
    ['calls', { stopped: [] }],
    ['messages', { received: { ...ACCEPTOR.received, GrantCredit: 5 } }],
    ['messages', { received: { ...ACCEPTOR.received, Cancel: 2 } }],
  ])('finds fault with the %s where the acceptor has %j', (name, wrong) => {
    expect(failures(GOOD, { facts: { ...ACCEPTOR, ...wrong }, exit: 0 })).toEqual([name]);
  });

  test('finds fault with a SENSITIVE value that was told', () => {
    expect(failures(GOOD, { facts: ACCEPTOR, exit: 0 }, false)).toEqual(['secrecy']);
  });

  test('finds fault with a process that did not end by itself, with or without events', () => {
    const verdicts = judge({ initiator: GOOD, acceptor: { facts: ACCEPTOR, exit: 'SIGKILL' } }, true);
    expect(verdicts.filter(({ holds }) => !holds)).toEqual([
      { name: 'processes', holds: false, text: 'acceptor: exit SIGKILL' },
    ]);
  });

  test('says what a process has failed with, everywhere where it has told nothing', () => {
    const [first, ...others] = judge({ initiator: GOOD, acceptor: { failure: 'no such luck', exit: 1 } }, true);
    expect(first).toEqual({ name: 'handshake', holds: false, text: 'acceptor: no such luck' });
    expect(others.filter(({ holds }) => holds).map(({ name }) => name)).toEqual(['secrecy']);
  });
});
