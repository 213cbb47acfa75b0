import { WAITING_CALLS } from './calls.js';
import { WAITING_SENDERS } from './channels.js';
import {
  accept,
  bytes,
  call,
  callNaming,
  close,
  credit,
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
  alike,
  answered,
  BOTH,
  byKeepalive,
  byLink,
  byPeer,
  byRelease,
  byShutdown,
  closedBy,
  connectionClosed,
  done,
  failed,
  NOTHING,
  offence,
  opened,
  read,
  sessionClosed,
  violates,
} from './outcome.js';
import {
  ACCEPTING,
  ACTIVE_1,
  ACTIVE_2,
  DECIDING,
  FULL_1,
  KEEPALIVE,
  PENDING_1,
  ROOT_RELEASED,
  SERVING,
  SMALL_INBOX,
  STALLING,
  UNDECIDED_2,
} from './scenes.js';
import type { Case, Given, Row, Step } from './vocabulary.js';
import { REFUSED } from './vocabulary-calls.js';

// Section 9b, bugs of the reference that neither mode copies. Where a violation by the peer triggers the bug, the strict
// mode never gets that far: those cases show the violation.

function cannotSend(what: string, given: Given, before: readonly Step[], last: Step): Case {
  return {
    name: `${what} that cannot be sent ends the session`,
    modes: BOTH,
    given,
    steps: [...before, { link: 'refuse-sends' }, last],
  };
}

