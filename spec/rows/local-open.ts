import { accept, call, close, M, N, open, ping, pong, reject, settings } from './messages.js';
import {
  alike,
  BOTH,
  byLink,
  byRelease,
  closedBy,
  connectionClosed,
  failed,
  NOTHING,
  opened,
  overLimit,
  sessionClosed,
} from './outcome.js';
import { ACCEPTING, ACTIVE_1, ACTIVE_2, PENDING_1, ROOT_RELEASED } from './scenes.js';
import type { Row } from './vocabulary.js';

// Section 5, what our own user asks for: to open.

/** 5.21 to 5.23: we open. */
export const localOpens: readonly Row[] = [
  {
    // r[rpc.virtual-connection.open]
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
