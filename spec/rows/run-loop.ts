import { accept, call, close, item, M, open, ping, pong, protocolError } from './messages.js';
import {
  alike,
  BOTH,
  byLink,
  byPeer,
  byRelease,
  byShutdown,
  closedBy,
  connectionClosed,
  done,
  NOTHING,
  opened,
  overLimit,
  read,
  sessionClosed,
} from './outcome.js';
import {
  ACCEPTING,
  ACTIVE_1,
  ACTIVE_2,
  FULL_1,
  INTERRUPTED,
  PENDING_1,
  RESTORED,
  ROOT_RELEASED,
  SMALL_INBOX,
  SMALL_OUTBOX,
  STALLING,
  WAITING_1,
} from './scenes.js';
import type { Case, Row } from './vocabulary.js';

// Sections 4 and 5, the paragraphs without numbers: ids, the one queue, the bounded inbox, the end.

export const runLoop: readonly Row[] = [
  {
    // r[session.parity]
    row: '4',
    rule: 'session.parity',
    layer: 'session',
    situation: 'ids and parity',
    ...alike(
      'Odd allocates 1, 3, 5, …, Even 2, 4, 6, …',
      'our ids never repeat; a peer may open a closed id of its own again',
    ),
    cases: [
      {
        name: 'an odd side allocates odd ids, none of them twice',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'open', as: 'c', wire: [open(5)] },
        ],
      },
      {
        name: 'an even acceptor allocates even ids',
        modes: BOTH,
        given: { role: 'acceptor' },
        steps: [
          { user: 'open', as: 'a', wire: [open(2)] },
          { user: 'open', as: 'b', wire: [open(4)] },
          { peer: accept(2), settled: { a: opened(2) } },
        ],
      },
      {
        name: 'an even initiator allocates even ids',
        modes: BOTH,
        given: { parity: 'even' },
        steps: [{ user: 'open', as: 'a', wire: [open(2)] }],
      },
      {
        name: 'an odd acceptor allocates odd ids',
        modes: BOTH,
        given: { role: 'acceptor', parity: 'odd' },
        steps: [{ user: 'open', as: 'a', wire: [open(1)] }],
      },
      {
        name: 'a peer may open an id of its own again after it was closed',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ACTIVE_2,
          { peer: close(2), closed: { '#2': closedBy('peer') } },
          ACTIVE_2,
          { user: 'close', id: 2, wire: [close(2)], closed: { '#2': closedBy('local') } },
          ACTIVE_2,
          { peer: call(2, 2) },
          { user: 'read', on: '#2', as: 'r', settled: { r: read(call(2, 2)) } },
        ],
      },
    ],
  },
  {
    row: '5 queue',
    layer: 'session',
    situation: 'one queue, no priorities; each input takes effect whole before the next',
    ...alike(
      'in the order of what caused it',
      'the first cause wins; the end of the stream comes after what was received before it',
    ),
    cases: [
      {
        name: 'local requests of one turn take effect in call order',
        modes: BOTH,
        steps: [
          {
            together: [
              { user: 'open', as: 'a' },
              { user: 'open', as: 'b' },
              { user: 'close', id: 1, metadata: M },
            ],
            wire: [open(1), open(3), close(1, M)],
            settled: { a: connectionClosed('local') },
          },
        ],
      },
      {
        name: 'messages of one segment take effect in wire order',
        modes: BOTH,
        steps: [
          PENDING_1,
          {
            peer: [accept(1), call(1, 2), close(1, M)],
            settled: { a: opened(1) },
            closed: { a: closedBy('peer', M) },
          },
          { user: 'read', on: 'a', count: 2, as: 'r', settled: { r: read(call(1, 2)) } },
        ],
      },
      {
        name: 'an open asked for right after the root’s release finds the session ended',
        modes: BOTH,
        steps: [
          { user: 'caller', on: 'root', as: 'c' },
          {
            together: [
              { user: 'release', caller: 'c' },
              { user: 'open', as: 'a' },
            ],
            ends: byRelease,
            settled: { a: sessionClosed('local') },
          },
        ],
      },
      {
        name: 'an open asked for right before the root’s release keeps the session alive',
        modes: BOTH,
        steps: [
          { user: 'caller', on: 'root', as: 'c' },
          {
            together: [
              { user: 'open', as: 'a' },
              { user: 'release', caller: 'c' },
            ],
            wire: [open(1)],
          },
          { peer: accept(1), settled: { a: opened(1) } },
        ],
      },
      {
        name: 'what the peer sends behind the message that ends the session is discarded',
        modes: BOTH,
        steps: [
          PENDING_1,
          {
            peer: [protocolError('enough'), accept(1), ping(1n), 'end'],
            ends: { cause: 'protocol', error: { code: 'protocol', side: 'local', message: 'enough' } },
            settled: { a: sessionClosed() },
          },
        ],
      },
      {
        name: 'the end of the stream takes effect after everything received before it',
        modes: BOTH,
        steps: [
          PENDING_1,
          { peer: [accept(1), call(1, 2), 'end'], settled: { a: opened(1) }, ends: byPeer },
          { user: 'read', on: 'a', count: 2, as: 'r', settled: { r: read(call(1, 2)) } },
        ],
      },
    ],
  },
  {
    // Whether the message that makes an inbox full stops reading, or the next one for it, cannot be told apart by the
    // specification: no case depends on it.
    row: '5 inbox',
    layer: 'session',
    situation: 'an inbox is full',
    ...alike(
      'local requests, timers and writing go on',
      'reading stops; order is kept, nothing is dropped; reported after a second',
    ),
    cases: [
      {
        name: 'one message short of full, reading goes on',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [...ACTIVE_1, { peer: [call(1, 2), ping(1n)], wire: [pong(1n)] }],
      },
      {
        name: 'a full inbox stops nothing by itself: what needs no room in it is taken',
        modes: BOTH,
        given: { ...SMALL_INBOX, ...ACCEPTING },
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), call(1, 4), ping(1n)], wire: [pong(1n)] },
          ACTIVE_2,
          { peer: call(2, 2) },
          { user: 'read', on: '#2', as: 'r2', settled: { r2: read(call(2, 2)) } },
          { peer: close(2), closed: { '#2': closedBy('peer') } },
          { user: 'read', on: 'a', count: 2, as: 'r', settled: { r: read(call(1, 2), call(1, 4)) } },
        ],
      },
      {
        name: 'the peer’s Close of a full connection is taken, and what it holds stays readable',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), call(1, 4), close(1, M)], closed: { a: closedBy('peer', M) } },
          { user: 'read', on: 'a', count: 3, as: 'r', settled: { r: read(call(1, 2), call(1, 4)) } },
        ],
      },
      {
        name: 'a full inbox stops reading until it is read',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: ping(1n) },
          { user: 'read', on: 'a', count: 2, as: 'r', settled: { r: read(call(1, 2), call(1, 4)) }, wire: [pong(1n)] },
        ],
      },
      {
        name: 'a full inbox loses nothing and keeps the order',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: [call(0, 2), call(1, 8), call(1, 10), call(1, 12)] },
          {
            user: 'read',
            on: 'a',
            count: 6,
            as: 'r',
            settled: { r: read(call(1, 2), call(1, 4), call(1, 6), call(1, 8), call(1, 10), call(1, 12)) },
          },
          { user: 'read', on: 'root', as: 'r0', settled: { r0: read(call(0, 2)) } },
        ],
      },
      {
        name: 'the peer’s Close waits behind a full inbox',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: close(1, M) },
          {
            user: 'read',
            on: 'a',
            count: 2,
            as: 'r',
            settled: { r: read(call(1, 2), call(1, 4)) },
            closed: { a: closedBy('peer', M) },
          },
          { user: 'read', on: 'a', count: 2, as: 'rest', settled: { rest: read(call(1, 6)) } },
        ],
      },
      {
        name: 'closing the full connection drops what is held for it and resumes reading',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: [call(1, 8), ping(1n)] },
          { user: 'close', id: 1, wire: [close(1), pong(1n)], closed: { a: closedBy('local') } },
        ],
      },
      {
        name: 'a session that stalls is reported after a second',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { advance: 999 },
          { advance: 1, reports: [{ report: 'stalled', id: 1 }] },
          { advance: 5_000 },
        ],
      },
      {
        name: 'a session that stalls for less than a second is not reported',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { advance: 999 },
          { user: 'read', on: 'a', count: 3, as: 'r', settled: { r: read(call(1, 2), call(1, 4), call(1, 6)) } },
          { advance: 5_000 },
        ],
      },
      {
        name: 'the root’s inbox is bounded alike',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          { peer: [call(0, 2), call(0, 4), call(0, 6), ping(1n)] },
          { advance: 1_000, reports: [{ report: 'stalled', id: 0 }] },
          {
            user: 'read',
            on: 'root',
            count: 3,
            as: 'r',
            settled: { r: read(call(0, 2), call(0, 4), call(0, 6)) },
            wire: [pong(1n)],
          },
        ],
      },
    ],
  },
  {
    row: '5 readable',
    layer: 'session',
    situation: 'a connection ends with messages that were received and not read',
    ...alike(NOTHING, 'they stay readable, but after an end of our own only for a reader that was taken before'),
    cases: [
      ...(
        [
          ['our own close', { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } }],
          ['our own shutdown', { user: 'shutdown', ends: byShutdown }],
        ] as const
      ).flatMap(([end, step]): readonly Case[] => [
        {
          name: `after ${end} a reader that was taken finds what was received`,
          modes: BOTH,
          steps: [
            ...ACTIVE_1,
            { peer: call(1, 2) },
            { user: 'read', on: 'a', as: 'first', settled: { first: read(call(1, 2)) } },
            { peer: [call(1, 4), item(1, 2)] },
            step,
            { user: 'read', on: 'a', count: 3, as: 'r', settled: { r: read(call(1, 4), item(1, 2)) } },
          ],
        },
        {
          name: `after ${end} a reader that comes only then finds nothing`,
          modes: BOTH,
          steps: [
            ...ACTIVE_1,
            { peer: [call(1, 4), item(1, 2)] },
            step,
            { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
          ],
        },
      ]),
      {
        name: 'after our own release a reader that was taken finds what was received',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: call(1, 2) },
          { user: 'read', on: 'a', as: 'first', settled: { first: read(call(1, 2)) } },
          { peer: call(1, 4) },
          { user: 'caller', on: 'a', as: 'c' },
          { user: 'release', caller: 'c', wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'read', on: 'a', count: 2, as: 'r', settled: { r: read(call(1, 4)) } },
        ],
      },
      {
        name: 'a second close drops what stayed readable',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), call(1, 4)] },
          { user: 'read', on: 'a', as: 'first', settled: { first: read(call(1, 2)) } },
          { user: 'closeHandle', on: 'a', wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'closeHandle', on: 'a' },
          { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
        ],
      },
      {
        name: 'the end of the iterator drops what stayed readable',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: [call(1, 2), call(1, 4)] },
          { user: 'read', on: 'a', as: 'first', settled: { first: read(call(1, 2)) } },
          { peer: close(1), closed: { a: closedBy('peer') } },
          { user: 'stopReading', on: 'a' },
          { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
        ],
      },
    ],
  },
  {
    // `session.closed` resolves when the link is closed: an application that awaits it may exit the process.
    row: '5 end',
    layer: 'session',
    situation: 'the session ends',
    ...alike(
      'no ConnectionClose; shutdown and the root-closed end flush the outbox, any other end drops it',
      'every connection is told, every pending promise settles once; the link is closed',
    ),
    cases: [
      {
        name: 'the end of the stream tells every connection and fails every open',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'read', on: 'root', as: 'r' },
          { peer: 'end', ends: byPeer, settled: { b: sessionClosed('peer'), r: read() } },
        ],
      },
      {
        name: 'a receive error ends the session as a broken link',
        modes: BOTH,
        steps: [
          PENDING_1,
          {
            peer: { fail: 'cable cut' },
            ends: { cause: 'link', error: { code: 'link' } },
            settled: { a: sessionClosed() },
          },
        ],
      },
      {
        name: 'a link that cannot send ends the session',
        modes: BOTH,
        steps: [PENDING_1, { link: 'refuse-sends' }, { peer: ping(1n), ends: byLink, settled: { a: sessionClosed() } }],
      },
      {
        name: 'a shutdown flushes the outbox before it closes the link',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') } },
          { link: 'take-sends', wire: [call(1, 1)], ends: byShutdown },
        ],
      },
      {
        name: 'a shutdown flushes what waits for room in the outbox, too',
        modes: BOTH,
        given: SMALL_OUTBOX,
        steps: [
          ...WAITING_1,
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') }, settled: { s: done } },
          { link: 'take-sends', wire: [call(1, 1), call(1, 3)], ends: byShutdown },
        ],
      },
      {
        name: 'the root-closed end flushes the outbox before it closes the link',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { link: 'hold-sends' },
          { user: 'close', id: 1, closed: { root: closedBy('session'), a: closedBy('local') } },
          { link: 'take-sends', wire: [close(1)], ends: byRelease },
        ],
      },
      {
        name: 'a flush takes no longer than its limit',
        modes: BOTH,
        given: { limits: { flushTimeout: 200 } },
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') } },
          { advance: 199 },
          { advance: 1, ends: byShutdown },
          { link: 'take-sends' },
        ],
      },
      {
        name: 'any other end drops the outbox',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { peer: 'end', ends: byPeer },
          { link: 'take-sends' },
        ],
      },
      {
        name: 'any other end fails what waits for room in the outbox',
        modes: BOTH,
        given: SMALL_OUTBOX,
        steps: [
          ...WAITING_1,
          { peer: 'end', ends: byPeer, settled: { s: sessionClosed('peer') } },
          { link: 'take-sends' },
        ],
      },
      {
        name: 'nothing that is released or aborted after the end has any effect',
        modes: BOTH,
        steps: [
          { user: 'caller', on: 'root', as: 'c' },
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          { user: 'shutdown', ends: byShutdown, settled: { a: sessionClosed('local') } },
          { user: 'release', caller: 'c' },
          { user: 'abort', signal: 's', reason: 'late' },
          { advance: 60_000 },
        ],
      },
    ],
  },
  {
    row: '5 link',
    layer: 'session',
    situation: 'a link that outlives its connections has none for now',
    ...alike(
      'what waits, once the link has a connection again',
      'the session goes on; the times of a full outbox and of the last flush stand still, and begin anew afterwards',
    ),
    cases: [
      {
        name: 'a full outbox does not end a session whose link is interrupted',
        modes: BOTH,
        given: STALLING,
        steps: [
          ...ACTIVE_1,
          INTERRUPTED,
          { user: 'send', on: 'a', message: call(1, 1) },
          { advance: 60_000 },
          { ...RESTORED, wire: [call(1, 1)] },
          { advance: 60_000 },
        ],
      },
      {
        name: 'an outbox that was full before has its whole time again',
        modes: BOTH,
        given: STALLING,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { advance: 999 },
          { link: 'interrupt' },
          { advance: 60_000 },
          { link: 'restore' },
          { advance: 999 },
          { advance: 1, ends: { cause: 'limit', error: { code: 'limit', limit: 'stallTimeout' } } },
        ],
      },
      {
        name: 'a shutdown waits for the next connection',
        modes: BOTH,
        given: { limits: { flushTimeout: 200 } },
        steps: [
          ...ACTIVE_1,
          INTERRUPTED,
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') } },
          { advance: 60_000 },
          { ...RESTORED, wire: [call(1, 1)], ends: byShutdown },
        ],
      },
      {
        name: 'a shutdown that was under way has its whole time again',
        modes: BOTH,
        given: { limits: { flushTimeout: 200 } },
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') } },
          { advance: 199 },
          { link: 'interrupt' },
          { advance: 60_000 },
          { link: 'restore' },
          { advance: 199 },
          { advance: 1, ends: byShutdown },
        ],
      },
      {
        name: 'the time to open a connection runs on',
        modes: BOTH,
        given: { limits: { openTimeout: 1_000 } },
        steps: [
          INTERRUPTED,
          { user: 'open', as: 'a' },
          { advance: 999 },
          { advance: 102, settled: { a: overLimit('openTimeout') } },
          { ...RESTORED, wire: [open(1), close(1)] },
        ],
      },
      {
        name: 'a link that gives up ends the session, also during a shutdown',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          INTERRUPTED,
          { user: 'send', on: 'a', message: call(1, 1) },
          { user: 'shutdown', closed: { root: closedBy('session'), a: closedBy('session') } },
          { advance: 60_000 },
          { peer: { fail: 'no link within giveUpAfter' }, ends: byShutdown },
        ],
      },
    ],
  },
];
