import {
  M,
  N,
  accept,
  call,
  close,
  item,
  open,
  ping,
  pong,
  reject,
  responseBody,
  response,
  settings,
} from './messages.js';
import {
  BOTH,
  NOTHING,
  accepted,
  alike,
  byLink,
  byPeer,
  byRelease,
  byShutdown,
  closedBy,
  connectionClosed,
  done,
  failed,
  invalid,
  opened,
  overLimit,
  read,
  sessionClosed,
} from './outcome.js';
import { ACCEPTING, ACTIVE_1, ACTIVE_2, DECIDING, PENDING_1, ROOT_RELEASED, UNDECIDED_2 } from './scenes.js';
import type { Row } from './vocabulary.js';

// Section 5, what our own user asks for.

/** 5.21 to 5.23: we open. */
const opens: readonly Row[] = [
  {
    row: '5.21',
    rule: 'connection.open',
    layer: 'session',
    situation: 'open(settings, metadata)',
    ...alike('ConnectionOpen under the next id, spent even on failure', 'a promise, pending until the peer answers'),
    cases: [
      {
        name: 'an open goes out with its settings and metadata, by default the session’s parity and 64 requests',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', wire: [open(1, settings('odd', 64))] },
          {
            user: 'open',
            as: 'b',
            settings: settings('even', 5),
            metadata: M,
            wire: [open(3, settings('even', 5), M)],
          },
          {
            peer: accept(3, settings('odd'), N),
            settled: { b: opened(3, { local: settings('even', 5), metadata: N }) },
          },
        ],
      },
      {
        name: 'a rejected id is spent',
        modes: BOTH,
        steps: [
          PENDING_1,
          { peer: reject(1), settled: { a: failed({ code: 'rejected', metadata: [] }) } },
          { user: 'open', as: 'b', wire: [open(3)] },
        ],
      },
      {
        name: 'an open that cannot be sent ends the session, and fails with it',
        modes: BOTH,
        steps: [{ link: 'refuse-sends' }, { user: 'open', as: 'a', ends: byLink, settled: { a: sessionClosed() } }],
      },
    ],
  },
  {
    row: '5.22',
    layer: 'session',
    situation: 'open, open connections at their limit',
    ...alike(NOTHING, 'LimitExceeded, no id spent'),
    cases: [
      {
        name: 'an open at the limit of connections spends no id, and is possible again when one has closed',
        modes: BOTH,
        given: { limits: { connections: 2 } },
        steps: [
          ...ACTIVE_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'open', as: 'c', settled: { c: overLimit('connections') } },
          { peer: close(1), closed: { a: closedBy('peer') } },
          { user: 'open', as: 'd', wire: [open(5)] },
        ],
      },
      {
        name: 'connections that the peer opened count against the limit',
        modes: BOTH,
        given: { ...ACCEPTING, limits: { connections: 1 } },
        steps: [ACTIVE_2, { user: 'open', as: 'a', settled: { a: overLimit('connections') } }],
      },
    ],
  },
  {
    row: '5.23',
    rule: 'connection.close',
    layer: 'session',
    situation: 'open, its signal aborts or the open time passes',
    ...alike(
      'ConnectionClose with empty metadata',
      'the promise rejects; a later Accept or Reject is dropped; root-closed check',
    ),
    cases: [
      {
        name: 'an aborted open is closed at once, and a late Accept is dropped',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          {
            user: 'abort',
            signal: 's',
            reason: 'changed my mind',
            wire: [close(1)],
            settled: { a: failed({ code: 'connection-closed', by: 'local', cause: 'changed my mind' }) },
          },
          { peer: [accept(1), call(1, 2), ping(1n)], wire: [pong(1n)] },
        ],
      },
      {
        name: 'after an aborted open a late Reject is dropped',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          { user: 'abort', signal: 's', reason: 'no', wire: [close(1)], settled: { a: connectionClosed('local') } },
          { peer: [reject(1), ping(1n)], wire: [pong(1n)] },
        ],
      },
      {
        name: 'an open that waits longer than the open time is closed, and a late Accept is dropped',
        modes: BOTH,
        given: { limits: { openTimeout: 1_000 } },
        steps: [
          PENDING_1,
          { advance: 999 },
          { advance: 102, wire: [close(1)], settled: { a: overLimit('openTimeout') } },
          { peer: [accept(1), ping(1n)], wire: [pong(1n)] },
        ],
      },
      {
        name: 'each open has a deadline of its own',
        modes: BOTH,
        given: { limits: { openTimeout: 1_000 } },
        steps: [
          PENDING_1,
          { advance: 500 },
          { user: 'open', as: 'b', wire: [open(3)] },
          { advance: 499 },
          { advance: 102, wire: [close(1)], settled: { a: overLimit('openTimeout') } },
          { advance: 398 },
          { advance: 102, wire: [close(3)], settled: { b: overLimit('openTimeout') } },
        ],
      },
      {
        name: 'once the connection is there, neither the signal nor the open time touches it',
        modes: BOTH,
        given: { limits: { openTimeout: 1_000 } },
        steps: [
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          { peer: accept(1), settled: { a: opened(1) } },
          { advance: 2_000 },
          { user: 'abort', signal: 's', reason: 'too late' },
        ],
      },
      {
        name: 'an aborted open was the last virtual connection of a released root',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          ...ROOT_RELEASED,
          {
            user: 'abort',
            signal: 's',
            reason: 'no',
            wire: [close(1)],
            settled: { a: connectionClosed('local') },
            ends: byRelease,
          },
        ],
      },
    ],
  },
];

