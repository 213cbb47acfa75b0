import { accept, call, close, item, M, N, ping, pong, response, responseBody } from './messages.js';
import { alike, BOTH, byRelease, closedBy, connectionClosed, done, invalid, NOTHING, read } from './outcome.js';
import {
  ACCEPTING,
  ACTIVE_1,
  ACTIVE_2,
  DECIDING,
  PENDING_1,
  ROOT_RELEASED,
  SMALL_OUTBOX,
  UNDECIDED_2,
  WAITING_1,
} from './scenes.js';
import type { Row } from './vocabulary.js';

// Section 5, what our own user asks for: to close.

/** 5.24 to 5.26: we close. */
export const localCloses: readonly Row[] = [
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
        name: 'a close follows the messages that wait for room in the outbox, and overtakes none',
        modes: BOTH,
        given: SMALL_OUTBOX,
        steps: [
          ...WAITING_1,
          { user: 'close', id: 1, closed: { a: closedBy('local') } },
          { peer: ping(1n) },
          { link: 'take-sends', wire: [call(1, 1), pong(1n), call(1, 3), close(1)], settled: { s: done } },
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
