import {
  M,
  N,
  accept,
  call,
  close,
  credit,
  hello,
  helloYourself,
  item,
  open,
  ping,
  pong,
  protocolError,
  reject,
  settings,
} from './messages.js';
import {
  BOTH,
  NOTHING,
  VIOLATION,
  accepted,
  alike,
  byKeepalive,
  byPeer,
  byRelease,
  closedBy,
  connectionClosed,
  failed,
  offence,
  opened,
  overLimit,
  read,
  sessionClosed,
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
  SMALL_INBOX,
  UNDECIDED_2,
} from './scenes.js';
import type { Report, Row } from './vocabulary.js';

// Section 5, what the peer's messages do.

const acceptorFailed: Report = { report: 'acceptor-failed', id: 2 };
const setupFailed: Report = { report: 'setup-failed', id: 2 };

/** 5.01 to 5.07: the peer opens. */
const opens: readonly Row[] = [
  {
    row: '5.01',
    rule: 'connection.open',
    layer: 'session',
    situation: 'ConnectionOpen with an id that is not of the peer’s parity, or in use',
    reference: { wire: 'ConnectionReject, empty metadata', user: NOTHING },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'an Open with an id of our own parity',
        given: ACCEPTING,
        peer: open(1),
        rule: 'session.parity',
        reference: { wire: [reject(1)] },
      }),
      ...offence({
        name: 'a second Open for an active connection',
        given: ACCEPTING,
        before: [ACTIVE_2],
        peer: open(2),
        rule: 'connection.open',
        reference: { wire: [reject(2)] },
        after: [{ peer: call(2, 2) }, { user: 'read', on: '#2', as: 'r', settled: { r: read(call(2, 2)) } }],
      }),
    ],
  },
  {
    // r[connection.open.rejection]
    row: '5.02',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionOpen, no acceptor registered',
    ...alike('ConnectionReject, empty metadata', NOTHING),
    cases: [
      {
        name: 'without onConnection every Open is rejected',
        modes: BOTH,
        steps: [
          { peer: open(2, settings('even'), M), wire: [reject(2)] },
          { peer: open(4), wire: [reject(4)] },
        ],
      },
      {
        name: 'a rejected id of the peer may be opened again',
        modes: BOTH,
        steps: [
          { peer: open(2), wire: [reject(2)] },
          { peer: open(2), wire: [reject(2)] },
        ],
      },
    ],
  },
  {
    // The root is not counted; a pending or undecided connection is, or accepting it later would pass the limit.
    row: '5.03',
    layer: 'session',
    situation: 'ConnectionOpen, open connections or undecided opens at their limit',
    ...alike('ConnectionReject, empty metadata', NOTHING),
    cases: [
      {
        name: 'an Open at the limit of connections is rejected without asking, until one has closed',
        modes: BOTH,
        given: { ...ACCEPTING, limits: { connections: 2 } },
        steps: [
          ACTIVE_2,
          { peer: open(4), asked: [4], wire: [accept(4)], setup: [4] },
          { peer: open(6), wire: [reject(6)] },
          { peer: close(2), closed: { '#2': closedBy('peer') } },
          { peer: open(8), asked: [8], wire: [accept(8)], setup: [8] },
        ],
      },
      {
        name: 'our pending opens count against the limit of connections',
        modes: BOTH,
        given: { ...ACCEPTING, limits: { connections: 1 } },
        steps: [PENDING_1, { peer: open(2), wire: [reject(2)] }],
      },
      {
        name: 'undecided opens count against the limit of connections',
        modes: BOTH,
        given: { ...DECIDING, limits: { connections: 1 } },
        steps: [
          UNDECIDED_2,
          { peer: open(4), wire: [reject(4)] },
          { user: 'open', as: 'a', settled: { a: overLimit('connections') } },
        ],
      },
      {
        name: 'an Open at the limit of undecided opens is rejected without asking, until one is decided',
        modes: BOTH,
        given: { ...DECIDING, limits: { undecided: 2 } },
        steps: [
          { peer: [open(2), open(4), open(6)], asked: [2, 4], wire: [reject(6)] },
          { user: 'decide', id: 2, decision: { reject: {} }, wire: [reject(2)] },
          { peer: open(8), asked: [8] },
        ],
      },
      {
        name: 'an accepted connection is no longer undecided',
        modes: BOTH,
        given: { ...DECIDING, limits: { undecided: 1 } },
        steps: [
          UNDECIDED_2,
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] },
          { peer: open(4), asked: [4] },
        ],
      },
    ],
  },
  {
    row: '5.04',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionOpen, the acceptor rejects with metadata M',
    ...alike('ConnectionReject{M}', NOTHING),
    cases: [
      {
        name: 'a rejection carries its metadata',
        modes: BOTH,
        given: { onConnection: { reject: { metadata: M } } },
        steps: [{ peer: open(2), asked: [2], wire: [reject(2, M)] }],
      },
      {
        name: 'a rejection without metadata has none',
        modes: BOTH,
        given: { onConnection: { reject: {} } },
        steps: [{ peer: open(2), asked: [2], wire: [reject(2)] }],
      },
      {
        name: 'replies go out in the order of the decisions, and meanwhile everything else goes on',
        modes: BOTH,
        given: DECIDING,
        steps: [
          { peer: [open(2), open(4), ping(1n)], asked: [2, 4], wire: [pong(1n)] },
          { user: 'decide', id: 4, decision: { reject: { metadata: M } }, wire: [reject(4, M)] },
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] },
        ],
      },
      {
        name: 'a rejected open was the last virtual connection of a released root',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          ...ROOT_RELEASED,
          { user: 'decide', id: 2, decision: { reject: {} }, wire: [reject(2)], ends: byRelease },
        ],
      },
    ],
  },
  {
    row: '5.05',
    rule: 'connection.open',
    layer: 'session',
    situation: 'ConnectionOpen, the acceptor accepts with settings S, metadata M',
    ...alike('ConnectionAccept{S, M}', 'the connection is active; then the setup gets the handle'),
    cases: [
      {
        name: 'an acceptance carries its settings and metadata, and the handle knows both sides’',
        modes: BOTH,
        given: { onConnection: { accept: { settings: settings('odd', 8), metadata: M } } },
        steps: [
          {
            peer: open(2, settings('even', 4), N),
            asked: [{ id: 2, peerSettings: settings('even', 4), metadata: N }],
            wire: [accept(2, settings('odd', 8), M)],
            setup: [accepted(2, { local: settings('odd', 8), peer: settings('even', 4), metadata: N })],
          },
        ],
      },
      {
        name: 'by default an accepter takes the parity that the opener leaves, whatever the session’s',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          {
            peer: open(2, settings('odd', 4)),
            asked: [2],
            wire: [accept(2, settings('even'))],
            setup: [accepted(2, { peer: settings('odd', 4) })],
          },
        ],
      },
      {
        name: 'what the setup sends follows the Accept',
        modes: BOTH,
        given: { onConnection: { accept: { setup: { send: call(2, 1) } } } },
        steps: [{ peer: open(2), asked: [2], wire: [accept(2), call(2, 1)], setup: [2] }],
      },
      {
        name: 'messages behind an Open that is accepted at once find the connection active',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          { peer: [open(2), call(2, 2), item(2, 2)], asked: [2], wire: [accept(2)], setup: [2] },
          { user: 'read', on: '#2', count: 2, as: 'r', settled: { r: read(call(2, 2), item(2, 2)) } },
        ],
      },
    ],
  },
  {
    // An acceptance with the opener's own parity is an invalid argument, and counts as an acceptor that throws.
    row: '5.06',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionOpen, the acceptor throws or exceeds the accept time',
    ...alike('ConnectionReject, empty metadata', 'reported'),
    cases: [
      {
        name: 'an acceptor that throws rejects',
        modes: BOTH,
        given: { onConnection: 'throw' },
        steps: [{ peer: open(2), asked: [2], wire: [reject(2)], reports: [acceptorFailed] }],
      },
      {
        name: 'a decision that fails rejects',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          { user: 'decide', id: 2, decision: 'throw', wire: [reject(2)], reports: [acceptorFailed] },
        ],
      },
      {
        name: 'an acceptance with the opener’s own parity rejects',
        modes: BOTH,
        given: { onConnection: { accept: { settings: settings('even') } } },
        steps: [{ peer: open(2), asked: [2], wire: [reject(2)], reports: [acceptorFailed] }],
      },
      {
        name: 'a decision that takes longer than the accept time is aborted and rejects; made later, it changes nothing',
        modes: BOTH,
        given: { ...DECIDING, limits: { acceptTimeout: 1_000 } },
        steps: [
          UNDECIDED_2,
          { advance: 999 },
          { advance: 102, wire: [reject(2)], aborted: [2], reports: [acceptorFailed] },
          { user: 'decide', id: 2, decision: { accept: {} } },
          { peer: ping(1n), wire: [pong(1n)] },
        ],
      },
      {
        name: 'an expired decision was the last virtual connection of a released root',
        modes: BOTH,
        given: { ...DECIDING, limits: { acceptTimeout: 1_000 } },
        steps: [
          UNDECIDED_2,
          ...ROOT_RELEASED,
          { advance: 999 },
          { advance: 102, wire: [reject(2)], aborted: [2], reports: [acceptorFailed], ends: byRelease },
        ],
      },
    ],
  },
  {
    row: '5.07',
    rule: 'connection.close',
    layer: 'session',
    situation: 'ConnectionOpen accepted, its setup throws',
    ...alike('ConnectionAccept, then ConnectionClose with empty metadata', 'reported; the handle is closed'),
    cases: [
      {
        name: 'a setup that throws closes its connection',
        modes: BOTH,
        given: { onConnection: { accept: { setup: 'throw' } } },
        steps: [
          {
            peer: open(2),
            asked: [2],
            wire: [accept(2), close(2)],
            setup: [2],
            closed: { '#2': closedBy('local') },
            reports: [setupFailed],
          },
        ],
      },
      {
        name: 'a setup that throws had the last virtual connection of a released root',
        modes: BOTH,
        given: DECIDING,
        steps: [
          UNDECIDED_2,
          ...ROOT_RELEASED,
          {
            user: 'decide',
            id: 2,
            decision: { accept: { setup: 'throw' } },
            wire: [accept(2), close(2)],
            setup: [2],
            closed: { '#2': closedBy('local') },
            reports: [setupFailed],
            ends: byRelease,
          },
        ],
      },
    ],
  },
];

