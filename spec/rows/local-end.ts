import {
  accept,
  bytes,
  call,
  cancel,
  close,
  M,
  N,
  open,
  ping,
  pong,
  reject,
  response,
  responseBody,
} from './messages.js';
import {
  accepted,
  alike,
  answered,
  BOTH,
  byPeer,
  byRelease,
  byShutdown,
  closedBy,
  done,
  failed,
  NOTHING,
  opened,
  read,
  sessionClosed,
} from './outcome.js';
import { ACCEPTING, ACTIVE_1, ACTIVE_2, DECIDING, PENDING_1, ROOT_RELEASED, SERVING, UNDECIDED_2 } from './scenes.js';
import type { Row, Step } from './vocabulary.js';
import { REFUSED } from './vocabulary-calls.js';

// Section 5, what our own user asks for: to release, and to end.

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

/** Connection 2 has one caller, and its handler has got request 2. */
const AT_WORK_ON_2: readonly Step[] = [
  ACTIVE_2,
  { user: 'serve', on: '#2' },
  { user: 'caller', on: '#2', as: 'c' },
  { peer: call(2, 2), handled: [2] },
];

const reply = (request: number): Step => ({ user: 'reply', request, answer: { ret: responseBody().ret } });

const RELEASE: Step = { user: 'release', caller: 'c' };

/** Rows of things that keep a connection open beside its callers. */
const holds: readonly Row[] = [
  {
    // r[rpc.caller.liveness.refcounted]
    row: '5 a handler holds',
    rule: 'rpc.caller.liveness.refcounted',
    layer: 'driver',
    situation: 'the last caller is gone, and a handler has not answered',
    ...alike('the Response, and then what the release sends', 'the release takes effect when the Response has left'),
    cases: [
      {
        name: 'the Response of a handler at work leaves before the Close of a connection that was released',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...AT_WORK_ON_2,
          RELEASE,
          { ...reply(2), wire: [response(2, 2), close(2)], closed: { '#2': closedBy('local') } },
        ],
      },
      {
        name: 'the Response of a handler at work leaves before the session of a released root ends',
        modes: BOTH,
        steps: [
          SERVING,
          { user: 'caller', on: 'root', as: 'c' },
          { peer: call(0, 2), handled: [2] },
          RELEASE,
          { ...reply(2), wire: [response(0, 2)], ends: byRelease },
        ],
      },
      {
        name: 'a connection that a handler holds takes Calls, and each of them holds it',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...AT_WORK_ON_2,
          RELEASE,
          { peer: call(2, 4), handled: [4] },
          { ...reply(2), wire: [response(2, 2)] },
          {
            user: 'fail',
            request: 4,
            wire: [response(2, 4, REFUSED.unknownMethod), close(2)],
            closed: { '#2': closedBy('local') },
          },
        ],
      },
      {
        name: 'a caller that comes while a handler holds the connection keeps it',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...AT_WORK_ON_2,
          RELEASE,
          { user: 'caller', on: '#2', as: 'late' },
          { ...reply(2), wire: [response(2, 2)] },
          { user: 'release', caller: 'late', wire: [close(2)], closed: { '#2': closedBy('local') } },
        ],
      },
      {
        name: 'a Cancel answers at once, and the handler that works on holds nothing',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...AT_WORK_ON_2,
          RELEASE,
          {
            peer: cancel(2, 2),
            wire: [response(2, 2, REFUSED.cancelled), close(2)],
            givenUp: [2],
            closed: { '#2': closedBy('local') },
          },
        ],
      },
      {
        name: 'a handler that never answers keeps its connection, until a side closes it',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...AT_WORK_ON_2,
          RELEASE,
          { advance: 600_000 },
          { peer: ping(1n), wire: [pong(1n)] },
          { user: 'close', id: 2, wire: [close(2)], givenUp: [2], closed: { '#2': closedBy('local') } },
        ],
      },
      {
        name: 'the peer’s Close waits for no handler',
        modes: BOTH,
        given: ACCEPTING,
        steps: [...AT_WORK_ON_2, RELEASE, { peer: close(2), givenUp: [2], closed: { '#2': closedBy('peer') } }],
      },
      {
        name: 'a shutdown waits for no handler',
        modes: BOTH,
        given: ACCEPTING,
        steps: [...AT_WORK_ON_2, RELEASE, { user: 'shutdown', givenUp: [2], ends: byShutdown }],
      },
      {
        name: 'handlers that begin after the root was released hold nothing',
        modes: BOTH,
        steps: [
          SERVING,
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { peer: call(0, 2), handled: [2] },
          { peer: close(1), closed: { a: closedBy('peer') }, givenUp: [2], ends: byRelease },
        ],
      },
    ],
  },
  {
    // r[rpc.caller.liveness.refcounted]
    row: '5 a call holds',
    rule: 'rpc.caller.liveness.refcounted',
    layer: 'driver',
    situation: 'the last caller is gone, and a call of ours waits for its Response',
    ...alike('what the release sends, once the call has settled', 'a call that was given up holds nothing'),
    cases: [
      {
        name: 'a call that waits for its Response holds its connection',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c' },
          { user: 'call', on: 'a', by: 'c', as: 'it', args: bytes(1), wire: [call(1, 1)] },
          RELEASE,
          { peer: response(1, 1), settled: { it: answered() }, wire: [close(1)], closed: { a: closedBy('local') } },
        ],
      },
      {
        name: 'a call that was given up holds nothing, though its Response has not come',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c' },
          { user: 'call', on: 'a', by: 'c', as: 'it', args: bytes(1), signal: 's', wire: [call(1, 1)] },
          {
            user: 'abort',
            signal: 's',
            reason: 'enough',
            wire: [cancel(1, 1)],
            settled: { it: failed({ code: 'cancelled', by: 'local' }) },
          },
          { ...RELEASE, wire: [close(1)], closed: { a: closedBy('local') } },
        ],
      },
      {
        name: 'giving up the last call of a released root ends the session, the Cancel sent',
        modes: BOTH,
        steps: [
          { user: 'caller', on: 'root', as: 'c' },
          { user: 'call', on: 'root', by: 'c', as: 'it', args: bytes(1), signal: 's', wire: [call(0, 1)] },
          RELEASE,
          {
            user: 'abort',
            signal: 's',
            reason: 'enough',
            wire: [cancel(0, 1)],
            settled: { it: failed({ code: 'cancelled', by: 'local' }) },
            ends: byRelease,
          },
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
        name: 'closing a closed connection again resolves, also one that the peer closed',
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

export const localEnds: readonly Row[] = [...releases, ...holds, ...ends];
