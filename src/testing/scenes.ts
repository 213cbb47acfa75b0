import { opposite } from '../wire/id.js';
import { PROTOCOL_VERSION } from '../wire/message.js';
import { acceptOf, close, echoOf, heard, hello, helloYourself, open, ping } from './phrases.js';
import type { Answer, Expected, Step, World } from './vocabulary.js';

// The beginnings of cases.

/** The first message of an initiator. */
export const HELLO: Expected = heard('Hello', 0, ({ version }) =>
  version === PROTOCOL_VERSION
    ? undefined
    : { reason: `it speaks version ${version}`, rule: 'session.handshake', row: '3.08' },
);

/** Returns an acceptor's answer to a Hello with the tester's parity. */
export function helloYourselfOf(): Expected {
  return heard('HelloYourself', 0, ({ connectionSettings }, parity) =>
    connectionSettings.parity === opposite(parity)
      ? undefined
      : { reason: "it takes the initiator's own parity", rule: 'session.parity', row: '3.08' },
  );
}

/** Returns the handshake with a peer of a role. */
export function handshakeWith(role: World['role']): readonly Step[] {
  const cites = { rule: 'session.handshake', row: role === 'acceptor' ? '3.08' : '3.01' };
  if (role === 'acceptor') {
    return [{ cites, tell: (w) => [hello(w.parity)], hear: () => [helloYourselfOf()], establishes: true }];
  }
  return [
    { cites, hear: () => [HELLO] },
    { cites, tell: (w) => [helloYourself(w.parity)], establishes: true },
  ];
}

/** The tester's first connection is open. */
export const MINE: Step = {
  cites: { rule: 'connection.open', row: '5.05' },
  tell: (w) => [open(w.mine())],
  hear: (w) => [acceptOf(w.mine())],
};

/** The peer has opened a connection under an id of its choice, and the tester has not answered yet. */
export const ASKED: Step = {
  cites: { rule: 'connection.open', row: '5.21' },
  act: 'open',
  hear: () => [heard('ConnectionOpen', 0)],
};

export const CLOSED_BY_TESTER: Step = { tell: (w) => [close(w.mine())] };

export const ALIVE: Step = { tell: () => [ping(7n)], hear: () => [echoOf(7n)] };

/** The answer that the specification requires to a broken rule. */
export const ACCUSATION: Answer = { hear: () => [{ type: 'ProtocolError', on: 0 }], ends: true };