/** 5.24 to 5.26: we close. */
const closes: readonly Row[] = [
  {
    row: '5.24',
    rule: 'connection.close',
    layer: 'session',
    situation: 'close(id, metadata), id the root',
    ...alike(NOTHING, 'InvalidArgument "cannot close root connection"'),
    cases: [
      {
        name: 'the root cannot be closed, by its id or by its handle',
        modes: BOTH,
        steps: [
          { user: 'close', id: 0, as: 'c', settled: { c: invalid('cannot close root connection') } },
          { user: 'closeHandle', on: 'root', as: 'h', settled: { h: invalid('cannot close root connection') } },
          { peer: ping(1n), wire: [pong(1n)] },
        ],
      },
    ],
  },
  {
    row: '5.25',
    rule: 'connection.close',
    layer: 'session',
    situation: 'close(id, metadata), id unknown or undecided',
    ...alike(NOTHING, 'InvalidArgument "connection not found"'),
    cases: [
      {
        name: 'an unknown connection cannot be closed',
        modes: BOTH,
        steps: [
          { user: 'close', id: 1, as: 'c1', settled: { c1: invalid('connection not found') } },
          { user: 'close', id: 2, as: 'c2', settled: { c2: invalid('connection not found') } },
        ],
      },
      {
        name: 'an id cannot be closed twice',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'close', id: 1, as: 'c', settled: { c: invalid('connection not found') } },
        ],
      },
      {
        name: 'an undecided connection cannot be closed, and is decided all the same',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          { user: 'close', id: 2, as: 'c', settled: { c: invalid('connection not found') } },
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] },
        ],
      },
    ],
  },
  {
    // r[connection.close]
    row: '5.26',
    rule: 'connection.close',
    layer: 'session',
    situation: 'close(id, metadata), id active or pending',
    ...alike(
      'ConnectionClose{metadata}, after the messages already accepted for it',
      'removed first; a pending opener’s promise rejects with ConnectionClosed{by: local}; then the root-closed check',
    ),
    cases: [
      {
        name: 'a close goes out with its metadata, and the handle knows it',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          { user: 'close', id: 1, metadata: M, wire: [close(1, M)], closed: { a: closedBy('local', M) } },
          { user: 'closeHandle', on: '#2', metadata: N, wire: [close(2, N)], closed: { '#2': closedBy('local', N) } },
        ],
      },
      {
        name: 'a close follows the messages sent before it',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          {
            together: [
              { user: 'send', on: 'a', message: call(1, 1) },
              { user: 'sendResponse', on: 'a', requestId: 2, response: responseBody() },
              { user: 'closeHandle', on: 'a' },
            ],
            wire: [call(1, 1), response(1, 2), close(1)],
            closed: { a: closedBy('local') },
          },
        ],
      },
      {
        name: 'a close follows the messages that the link did not take yet',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'close', id: 1, closed: { a: closedBy('local') } },
          { link: 'take-sends', wire: [call(1, 1), close(1)] },
        ],
      },
      {
        name: 'after our own close the queued messages are dropped',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), item(1, 2)] },
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
        ],
      },
      {
        name: 'our own close ends the read that waits',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'read', on: 'a', as: 'r' },
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') }, settled: { r: read() } },
        ],
      },
      {
        name: 'a pending connection may be closed, and a late Accept is dropped',
        modes: BOTH,
        steps: [
          PENDING_1,
          { user: 'close', id: 1, metadata: M, wire: [close(1, M)], settled: { a: connectionClosed('local') } },
          { peer: [accept(1), ping(1n)], wire: [pong(1n)] },
        ],
      },
      {
        name: 'closing the last virtual connection of a released root ends the session, the Close sent',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') }, ends: byRelease },
        ],
      },
      {
        name: 'closing the pending connection of a released root ends the session, the Close sent',
        modes: BOTH,
        steps: [
          PENDING_1,
          ...ROOT_RELEASED,
          { user: 'close', id: 1, wire: [close(1)], settled: { a: connectionClosed('local') }, ends: byRelease },
        ],
      },
    ],
  },
];

