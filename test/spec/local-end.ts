import { accept, call, close, M, N, open, ping, pong, reject } from './messages.js';
import {
  accepted,
  alike,
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
import { ACCEPTING, ACTIVE_1, ACTIVE_2, DECIDING, PENDING_1, ROOT_RELEASED, UNDECIDED_2 } from './scenes.js';
import type { Row } from './vocabulary.js';

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

export const localEnds: readonly Row[] = [...releases, ...ends];
