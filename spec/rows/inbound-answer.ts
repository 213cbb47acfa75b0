import { accept, call, close, item, M, open, ping, pong, reject, settings } from './messages.js';
import {
  alike,
  BOTH,
  byPeer,
  byRelease,
  closedBy,
  connectionClosed,
  done,
  failed,
  NOTHING,
  offence,
  opened,
  read,
  VIOLATION,
} from './outcome.js';
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

// Section 5, what the peer’s messages do: it answers our opens, and closes.

/** 5.08 to 5.13: the peer answers our open, or closes. */
export const inboundAnswers: readonly Row[] = [
  {
    row: '5.08',
    rule: 'connection.open',
    layer: 'session',
    situation: 'ConnectionAccept, the id pending outbound',
    ...alike(NOTHING, 'the opener’s promise resolves with the handle, which has the peer’s settings'),
    cases: [
      {
        name: 'an Accept gives the opener its connection',
        modes: BOTH,
        steps: [
          PENDING_1,
          {
            peer: accept(1, settings('even', 5), M),
            settled: { a: opened(1, { peer: settings('even', 5), metadata: M }) },
          },
        ],
      },
      {
        name: 'messages behind an Accept reach the new connection',
        modes: BOTH,
        steps: [
          PENDING_1,
          { peer: [accept(1), call(1, 2)], settled: { a: opened(1) } },
          { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 2)) } },
        ],
      },
    ],
  },
  {
    row: '5.09',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionReject, the id pending outbound',
    ...alike(NOTHING, 'the opener’s promise rejects with ConnectionRejected{metadata}; then the root-closed check'),
    cases: [
      {
        name: 'a Reject fails the open with its metadata',
        modes: BOTH,
        steps: [PENDING_1, { peer: reject(1, M), settled: { a: failed({ code: 'rejected', metadata: M }) } }],
      },
      {
        name: 'a rejected open was the last virtual connection of a root released while it was pending',
        modes: BOTH,
        steps: [
          PENDING_1,
          ...ROOT_RELEASED,
          { peer: reject(1), settled: { a: failed({ code: 'rejected', metadata: [] }) }, ends: byRelease },
        ],
      },
    ],
  },
  {
    // r[connection.close.semantics]
    row: '5.10',
    rule: 'connection.close.semantics',
    layer: 'session',
    situation: 'ConnectionClose, the id active',
    ...alike(
      NOTHING,
      'the handle is told, with the metadata; queued messages stay readable; then the root-closed check',
    ),
    cases: [
      {
        name: 'a Close tells the handle and leaves the queued messages readable',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), item(1, 2)] },
          { peer: close(1, M), closed: { a: closedBy('peer', M) } },
          { user: 'read', on: 'a', count: 3, as: 'r', settled: { r: read(call(1, 2), item(1, 2)) } },
        ],
      },
      {
        name: 'a Close drops what waits to be sent on its connection',
        modes: BOTH,
        given: SMALL_OUTBOX,
        steps: [
          ...WAITING_1,
          { user: 'send', on: 'root', message: call(0, 1), as: 't' },
          { peer: close(1), closed: { a: closedBy('peer') }, settled: { s: connectionClosed('peer') } },
          { link: 'take-sends', wire: [call(1, 1), call(0, 1)], settled: { t: done } },
        ],
      },
      {
        name: 'a Close ends the read that waits',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'read', on: 'a', as: 'r' },
          { peer: close(1), closed: { a: closedBy('peer') }, settled: { r: read() } },
        ],
      },
      {
        name: 'a Close on the last virtual connection of a released root ends the session',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          ...ROOT_RELEASED,
          { peer: close(1), closed: { a: closedBy('peer') } },
          { peer: close(2), closed: { '#2': closedBy('peer') }, ends: byRelease },
        ],
      },
    ],
  },
  {
    row: '5.11',
    rule: 'connection.close',
    layer: 'session',
    situation: 'ConnectionClose, the id pending outbound',
    ...alike(NOTHING, 'the opener’s promise rejects with ConnectionClosed{by: peer}; root-closed check'),
    cases: [
      {
        name: 'a Close on a pending connection fails the open, and the session goes on',
        modes: BOTH,
        steps: [
          PENDING_1,
          { peer: close(1), settled: { a: connectionClosed('peer') } },
          { user: 'open', as: 'b', wire: [open(3)] },
        ],
      },
      {
        name: 'a Close on the pending connection of a released root ends the session',
        modes: BOTH,
        steps: [
          PENDING_1,
          ...ROOT_RELEASED,
          { peer: close(1), settled: { a: connectionClosed('peer') }, ends: byRelease },
        ],
      },
    ],
  },
  {
    row: '5.12',
    rule: 'connection.close',
    layer: 'session',
    situation: 'ConnectionClose, the id undecided',
    ...alike(NOTHING, 'the decision is aborted and discarded, the setup never runs'),
    cases: [
      {
        name: 'a Close on an undecided connection aborts the decision, which changes nothing any more',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          { peer: close(2), aborted: [2] },
          { user: 'decide', id: 2, decision: { accept: {} } },
          { peer: ping(1n), wire: [pong(1n)] },
        ],
      },
      {
        name: 'a decision that was closed does not count for a second Open of the same id',
        modes: BOTH,
        given: DECIDING,
        steps: [UNDECIDED_2, { peer: [close(2), open(2)], aborted: [2], asked: [2] }],
      },
      {
        // The row does not say so, but the check counts undecided connections, and ends with the last one.
        name: 'a Close on the undecided connection of a released root ends the session',
        modes: BOTH,
        given: DECIDING,
        steps: [UNDECIDED_2, ...ROOT_RELEASED, { peer: close(2), aborted: [2], ends: byRelease }],
      },
    ],
  },
  {
    row: '5.13',
    rule: 'connection.close',
    layer: 'session',
    situation: 'ConnectionClose on the root',
    reference: { wire: NOTHING, user: 'reported; the session ends as closed by the peer' },
    strict: VIOLATION,
    cases: offence({
      name: 'a Close on the root',
      peer: close(0),
      rule: 'connection.close',
      reference: { ends: byPeer, reports: [{ report: 'root-closed-by-peer' }] },
    }),
  },
];