/** 5.08 to 5.13: the peer answers our open, or closes. */
const answers: readonly Row[] = [
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

/** 5.14 to 5.16: requests and channel messages. */
const data: readonly Row[] = [
  {
    row: '5.14',
    rule: 'session.message',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the id active',
    ...alike(NOTHING, 'delivered, in order, to that connection’s inbox'),
    cases: [
      {
        name: 'requests and channel messages reach the inbox of their own connection, in order',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          { peer: [call(0, 2), call(1, 2), item(2, 2), credit(1, 2, 7), item(0, 4), call(2, 2)] },
          { user: 'read', on: 'root', count: 2, as: 'r0', settled: { r0: read(call(0, 2), item(0, 4)) } },
          { user: 'read', on: 'a', count: 2, as: 'r1', settled: { r1: read(call(1, 2), credit(1, 2, 7)) } },
          { user: 'read', on: '#2', count: 2, as: 'r2', settled: { r2: read(item(2, 2), call(2, 2)) } },
        ],
      },
      {
        name: 'a read that waits gets the message that arrives',
        modes: BOTH,
        steps: [
          { user: 'read', on: 'root', as: 'r' },
          { peer: call(0, 2), settled: { r: read(call(0, 2)) } },
        ],
      },
    ],
  },
  {
    row: '5.15',
    rule: 'session.message',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the id undecided, pending, unknown or closed',
    reference: { wire: NOTHING, user: 'dropped' },
    strict: { ...VIOLATION, user: 'closed: dropped; else the session ends, by a violation of the peer' },
    cases: [
      ...offence({ name: 'a Call on an unknown connection', peer: call(2, 2), rule: 'session.message' }),
      ...offence({
        name: 'an Item on a pending connection',
        before: [PENDING_1],
        peer: item(1, 2),
        rule: 'session.message',
        after: [{ peer: accept(1), settled: { a: opened(1) } }],
        strict: { settled: { a: sessionClosed() } },
      }),
      ...offence({
        name: 'an Item on an undecided connection',
        given: DECIDING,
        before: [UNDECIDED_2],
        peer: item(2, 2),
        rule: 'session.message',
        after: [{ user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] }],
        strict: { aborted: [2] },
      }),
      {
        name: 'a Call on a closed connection is dropped',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { peer: [call(1, 2), ping(1n)], wire: [pong(1n)] },
          { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
        ],
      },
    ],
  },
  {
    row: '5.16',
    rule: 'connection.close',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the inbox’s reader is gone',
    ...alike(
      'virtual: ConnectionClose with empty metadata; root: nothing',
      'virtual: the handle is closed, then the root-closed check; root: the session ends',
    ),
    cases: [
      {
        name: 'a message for a virtual connection whose reader is gone closes it',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: call(1, 2) },
          { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 2)) } },
          { user: 'stopReading', on: 'a' },
          { peer: item(1, 2), wire: [close(1)], closed: { a: closedBy('local') } },
          { peer: item(1, 2) },
        ],
      },
      {
        name: 'a reader that is gone does no harm while nothing arrives',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'stopReading', on: 'a' },
          { user: 'send', on: 'a', message: call(1, 1), wire: [call(1, 1)] },
          { peer: close(1), closed: { a: closedBy('peer') } },
        ],
      },
      {
        name: 'never having read is not gone',
        modes: BOTH,
        steps: [...ACTIVE_1, { peer: call(1, 2) }, { advance: 60_000 }, { peer: item(1, 2) }],
      },
      {
        name: 'a message for the root whose reader is gone ends the session',
        modes: BOTH,
        steps: [
          { user: 'stopReading', on: 'root' },
          { peer: call(0, 2), ends: { cause: 'abandoned' } },
        ],
      },
      {
        name: 'a message for the last virtual connection of a released root, its reader gone, ends the session',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { user: 'stopReading', on: 'a' },
          { peer: call(1, 2), wire: [close(1)], closed: { a: closedBy('local') }, ends: byRelease },
        ],
      },
      {
        name: 'a reader that goes while messages are held back lets reading go on, which finds it gone',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: ping(1n) },
          { user: 'stopReading', on: 'a', wire: [close(1), pong(1n)], closed: { a: closedBy('local') } },
        ],
      },
    ],
  },
];

