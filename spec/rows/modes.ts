import type { Message } from '../../src/wire/message.js';
import {
  accept,
  call,
  cancel,
  close,
  credit,
  hello,
  helloYourself,
  item,
  M,
  open,
  ping,
  pong,
  protocolError,
  reject,
  response,
} from './messages.js';
import {
  accepted,
  alike,
  BOTH,
  byKeepalive,
  byPeer,
  closedBy,
  connectionClosed,
  failed,
  invalid,
  NOTHING,
  offence,
  opened,
  read,
  sessionClosed,
  VIOLATION,
} from './outcome.js';
import { ACCEPTING, ACTIVE_1, ACTIVE_2, DECIDING, KEEPALIVE, PENDING_1, UNDECIDED_2 } from './scenes.js';
import type { Case, Given, Row, SessionEnd, Step } from './vocabulary.js';

// Section 9a, the two modes, from the established session on.

const REPLY: Step = { peer: ping(1n), wire: [pong(1n)] };

/** The active connection 1 works as before: messages flow both ways, and it is closed by a Close and nothing else. */
const INTACT_1: readonly Step[] = [
  { peer: call(1, 2) },
  { user: 'read', on: 'a', as: 'intact', settled: { intact: read(call(1, 2)) } },
  { user: 'send', on: 'a', message: response(1, 2), wire: [response(1, 2)] },
  { peer: close(1), closed: { a: closedBy('peer') } },
];

/** 9a.04: an Accept and a Reject, out of place on this id. */
function strayAnswers(
  what: string,
  id: number,
  options: Omit<Parameters<typeof offence>[0], 'name' | 'peer' | 'rule'>,
): readonly Case[] {
  return [
    ...offence({ name: `an Accept for ${what}`, peer: accept(id), rule: 'connection.open', ...options }),
    ...offence({ name: `a Reject for ${what}`, peer: reject(id), rule: 'connection.open', ...options }),
  ];
}

/** 9a.05: on an id that is closed everything is dropped, in both modes; the session goes on. */
function late(what: string, given: Given, before: readonly Step[], peer: readonly Message[]): Case {
  return { name: `on ${what} everything late is dropped`, modes: BOTH, given, steps: [...before, { peer }, REPLY] };
}

/** All messages about our connections that a peer may have under way on an id that we allocated. */
const LATE_1 = [accept(1), reject(1), close(1), call(1, 2), response(1, 1), item(1, 2), credit(1, 1, 1)];
/** The same on an id of the peer's; an Accept or Reject never is, 9a.04. */
const LATE_2 = [close(2), call(2, 2), response(2, 1), item(2, 2), credit(2, 1, 1)];

