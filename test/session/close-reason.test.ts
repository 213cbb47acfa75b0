import { describe, expect, test } from '@jest/globals';
import type { HandshakeFailure, Outcome, SessionEnd } from '../../machines/events.js';
import {
  ConnectionClosed,
  ConnectionRejected,
  HandshakeError,
  InvalidArgument,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  Refused,
  SessionClosed,
  Unavailable,
} from '../../src/base/errors.js';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { errorOf, handshakeFailed, reasonOf, sessionClosed } from '../../src/session/close-reason.js';

const cable = new Error('the cable was pulled');
const link = new LinkError('the link is closed');

/** Expects an error of the same class, text, rule, limit and cause. */
function same(error: unknown, expected: Error | undefined): void {
  expect(error).toEqual(expected);
  expect(error?.constructor).toBe(expected?.constructor);
  expect({ ...(error as object) }).toEqual({ ...expected });
  const cause = expected?.cause;
  if (cause instanceof Error) same((error as Error).cause, cause);
  else expect((error as Error | undefined)?.cause).toEqual(cause);
}

// The causes are those of SessionClosedReason, and the errors those of docs/errors.md.
describe('the reason of a session that ends', () => {
  const rule = 'session.parity';
  const description = 'not so';
  const LIMITS = {
    intakeBytes: 'the peer went on sending while reading was paused, past limits.intakeBytes',
    replyBytes: 'replies that the peer does not read went past limits.replyBytes',
    unreadTimeout: 'an inbox was full for limits.unreadTimeout, and was not read',
    stallTimeout: 'the outbox was full and made no progress for limits.stallTimeout: the peer does not read',
  } as const;

  test.each<[SessionEnd, cause: string, by: 'local' | 'peer', error: Error | undefined]>([
    [{ cause: 'shutdown' }, 'shutdown', 'local', undefined],
    [{ cause: 'released' }, 'released', 'local', undefined],
    [{ cause: 'abandoned' }, 'abandoned', 'local', undefined],
    [{ cause: 'stopped' }, 'stopped', 'local', undefined],
    [{ cause: 'peer' }, 'peer', 'peer', undefined],
    [{ cause: 'link', error: link }, 'link', 'peer', link],
    [{ cause: 'link', error: cable }, 'link', 'peer', new LinkError('the cable was pulled', cable)],
    [
      { cause: 'keepalive', pongTimeout: 500 },
      'keepalive',
      'local',
      new KeepaliveError('the peer did not answer a Ping within 500 ms'),
    ],
    [{ cause: 'accused', description }, 'protocol', 'peer', new ProtocolError('local', description)],
    [
      { cause: 'violation', rule, description },
      'protocol',
      'local',
      new ProtocolError('remote', 'session.parity: not so', rule),
    ],
    [{ cause: 'violation', rule, description, limit: 'frame' }, 'limit', 'local', new LimitExceeded('frame', 'not so')],
    ...Object.entries(LIMITS).map(([limit, text]): [SessionEnd, string, 'local', Error] => [
      { cause: 'limit', limit: limit as keyof typeof LIMITS },
      'limit',
      'local',
      new LimitExceeded(limit, text),
    ]),
    [{ cause: 'handshake', failure: { message: description } }, 'handshake', 'local', new HandshakeError(description)],
    [{ cause: 'crashed', error: cable }, 'crashed', 'local', new SessionClosed('local', cable)],
  ])('%j', (end, cause, by, error) => {
    const reason = reasonOf(end);
    expect(Object.keys(reason)).toEqual(error === undefined ? ['cause', 'by'] : ['cause', 'by', 'error']);
    expect([reason.cause, reason.by]).toEqual([cause, by]);
    same(reason.error, error);
    same(sessionClosed(reason), new SessionClosed(by, error));
  });
});

describe('a session that has not begun rejects', () => {
  const message = 'no';
  const rule = 'session.handshake';

  test.each<[string, HandshakeFailure, Error]>([
    ['with the text alone', { message }, new HandshakeError(message)],
    ['with the error that has caused it', { message, error: cable }, new HandshakeError(message, cable)],
    [
      'with the rule that was broken',
      { message, rule, error: cable },
      new HandshakeError(message, new ProtocolError('remote', 'session.handshake: no', rule)),
    ],
    [
      'with the limit that was passed',
      { message, rule, limit: 'handshakeBytes' },
      new HandshakeError(message, new LimitExceeded('handshakeBytes', message)),
    ],
    [
      'with the refusal of the acceptor',
      { message, rule, limit: 'frame', refusal: { reason: 'forbidden', text: 'not you' } },
      new HandshakeError(message, new Refused('forbidden', 'not you')),
    ],
  ])('%s', (_, failure, error) => {
    const end: SessionEnd = { cause: 'handshake', failure };
    same(handshakeFailed(end, reasonOf(end)), error);
    same(reasonOf(end).error, error);
  });

  test('with the cause for which it ended meanwhile', () => {
    for (const [end, error] of [
      [{ cause: 'shutdown' }, new HandshakeError('the session ended during the handshake: shutdown')],
      [{ cause: 'link', error: link }, new HandshakeError('the session ended during the handshake: link', link)],
    ] as const) {
      same(handshakeFailed(end, reasonOf(end)), error);
    }
  });
});

describe('a request that fails rejects', () => {
  const limits = { ...DEFAULT_LIMITS, openTimeout: 700, connections: 9 };
  const metadata = [{ key: 'roam-reason', value: 'no room', flags: 0n }];

  const ROWS: readonly [Exclude<Outcome, { type: 'done' | 'ended' }>, Error][] = [
    [{ type: 'rejected', id: 3, metadata }, new ConnectionRejected(3, metadata, 'clock')],
    [
      { type: 'closed', id: 3, by: 'local' },
      new ConnectionClosed('local', 'connection 3 was closed by us before it was accepted'),
    ],
    [
      { type: 'closed', id: 3, by: 'peer' },
      new ConnectionClosed('peer', 'connection 3 was closed by the peer before it was accepted'),
    ],
    [{ type: 'aborted', id: 3 }, new ConnectionClosed('local', 'the open of connection 3 was aborted', 'enough')],
    [
      { type: 'expired', id: 3 },
      new LimitExceeded('openTimeout', 'the peer did not answer the open of connection 3 within 700 ms'),
    ],
    [{ type: 'draining', by: 'local' }, new Unavailable('this session is being drained')],
    [{ type: 'draining', by: 'peer' }, new Unavailable('the peer takes no more calls and opens in this session')],
    [{ type: 'limited' }, new LimitExceeded('connections', '9 connections are open already')],
    [{ type: 'invalid', message: 'cannot close root connection' }, new InvalidArgument('cannot close root connection')],
  ];

  test.each(ROWS.map(([outcome, error]) => [outcome.type, outcome, error] as const))('%s', (_, outcome, error) => {
    same(errorOf(outcome, limits, 'enough', 'clock'), error);
  });
});