/** 5.17 to 5.20: signs of life, and what is out of place. */
const rest: readonly Row[] = [
  {
    // r[session.keepalive]
    row: '5.17',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Ping{n}, at any time',
    ...alike('Pong{n} on the same connection id', NOTHING),
    cases: [
      {
        name: 'a Ping is answered with its nonce, over the whole range',
        modes: BOTH,
        steps: [
          { peer: ping(0n), wire: [pong(0n)] },
          { peer: [ping(2n ** 53n), ping(2n ** 64n - 1n)], wire: [pong(2n ** 53n), pong(2n ** 64n - 1n)] },
          { peer: ping(0n), wire: [pong(0n)] },
        ],
      },
      {
        name: 'a Ping is answered after the root was released',
        modes: BOTH,
        steps: [...ACTIVE_1, ...ROOT_RELEASED, { peer: ping(1n), wire: [pong(1n)] }],
      },
    ],
  },
  {
    row: '5.18',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Pong{n}, n the nonce waited for, on the root',
    ...alike(NOTHING, 'keepalive satisfied'),
    cases: [
      {
        name: 'the Pong waited for keeps the session alive',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [{ advance: 100, wire: [ping(1n)] }, { advance: 49 }, { peer: pong(1n) }, { advance: 99 }],
      },
    ],
  },
  {
    row: '5.19',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Pong{n}, any other n',
    ...alike(NOTHING, 'ignored'),
    cases: [
      {
        name: 'a Pong that nobody waits for is ignored',
        modes: BOTH,
        steps: [{ peer: pong(1n) }, { peer: ping(1n), wire: [pong(1n)] }],
      },
      {
        name: 'a Pong with another nonce does not satisfy the keepalive',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [
          { advance: 100, wire: [ping(1n)] },
          { peer: [pong(0n), pong(2n)] },
          { advance: 49 },
          { advance: 1, ends: byKeepalive },
        ],
      },
      {
        name: 'an early or repeated Pong does not disturb the next Ping',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [
          { peer: pong(1n) },
          { advance: 100, wire: [ping(1n)] },
          { peer: [pong(1n), pong(1n)] },
          { advance: 100, wire: [ping(2n)] },
          { peer: pong(1n) },
          { advance: 50, ends: byKeepalive },
        ],
      },
    ],
  },
  {
    row: '5.20',
    layer: 'session',
    situation: 'a stray Accept, Reject or Close; Hello, HelloYourself, ProtocolError after the handshake',
    reference: { wire: NOTHING, user: 'nothing; a ProtocolError ends the session' },
    strict: { ...VIOLATION, wire: 'ProtocolError on 0; nothing after a ProtocolError' },
    cases: [
      ...offence({ name: 'a stray Accept', peer: accept(1), rule: 'connection.open' }),
      ...offence({ name: 'a stray Reject', peer: reject(1), rule: 'connection.open' }),
      ...offence({ name: 'a stray Close', peer: close(2), rule: 'connection.close' }),
      ...offence({ name: 'a stray Hello', peer: hello(), rule: 'session.handshake' }),
      ...offence({ name: 'a stray HelloYourself', peer: helloYourself(), rule: 'session.handshake' }),
      {
        name: 'a ProtocolError is not answered',
        modes: BOTH,
        steps: [
          {
            peer: [protocolError('no such thing'), ping(1n)],
            ends: { cause: 'protocol', error: { code: 'protocol', side: 'local', message: 'no such thing' } },
          },
        ],
      },
    ],
  },
];

export const inbound: readonly Row[] = [...opens, ...answers, ...data, ...rest];