export const modes: readonly Row[] = [
  {
    row: '9a.03',
    rule: 'session.parity',
    layer: 'session',
    situation: 'ConnectionOpen with the wrong parity, on 0, or on an id in use',
    reference: { wire: 'ConnectionReject, empty metadata', user: NOTHING },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'an Open with our parity, never opened',
        given: ACCEPTING,
        peer: open(3),
        rule: 'session.parity',
        reference: { wire: [reject(3)] },
        // Our own allocation of ids is not affected.
        after: [
          { user: 'open', as: 'a', wire: [open(1)] },
          { user: 'open', as: 'b', wire: [open(3)] },
        ],
      }),
      ...offence({
        name: 'an Open on the id of our pending connection',
        given: ACCEPTING,
        before: [PENDING_1],
        peer: open(1),
        rule: 'session.parity',
        reference: { wire: [reject(1)] },
        after: [{ peer: accept(1), settled: { a: opened(1) } }],
        strict: { settled: { a: sessionClosed() } },
      }),
      ...offence({
        name: 'an Open on the id of our active connection',
        given: ACCEPTING,
        before: ACTIVE_1,
        peer: open(1),
        rule: 'session.parity',
        reference: { wire: [reject(1)] },
        after: INTACT_1,
      }),
      ...offence({
        name: 'an Open on 0',
        given: ACCEPTING,
        peer: open(0),
        rule: 'session.parity',
        reference: { wire: [reject(0)] },
        after: [{ peer: call(0, 2) }, { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2)) } }],
      }),
      ...offence({
        name: 'an Open on the id of the peer’s active connection',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: open(2),
        rule: 'connection.open',
        reference: { wire: [reject(2)] },
        after: [{ peer: close(2, M), closed: { '#2': closedBy('peer', M) } }],
      }),
      ...offence({
        name: 'an Open on the id of an undecided connection',
        given: DECIDING,
        before: [UNDECIDED_2],
        peer: open(2),
        rule: 'connection.open',
        reference: { wire: [reject(2)] },
        after: [{ user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [accepted(2)] }],
        strict: { aborted: [2] },
      }),
    ],
  },
  {
    // We never have to answer an id of the peer's parity, be it active, closed or never opened.
    row: '9a.04',
    rule: 'connection.open',
    layer: 'session',
    situation:
      'Accept or Reject for an active id, for 0, for an id of the peer’s parity (also one that was closed: no side can ' +
      'answer its own open), or never opened',
    reference: { wire: NOTHING, user: 'ignored: changes nothing' },
    strict: VIOLATION,
    cases: [
      ...strayAnswers('an active connection', 1, { before: ACTIVE_1, after: INTACT_1 }),
      ...strayAnswers('the root', 0, {
        after: [{ peer: call(0, 2) }, { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2)) } }],
      }),
      ...strayAnswers('an id that we never opened', 1, { after: [{ user: 'open', as: 'a', wire: [open(1)] }] }),
      ...strayAnswers('the id above the highest that we opened', 3, {
        before: [PENDING_1],
        after: [{ peer: accept(1), settled: { a: opened(1) } }],
        strict: { settled: { a: sessionClosed() } },
      }),
      ...strayAnswers('an id that the peer never opened', 2, { after: [REPLY] }),
      ...strayAnswers('the peer’s active connection', 2, {
        given: ACCEPTING,
        before: [ACTIVE_2],
        after: [{ peer: close(2), closed: { '#2': closedBy('peer') } }],
      }),
      ...strayAnswers('the peer’s undecided connection', 2, {
        given: DECIDING,
        before: [UNDECIDED_2],
        after: [{ user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] }],
        strict: { aborted: [2] },
      }),
      ...strayAnswers('the peer’s closed connection', 2, {
        given: ACCEPTING,
        before: [ACTIVE_2, { peer: close(2), closed: { '#2': closedBy('peer') } }],
        after: [REPLY],
      }),
    ],
  },
  {
    // "Once opened" is at or below the highest id of that parity opened so far: no set of closed ids is kept. An Open
    // that we rejected raised that mark too.
    row: '9a.05',
    layer: 'session',
    situation:
      'Close, Request or Channel message on an id once opened and now closed, by whomever; Accept, Reject for such an ' +
      'id of ours',
    ...alike(NOTHING, 'dropped: it may have been under way'),
    cases: [
      late(
        'a connection of ours that we closed',
        {},
        [...ACTIVE_1, { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } }],
        LATE_1,
      ),
      late(
        'a connection of ours that the peer closed',
        {},
        [...ACTIVE_1, { peer: close(1), closed: { a: closedBy('peer') } }],
        LATE_1,
      ),
      late(
        'a connection of ours that was rejected',
        {},
        [PENDING_1, { peer: reject(1), settled: { a: failed({ code: 'rejected' }) } }],
        LATE_1,
      ),
      late(
        'a connection of ours that was closed while pending',
        {},
        [PENDING_1, { user: 'close', id: 1, wire: [close(1)], settled: { a: connectionClosed('local') } }],
        LATE_1,
      ),
      late(
        'a connection of the peer’s that we closed',
        ACCEPTING,
        [ACTIVE_2, { user: 'close', id: 2, wire: [close(2)], closed: { '#2': closedBy('local') } }],
        LATE_2,
      ),
      late(
        'a connection of the peer’s that it closed',
        ACCEPTING,
        [ACTIVE_2, { peer: close(2), closed: { '#2': closedBy('peer') } }],
        LATE_2,
      ),
      late('an id of the peer’s that we rejected', {}, [{ peer: open(2), wire: [reject(2)] }], LATE_2),
      late(
        'an id of the peer’s that it closed before we decided',
        DECIDING,
        [UNDECIDED_2, { peer: close(2), aborted: [2] }],
        LATE_2,
      ),
      late(
        'an id below the highest that the peer opened',
        ACCEPTING,
        [{ peer: open(6), asked: [6], wire: [accept(6)], setup: [6] }],
        LATE_2,
      ),
    ],
  },
  {
    row: '9a.06',
    rule: 'session.message',
    layer: 'session',
    situation: 'Close, Request or Channel message on an id never opened; Request or Channel message on our pending id',
    reference: { wire: NOTHING, user: 'dropped' },
    strict: VIOLATION,
    cases: [
      ...[1, 2].flatMap((id) => {
        const whose = id === 1 ? 'we' : 'the peer';
        return [
          ...offence({
            name: `a Close on an id that ${whose} never opened`,
            peer: close(id),
            rule: 'connection.close',
            after: [REPLY],
          }),
          ...[call(id, 2), response(id, 1), cancel(id, 2)].flatMap((message) =>
            offence({
              name: `a ${message.body.type} on an id that ${whose} never opened`,
              peer: message,
              rule: 'session.message',
              after: [REPLY],
            }),
          ),
          ...offence({
            name: `an Item on an id that ${whose} never opened`,
            peer: item(id, 2),
            rule: 'session.message',
            after: [REPLY],
          }),
        ];
      }),
      ...offence({
        name: 'a Close on the id above the highest that the peer opened',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: close(4),
        rule: 'connection.close',
        after: [REPLY],
      }),
      ...[call(1, 2), item(1, 2)].flatMap((message) =>
        offence({
          name: `a ${message.body.type} on our pending connection`,
          before: [PENDING_1],
          peer: message,
          rule: 'session.message',
          // The message is dropped for good: the connection that the Accept opens never gets it.
          after: [
            { peer: accept(1), settled: { a: opened(1) } },
            { peer: call(1, 4) },
            { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 4)) } },
          ],
          strict: { settled: { a: sessionClosed() } },
        }),
      ),
    ],
  },
  {
    row: '9a.07',
    rule: 'session.message',
    layer: 'session',
    situation: 'Request or Channel message on an undecided id',
    reference: { wire: NOTHING, user: 'dropped' },
    strict: VIOLATION,
    cases: [call(2, 2), item(2, 2)].flatMap((message) =>
      offence({
        name: `a ${message.body.type} on the peer’s undecided connection`,
        given: DECIDING,
        before: [UNDECIDED_2],
        peer: message,
        rule: 'session.message',
        after: [
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] },
          { peer: call(2, 4) },
          { user: 'read', on: '#2', as: 'r', settled: { r: read(call(2, 4)) } },
        ],
        strict: { aborted: [2] },
      }),
    ),
  },
  {
    // The root's handle closes by the session, without the Close's metadata.
    row: '9a.08',
    rule: 'connection.close',
    layer: 'session',
    situation: 'ConnectionClose on the root',
    reference: { wire: NOTHING, user: 'reported; the session ends as closed by the peer' },
    strict: VIOLATION,
    cases: offence({
      name: 'a Close on the root while virtual connections live',
      before: [...ACTIVE_1, { user: 'open', as: 'b', wire: [open(3)] }],
      peer: close(0, M),
      rule: 'connection.close',
      reference: { ends: byPeer, reports: [{ report: 'root-closed-by-peer' }], settled: { b: sessionClosed('peer') } },
      strict: { settled: { b: sessionClosed() } },
    }),
  },
  {
    row: '9a.09',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'Hello or HelloYourself after the handshake',
    reference: { wire: NOTHING, user: 'ignored' },
    strict: VIOLATION,
    cases: [hello(), hello({ version: 6 }), helloYourself(), helloYourself({ on: 1 })].flatMap((message, index) =>
      offence({
        name: `a ${message.type} after the handshake (${String(index + 1)})`,
        before: ACTIVE_1,
        peer: message,
        rule: 'session.handshake',
        after: INTACT_1,
      }),
    ),
  },
  {
    row: '9a.10',
    rule: 'session.message',
    layer: 'session',
    situation: 'ProtocolError after the handshake',
    ...alike('nothing is answered', 'the session ends with the description'),
    cases: [
      {
        name: 'a ProtocolError ends the session with its description, us accused',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          {
            peer: protocolError('session.parity: 3 is mine'),
            ends: accusedOf('session.parity: 3 is mine'),
            settled: { b: sessionClosed() },
          },
        ],
      },
      {
        name: 'a ProtocolError without a description ends the session too',
        modes: BOTH,
        steps: [{ peer: protocolError(''), ends: accusedOf('') }],
      },
    ],
  },
  {
    row: '9a.11',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Ping, Pong or ProtocolError on an id other than 0',
    reference: { wire: 'a Ping is answered on that id', user: 'a Pong is ignored, a ProtocolError ends the session' },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'a Ping on an active connection',
        before: ACTIVE_1,
        peer: ping(7n, 1),
        rule: 'session.keepalive',
        reference: { wire: [pong(7n, 1)] },
        after: INTACT_1,
      }),
      ...offence({
        name: 'a Ping on an id never opened',
        peer: ping(7n, 2),
        rule: 'session.keepalive',
        reference: { wire: [pong(7n, 2)] },
      }),
      ...offence({
        name: 'a Ping on the peer’s active connection',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: ping(7n, 2),
        rule: 'session.keepalive',
        reference: { wire: [pong(7n, 2)] },
        after: [{ peer: close(2), closed: { '#2': closedBy('peer') } }],
      }),
      ...offence({
        name: 'a Pong on the peer’s active connection',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: pong(7n, 2),
        rule: 'session.keepalive',
        after: [{ peer: close(2), closed: { '#2': closedBy('peer') } }],
      }),
      ...offence({
        name: 'a Pong on another id, with the nonce waited for',
        given: KEEPALIVE,
        before: [{ advance: 100, wire: [ping(1n)] }],
        peer: pong(1n, 2),
        rule: 'session.keepalive',
        after: [{ advance: 49 }, { advance: 1, ends: byKeepalive }],
      }),
      ...offence({
        name: 'a ProtocolError on another id than 0',
        before: ACTIVE_1,
        peer: protocolError('you there', 1),
        rule: 'session.message',
        reference: { ends: accusedOf('you there') },
      }),
      ...offence({
        name: 'a ProtocolError on the peer’s active connection',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: protocolError('you there', 2),
        rule: 'session.message',
        reference: { ends: accusedOf('you there') },
      }),
    ],
  },
];

/** The end by a ProtocolError received. */
function accusedOf(message: string): SessionEnd {
  return { cause: 'protocol', error: { code: 'protocol', side: 'local', message } };
}

export const senders: Row = {
  // The library never sends a wrong session message. A caller can only break the ids of its requests.
  row: '9a.13',
  rule: 'connection.parity',
  layer: 'session',
  situation: 'our own caller sends what breaks a rule',
  reference: { wire: 'sent', user: NOTHING },
  strict: { wire: NOTHING, user: 'InvalidArgument' },
  cases: [call(1, 2), call(1, 0), response(1, 1)].flatMap((message): readonly Case[] => {
    const name = `our ${message.body.type} with the request id ${String(message.id)}`;
    return [
      {
        name: `${name}: sent`,
        modes: ['reference'],
        steps: [...ACTIVE_1, { user: 'send', on: 'a', message, wire: [message] }],
      },
      {
        name: `${name}: an invalid argument`,
        modes: ['strict'],
        steps: [...ACTIVE_1, { user: 'send', on: 'a', message, as: 's', settled: { s: invalid() } }, ...INTACT_1],
      },
    ];
  }),
};