/** 5.27 and 5.28: the last caller goes. */
const releases: readonly Row[] = [
  {
    // r[rpc.caller.liveness.last-drop-closes-connection]
    row: '5.27',
    rule: 'rpc.caller.liveness.last-drop-closes-connection',
    layer: 'session',
    situation: 'release: the last caller of a virtual id is gone',
    ...alike(
      'ConnectionClose with empty metadata; nothing for an id unknown or closed',
      'the handle is closed; then the root-closed check',
    ),
    cases: [
      {
        name: 'the last of a connection’s callers closes it, and no one before',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c1' },
          { user: 'caller', on: 'a', as: 'c2' },
          { user: 'release', caller: 'c1' },
          { user: 'release', caller: 'c1' },
          { user: 'release', caller: 'c2', wire: [close(1)], closed: { a: closedBy('local') } },
        ],
      },
      {
        name: 'a connection that the peer opened is released alike',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ACTIVE_2,
          { user: 'caller', on: '#2', as: 'c' },
          { user: 'release', caller: 'c', wire: [close(2)], closed: { '#2': closedBy('local') } },
        ],
      },
      {
        name: 'a connection that never had a caller is never released',
        modes: BOTH,
        steps: [...ACTIVE_1, { advance: 60_000 }, { peer: ping(1n), wire: [pong(1n)] }],
      },
      {
        name: 'releasing the callers of a closed connection does nothing',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c' },
          { peer: close(1), closed: { a: closedBy('peer') } },
          { user: 'release', caller: 'c' },
          { peer: ping(1n), wire: [pong(1n)] },
        ],
      },
      {
        name: 'releasing the last virtual connection of a released root ends the session, the Close sent',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c' },
          ...ROOT_RELEASED,
          { user: 'release', caller: 'c', wire: [close(1)], closed: { a: closedBy('local') }, ends: byRelease },
        ],
      },
    ],
  },
  {
    // r[rpc.caller.liveness.root-internal-close] r[rpc.caller.liveness.root-teardown-condition]
    row: '5.28',
    rule: 'rpc.caller.liveness.root-internal-close',
    layer: 'session',
    situation: 'release: the last caller of the root is gone',
    ...alike(NOTHING, 'the root is internally closed, for good, and works until the session ends; root-closed check'),
    cases: [
      {
        name: 'releasing the root of a session without virtual connections ends it',
        modes: BOTH,
        steps: [
          { user: 'caller', on: 'root', as: 'c1' },
          { user: 'caller', on: 'root', as: 'c2' },
          { user: 'release', caller: 'c2' },
          { user: 'release', caller: 'c1', ends: byRelease },
        ],
      },
      {
        name: 'a released root delivers and sends while a virtual connection lives',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { user: 'send', on: 'root', message: call(0, 1), wire: [call(0, 1)] },
          { peer: call(0, 2) },
          { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2)) } },
          { peer: close(1), closed: { a: closedBy('peer') }, ends: byRelease },
        ],
      },
      {
        name: 'a later caller does not take the root’s release back',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { user: 'caller', on: 'root', as: 'late' },
          { peer: close(1), closed: { a: closedBy('peer') }, ends: byRelease },
        ],
      },
      {
        name: 'a pending connection keeps a released root alive, and so does the active one that it becomes',
        modes: BOTH,
        steps: [
          PENDING_1,
          ...ROOT_RELEASED,
          { peer: accept(1), settled: { a: opened(1) } },
          { user: 'open', as: 'b', wire: [open(3)] },
          { peer: close(1), closed: { a: closedBy('peer') } },
          { peer: reject(3), settled: { b: failed({ code: 'rejected' }) }, ends: byRelease },
        ],
      },
      {
        name: 'a released root still accepts what the peer opens',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          ACTIVE_2,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'close', id: 2, wire: [close(2)], closed: { '#2': closedBy('local') }, ends: byRelease },
        ],
      },
      {
        name: 'an undecided connection keeps a released root alive, and so does its acceptance',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          ...ROOT_RELEASED,
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [accepted(2)] },
          { peer: close(2), closed: { '#2': closedBy('peer') }, ends: byRelease },
        ],
      },
    ],
  },
];

