import { ROOT } from '../wire/id.js';
import { call, echoOf, heard, hello, helloYourself, item, open, ping, pong, protocolError } from './phrases.js';
import { connectionRows } from './rows-connections.js';
import { ASKED, handshakeWith, MINE, offends } from './scenes.js';
import type { CaseSpec, World } from './vocabulary.js';

// Cases that no single machine's graph has: rows of the established session, and walks through several connections at once.

const EVERY_NONCE = [1n, 0n, 2n ** 64n - 1n];

const keepalive: readonly CaseSpec[] = [
  {
    name: 'Pings on the root are answered in order, each with its own nonce',
    row: '5.17',
    rule: 'session.keepalive',
    steps: [
      { tell: () => EVERY_NONCE.map((nonce) => ping(nonce)), hear: () => EVERY_NONCE.map((nonce) => echoOf(nonce)) },
    ],
  },
  {
    name: 'a Pong that nobody waits for is ignored',
    row: '5.19',
    rule: 'session.keepalive',
    steps: [{ tell: () => [pong(2n ** 40n)] }],
  },
  {
    name: 'a Ping on another id than the root',
    row: '9a.11',
    rule: 'session.keepalive',
    steps: [MINE, offends((w) => [ping(5n, w.mine())], { hear: (w) => [echoOf(5n, w.mine())] })],
  },
  {
    name: 'a Pong on another id than the root',
    row: '9a.11',
    rule: 'session.keepalive',
    steps: [MINE, offends((w) => [pong(5n, w.mine())])],
  },
  {
    name: 'a peer that pings goes on after the Pong, and pings again with another nonce',
    row: '5.18',
    rule: 'session.keepalive',
    needs: ['keepalive'],
    steps: [
      { ignoresPings: true, within: 'pingInterval', hear: () => [heard('Ping', ROOT)] },
      { tell: (w) => [pong(w.pinged)], within: 'pingInterval', hear: (w) => [otherPing(w.pinged)] },
    ],
  },
  {
    name: 'a peer that pings ends the session when no Pong comes',
    row: '6',
    rule: 'session.keepalive',
    needs: ['keepalive'],
    steps: [
      { ignoresPings: true, within: 'pingInterval', hear: () => [heard('Ping', ROOT)] },
      { within: 'pongTimeout', ends: true },
    ],
  },
  {
    name: 'a Pong with another nonce is no sign of life',
    row: '5.19',
    rule: 'session.keepalive',
    needs: ['keepalive'],
    steps: [
      { ignoresPings: true, within: 'pingInterval', hear: () => [heard('Ping', ROOT)] },
      { tell: (w) => [pong(w.pinged + 1n)], within: 'pongTimeout', ends: true },
    ],
  },
];

function otherPing(last: bigint) {
  return heard('Ping', ROOT, ({ nonce }) => (nonce === last ? { reason: 'its nonce was used before' } : undefined));
}

const messages: readonly CaseSpec[] = [
  ...(['Hello', 'HelloYourself'] as const).map(
    (type): CaseSpec => ({
      name: `a ${type} after the handshake`,
      row: '9a.09',
      rule: 'session.handshake',
      steps: [offends((w) => [type === 'Hello' ? hello(w.parity) : helloYourself(w.parity)])],
    }),
  ),
  {
    name: 'a ProtocolError ends the session, and is not answered',
    row: '9a.10',
    rule: 'session.message',
    steps: [MINE, { tell: () => [protocolError('session.message: so says the tester')], ends: true }],
  },
  {
    name: 'a ProtocolError on another id than the root',
    row: '9a.11',
    rule: 'session.message',
    steps: [MINE, offends((w) => [protocolError('session.message: so says the tester', w.mine())], { ends: true })],
  },
  {
    name: 'requests and channel messages on the root are taken',
    row: '5.14',
    rule: 'session.message',
    steps: [{ tell: (w) => [call(ROOT, w.mine()), item(ROOT, w.mine())] }],
  },
];

const ends: readonly CaseSpec[] = [
  {
    name: 'the end of the stream ends the session, whatever is open',
    row: '5',
    rule: 'session.message',
    steps: [MINE, { tell: () => ['end'], ends: true }],
  },
  {
    name: 'what was sent before the end of the stream takes effect first',
    row: '5',
    rule: 'session.message',
    steps: [{ tell: () => [ping(9n), 'end'], maybe: () => [echoOf(9n)], ends: true }],
  },
  {
    name: 'the peer shuts down: it closes the link, and no connection on the wire',
    row: '5.29',
    rule: 'connection.close',
    needs: ['shutdown'],
    steps: [MINE, { act: 'shutdown', ends: true }],
  },
  {
    name: 'the peer shuts down while its open is unanswered',
    row: '5.29',
    rule: 'connection.open',
    needs: ['open', 'shutdown'],
    steps: [ASKED, { act: 'shutdown', ends: true }],
  },
  {
    name: 'the peer shuts down while it has not decided on an open',
    row: '5.29',
    rule: 'connection.open',
    needs: ['defer', 'shutdown'],
    steps: [{ act: 'defer' }, { tell: (w) => [open(w.mine())] }, { act: 'shutdown', ends: true }],
  },
];

/** Returns the table for a peer of one role. Each case begins after the handshake. */
export function sessionCases(role: World['role']): readonly CaseSpec[] {
  return [...connectionRows, ...keepalive, ...messages, ...ends].map((row) => ({
    ...row,
    name: `session: ${row.name}`,
    steps: [...handshakeWith(role), ...row.steps],
  }));
}