export const bugs: readonly Row[] = [
  {
    // r[connection.close]
    row: '9b.01',
    rule: 'connection.close',
    layer: 'session',
    situation: 'the reference: sends on a connection already closed still go out',
    ...alike(NOTHING, 'ConnectionClosed'),
    cases: [
      {
        name: 'nothing is sent on a connection that we closed',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { user: 'send', on: 'a', message: call(1, 1), as: 's', settled: { s: connectionClosed('local') } },
        ],
      },
      {
        name: 'nothing is sent on a connection that the peer closed',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: close(1), closed: { a: closedBy('peer') } },
          { user: 'send', on: 'a', message: item(1, 1), as: 's', settled: { s: connectionClosed('peer') } },
        ],
      },
      {
        name: 'nothing is sent on a connection whose session ended',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'shutdown', ends: byShutdown },
          { user: 'send', on: 'a', message: call(1, 1), as: 's', settled: { s: connectionClosed('session') } },
          { user: 'send', on: 'root', message: call(0, 1), as: 't', settled: { t: connectionClosed('session') } },
        ],
      },
    ],
  },
  {
    row: '9b.02',
    rule: 'connection.open',
    layer: 'session',
    situation: 'the reference: a stray Accept or Reject marks an active handle closed while its messages still flow',
    ...alike(NOTHING, 'nothing changes (strict: 9a.04)'),
    cases: [accept(1), reject(1, M)].flatMap((peer) =>
      offence({
        name: `a stray ${peer.type} does not touch the active handle`,
        before: ACTIVE_1,
        peer,
        rule: 'connection.open',
        after: [
          { user: 'send', on: 'a', message: call(1, 1), wire: [call(1, 1)] },
          { peer: call(1, 2) },
          { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 2)) } },
        ],
      }),
    ),
  },
  {
    row: '9b.03',
    rule: 'connection.close',
    layer: 'session',
    situation: 'the reference: Close on the root forgets the root and limps on; an even peer can then open id 0',
    ...alike(NOTHING, 'the session ends (strict: 9a.08)'),
    cases: [
      {
        name: 'an Open on 0 behind a Close on the root finds the session ended',
        modes: ['reference'],
        given: { ...ACCEPTING, role: 'acceptor', parity: 'odd' },
        steps: [{ peer: [close(0), open(0)], ends: byPeer, reports: [{ report: 'root-closed-by-peer' }] }],
      },
      {
        name: 'an Open on 0 behind a Close on the root finds the session ended by the violation',
        modes: ['strict'],
        given: { ...ACCEPTING, role: 'acceptor', parity: 'odd' },
        steps: [{ peer: [close(0), open(0)], ...violates('connection.close') }],
      },
    ],
  },
  {
    // r[rpc.caller.liveness.root-teardown-condition]
    row: '9b.04',
    rule: 'rpc.caller.liveness.root-teardown-condition',
    layer: 'session',
    situation:
      'the reference: the root-closed check is skipped after a Reject and after a Close that failed, late elsewhere',
    ...alike(NOTHING, 'runs in the same step as every removal'),
    cases: [
      {
        name: 'nothing that comes behind the Reject of a released root’s last connection is handled',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          PENDING_1,
          ...ROOT_RELEASED,
          { peer: [reject(1), ping(1n), open(2)], settled: { a: failed({ code: 'rejected' }) }, ends: byRelease },
        ],
      },
      {
        name: 'nothing that comes behind the last Close of a released root is handled',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { peer: [close(1), ping(1n), open(2)], closed: { a: closedBy('peer') }, ends: byRelease },
        ],
      },
      {
        name: 'no open gets in between the last close of a released root and the end',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          {
            together: [
              { user: 'close', id: 1 },
              { user: 'open', as: 'b' },
            ],
            wire: [close(1)],
            closed: { a: closedBy('local') },
            settled: { b: sessionClosed('local') },
            ends: byRelease,
          },
        ],
      },
    ],
  },
  {
    row: '9b.05',
    rule: 'connection.close',
    layer: 'session',
    situation: 'the reference: when the inbox’s reader is gone nothing is sent, and the peer waits for ever',
    ...alike('ConnectionClose', 'the handle is closed'),
    cases: [
      {
        name: 'the peer is told that its messages have no reader',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'stopReading', on: 'a' },
          { peer: call(1, 2), wire: [close(1)], closed: { a: closedBy('local') } },
        ],
      },
    ],
  },
  {
    row: '9b.06',
    layer: 'session',
    situation: 'the reference: a full inbox stops the whole loop: keepalive, local opens and closes, shutdown',
    ...alike('all of them go on', 'reading alone stops'),
    cases: [
      {
        name: 'opens, sends, closes and Pings go out behind a full inbox',
        modes: BOTH,
        given: { ...SMALL_INBOX, ...KEEPALIVE },
        steps: [
          ...FULL_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'send', on: 'a', message: call(1, 1), wire: [call(1, 1)] },
          { user: 'close', id: 3, wire: [close(3)], settled: { b: connectionClosed('local') } },
          { advance: 100, wire: [ping(1n)] },
        ],
      },
      {
        name: 'an open times out behind a full inbox',
        modes: BOTH,
        given: { limits: { inboxMessages: 2, openTimeout: 500 } },
        steps: [
          ...FULL_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          { advance: 499 },
          { advance: 52, wire: [close(3)], settled: { b: failed({ code: 'limit', limit: 'openTimeout' }) } },
        ],
      },
      {
        name: 'a shutdown works behind a full inbox',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [...FULL_1, { user: 'shutdown', ends: byShutdown }],
      },
    ],
  },
  {
    row: '9b.07',
    rule: 'connection.close',
    layer: 'session',
    situation: 'the reference: an opener that gave up still gets an active connection without a reader',
    ...alike('ConnectionClose', 'closed at once'),
    cases: [
      {
        name: 'what an opener gave up is closed before the Accept comes, and stays closed',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', signal: 's', wire: [open(1)] },
          { user: 'abort', signal: 's', reason: 'no', wire: [close(1)], settled: { a: connectionClosed('local') } },
          { peer: [accept(1), call(1, 2), close(1), ping(1n)], wire: [pong(1n)] },
          { user: 'open', as: 'b', wire: [open(3)] },
        ],
      },
    ],
  },
  {
    row: '9b.08',
    rule: 'connection.close',
    layer: 'session',
    situation: 'the reference: an opener whose pending connection is closed hears "session closed"',
    ...alike('ConnectionClose if we closed it', 'ConnectionClosed'),
    cases: [
      {
        name: 'an opener hears that its pending connection was closed, and by whom',
        modes: BOTH,
        steps: [
          PENDING_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          { user: 'close', id: 1, wire: [close(1)], settled: { a: connectionClosed('local') } },
          { peer: close(3), settled: { b: connectionClosed('peer') } },
        ],
      },
    ],
  },
  {
    row: '9b.09',
    layer: 'session',
    situation: 'the reference: failed sends other than a Ping are ignored, and the acceptor’s setup runs all the same',
    ...alike(NOTHING, 'the session ends'),
    cases: [
      cannotSend('a Pong', {}, [], { peer: ping(1n), ends: byLink }),
      cannotSend('a Reject', {}, [], { peer: open(2), ends: byLink }),
      cannotSend('an Accept', ACCEPTING, [], { peer: open(2), asked: [2], ends: byLink }),
      cannotSend('a decided Accept', DECIDING, [UNDECIDED_2], {
        user: 'decide',
        id: 2,
        decision: { accept: {} },
        ends: byLink,
      }),
      cannotSend('an Open', {}, [], { user: 'open', as: 'a', ends: byLink, settled: { a: sessionClosed() } }),
      cannotSend('a Close', {}, ACTIVE_1, {
        user: 'close',
        id: 1,
        as: 'c',
        settled: { c: sessionClosed() },
        closed: { a: closedBy('local') },
        ends: byLink,
      }),
      cannotSend('the Close of a released connection', {}, [...ACTIVE_1, { user: 'caller', on: 'a', as: 'c' }], {
        user: 'release',
        caller: 'c',
        closed: { a: closedBy('local') },
        ends: byLink,
      }),
    ],
  },
  {
    row: '9b.10',
    layer: 'session',
    situation: 'the reference: the conduit stays open after the session ended',
    ...alike(NOTHING, 'the link is closed'),
    cases: [
      { name: 'a shutdown closes the link', modes: BOTH, steps: [{ user: 'shutdown', ends: byShutdown }] },
      { name: 'the peer’s end closes the link', modes: BOTH, steps: [{ peer: 'end', ends: byPeer }] },
      {
        name: 'a keepalive timeout closes the link',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [
          { advance: 100, wire: [ping(1n)] },
          { advance: 50, ends: byKeepalive },
        ],
      },
    ],
  },
  {
    row: '9b.11',
    layer: 'session',
    situation: 'the reference: the loop awaits its own sends on the conduit that it reads: two peers can deadlock',
    ...alike(
      'what waits goes out once the link takes it',
      'reading never waits for writing; a full outbox without progress for the stall time ends the session',
    ),
    cases: [
      {
        name: 'reading goes on while the link takes nothing',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          PENDING_1,
          { link: 'hold-sends' },
          { peer: [ping(1n), accept(1), call(1, 2), call(0, 2)], settled: { a: opened(1) } },
          { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 2)) } },
          { peer: open(2), asked: [2], setup: [2] },
          { link: 'take-sends', wire: [pong(1n), accept(2)] },
        ],
      },
      {
        name: 'a full outbox that the link takes nothing of for the stall time ends the session',
        modes: BOTH,
        given: STALLING,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { advance: 999 },
          { advance: 1, ends: { cause: 'limit', error: { code: 'limit', limit: 'stallTimeout' } } },
        ],
      },
      {
        name: 'a full outbox that leaves before the stall time keeps the session',
        modes: BOTH,
        given: STALLING,
        steps: [
          ...ACTIVE_1,
          { link: 'hold-sends' },
          { user: 'send', on: 'a', message: call(1, 1) },
          { advance: 999 },
          { link: 'take-sends', wire: [call(1, 1)] },
          { advance: 5_000 },
        ],
      },
    ],
  },
  {
    row: '9b.12',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'the reference: a Pong that lies unread behind a full inbox counts as missing',
    ...alike(NOTHING, 'the deadline is suspended'),
    cases: [
      {
        name: 'a full inbox does not let the keepalive run out',
        modes: BOTH,
        given: { ...SMALL_INBOX, ...KEEPALIVE },
        steps: [
          ...ACTIVE_1,
          { advance: 100, wire: [ping(1n)] },
          { peer: [call(1, 2), call(1, 4), call(1, 6), pong(1n)] },
          { advance: 900 },
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { advance: 100, wire: [ping(2n)] },
        ],
      },
    ],
  },
  {
    row: '9b.13',
    layer: 'driver',
    situation: 'the reference: a sender that waits for credit hangs for ever on Reset or on the connection’s end',
    ...alike(NOTHING, 'rejects at once'),
    cases: WAITING_SENDERS,
  },
  {
    row: '9b.14',
    layer: 'driver',
    situation: 'the reference: maxConcurrentRequests is advertised and never kept',
    ...alike('no Call above it', 'kept on our side'),
    cases: WAITING_CALLS,
  },
  {
    row: '9b.15',
    rule: 'rpc.metadata.flags.no-propagate',
    layer: 'proxy',
    situation: 'the reference: a proxy forwards NO_PROPAGATE metadata',
    ...alike('stripped', NOTHING),
    cases: [],
  },
  {
    row: '9b.16',
    rule: 'session.message',
    layer: 'session',
    situation: 'the reference: a ProtocolError after the handshake is ignored; the link’s end follows',
    ...alike(NOTHING, 'the session ends with the description'),
    cases: [
      {
        name: 'a ProtocolError ends the session with what the peer says, before the link ends',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          {
            peer: [protocolError('no'), call(1, 2)],
            ends: { cause: 'protocol', error: { code: 'protocol', side: 'local' } },
          },
        ],
      },
    ],
  },
  {
    row: '9b.17',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'the reference: a Reject’s metadata points into freed memory',
    ...alike(NOTHING, 'the metadata as sent'),
    cases: [
      {
        name: 'the metadata of a Reject is heard as it was sent, also when much comes behind it',
        modes: BOTH,
        steps: [
          PENDING_1,
          {
            peer: [reject(1, M), ...Array.from({ length: 8 }, (_, at) => ping(BigInt(at)))],
            settled: { a: failed({ code: 'rejected', metadata: M }) },
            wire: Array.from({ length: 8 }, (_, at) => pong(BigInt(at))),
          },
        ],
      },
    ],
  },
  {
    row: '9b.18',
    rule: 'rpc.caller.liveness.last-drop-closes-connection',
    layer: 'session',
    situation: 'the reference: the last caller of a closed connection closes a new one of the same id',
    ...alike(NOTHING, 'nothing'),
    cases: [
      {
        name: 'the last caller of a closed connection does nothing to a new one of the same id',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          { peer: open(2), asked: [2], wire: [accept(2)], setup: [2] },
          { user: 'caller', on: '#2', as: 'old' },
          { peer: close(2), closed: { '#2': closedBy('peer') } },
          { peer: open(2), asked: [2], wire: [accept(2)], setup: [2] },
          { user: 'release', caller: 'old' },
          { peer: [call(2, 2), ping(1n)], wire: [pong(1n)] },
          { user: 'read', on: '#2', as: 'r', settled: { r: read(call(2, 2)) } },
        ],
      },
    ],
  },
  {
    row: '9b.19',
    rule: 'rpc.request.id-allocation',
    layer: 'driver',
    situation: 'the reference: failures of calls in both directions share one map',
    ...alike('the Response to the peer’s Call', 'kept apart'),
    cases: [
      {
        name: 'a handler that fails fails no call of ours with the same id',
        modes: ['reference'],
        steps: [
          SERVING,
          { user: 'call', on: 'root', as: 'it', args: bytes(1), wire: [call(0, 1)] },
          { peer: call(0, 1), handled: [1] },
          { user: 'fail', request: 1, wire: [response(0, 1, REFUSED.unknownMethod)] },
          { peer: response(0, 1), settled: { it: answered() } },
        ],
      },
      {
        name: 'a Call with an id of ours is a violation before anything shares a map',
        modes: ['strict'],
        steps: [
          SERVING,
          { user: 'call', on: 'root', as: 'it', args: bytes(1), wire: [call(0, 1)] },
          { peer: call(0, 1), ...violates('rpc.request.id-allocation', { it: connectionClosed('session') }) },
        ],
      },
    ],
  },
  {
    row: '9b.20',
    rule: 'rpc.request.id-allocation',
    layer: 'driver',
    situation: 'the reference: a Call with an id in flight forgets the first handler, which answers after the end',
    ...alike(NOTHING, 'both are aborted'),
    cases: [
      {
        name: 'of two handlers with one id both hear of the end, and neither answers after it',
        modes: ['reference'],
        given: ACCEPTING,
        steps: [
          ACTIVE_2,
          { user: 'serve', on: '#2' },
          { peer: [call(2, 2), call(2, 2)], handled: [2, 2] },
          { peer: close(2), closed: { '#2': closedBy('peer') }, givenUp: [2, 2] },
          { user: 'reply', request: 2, answer: { ret: bytes(9) } },
        ],
      },
      {
        name: 'a second Call with an id in flight is a violation',
        modes: ['strict'],
        steps: [
          SERVING,
          { peer: call(0, 2), handled: [2] },
          { peer: call(0, 2), ...violates('rpc.request.id-allocation'), givenUp: [2] },
        ],
      },
    ],
  },
  {
    row: '9b.21',
    rule: 'rpc.flow-control.credit.grant',
    layer: 'driver',
    situation: 'the reference: credit granted before the Call that names the channel is lost',
    ...alike(NOTHING, 'it counts'),
    cases: [
      {
        name: 'credit that comes before the Call that names its channel counts',
        modes: ['reference'],
        steps: [
          SERVING,
          { peer: [credit(0, 2, 1), callNaming(0, 2, [2])], handled: [2] },
          { user: 'bind', request: 2, end: 'tx', as: 'c', credit: 0 },
          { user: 'sendItem', channel: 'c', item: bytes(2), as: 's', wire: [item(0, 2)], settled: { s: done } },
        ],
      },
      {
        name: 'credit that comes before its channel is bound counts',
        modes: ['strict'],
        steps: [
          SERVING,
          { peer: [callNaming(0, 2, [2]), credit(0, 2, 1)], handled: [2] },
          { user: 'bind', request: 2, end: 'tx', as: 'c', credit: 0 },
          { user: 'sendItem', channel: 'c', item: bytes(2), as: 's', wire: [item(0, 2)], settled: { s: done } },
        ],
      },
    ],
  },
  {
    row: '9b.22',
    rule: 'connection.close',
    layer: 'driver',
    situation: 'the reference: a call on a connection already closed never settles',
    ...alike(NOTHING, 'ConnectionClosed'),
    cases: [
      {
        name: 'a call on a connection that is closed fails at once',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'caller', on: 'a', as: 'c' },
          { peer: close(1), closed: { a: closedBy('peer') } },
          { user: 'call', on: 'a', by: 'c', as: 'it', args: bytes(1), settled: { it: connectionClosed('peer') } },
        ],
      },
    ],
  },
  {
    row: '9b.23',
    rule: 'session.keepalive',
    layer: 'session',
    situation:
      'the reference: shutdown twice fails; markFailure after the end is still told; the keepalive looks every 10 ms',
    ...alike(NOTHING, 'no-op; not told; on time'),
    cases: [
      {
        name: 'a second shutdown, and a failure marked after the end, do nothing',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'shutdown', ends: byShutdown },
          { user: 'shutdown' },
          { user: 'markFailure', on: 'a', requestId: 2, reason: 'late' },
        ],
      },
      {
        name: 'the keepalive is on time, to the millisecond',
        modes: BOTH,
        given: { keepalive: { pingInterval: 103, pongTimeout: 57 } },
        steps: [{ advance: 102 }, { advance: 1, wire: [ping(1n)] }, { advance: 56 }, { advance: 1, ends: byKeepalive }],
      },
    ],
  },
];