/** 5.29 and 5.30: the end, and after it. */
const ends: readonly Row[] = [
  {
    row: '5.29',
    layer: 'session',
    situation: 'shutdown',
    ...alike('nothing more than what was accepted before', 'the session ends; after the end a no-op'),
    cases: [
      {
        name: 'a shutdown ends everything without a ConnectionClose',
        modes: BOTH,
        given: { onConnection: 'pending' },
        steps: [
          ...ACTIVE_1,
          UNDECIDED_2,
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'read', on: 'a', as: 'r' },
          { user: 'shutdown', ends: byShutdown, settled: { b: sessionClosed('local'), r: read() }, aborted: [2] },
          { user: 'shutdown' },
          { user: 'decide', id: 2, decision: { accept: {} } },
        ],
      },
    ],
  },
  {
    row: '5.30',
    layer: 'session',
    situation: 'open or close after the session ended',
    ...alike(NOTHING, 'SessionClosed "session closed"; connection.close() on a closed connection resolves'),
    cases: [
      {
        name: 'after a shutdown nothing can be opened or closed, by us',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'shutdown', ends: byShutdown },
          { user: 'open', as: 'b', settled: { b: sessionClosed('local') } },
          { user: 'close', id: 1, as: 'c', settled: { c: sessionClosed('local') } },
          { user: 'close', id: 0, as: 'd', settled: { d: sessionClosed('local') } },
          { user: 'closeHandle', on: 'a', as: 'h', settled: { h: done } },
        ],
      },
      {
        name: 'after the peer’s end nothing can be opened or closed, by the peer',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: 'end', ends: byPeer },
          { user: 'open', as: 'b', settled: { b: sessionClosed('peer') } },
          { user: 'close', id: 1, as: 'c', settled: { c: sessionClosed('peer') } },
          { user: 'closeHandle', on: 'a', as: 'h', settled: { h: done } },
        ],
      },
      {
        name: 'closing a closed connection again resolves, whoever closed it',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          { user: 'closeHandle', on: 'a', metadata: M, wire: [close(1, M)], closed: { a: closedBy('local', M) } },
          { user: 'closeHandle', on: 'a', metadata: N, as: 'h1', settled: { h1: done } },
          { peer: close(2), closed: { '#2': closedBy('peer') } },
          { user: 'closeHandle', on: '#2', as: 'h2', settled: { h2: done } },
        ],
      },
    ],
  },
];

export const local: readonly Row[] = [...opens, ...closes, ...releases, ...ends];
