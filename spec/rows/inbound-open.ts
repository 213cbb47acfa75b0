import { accept, call, close, item, M, N, open, ping, pong, reject, SECRET, settings } from './messages.js';
import { accepted, alike, BOTH, byRelease, closedBy, NOTHING, offence, overLimit, read, VIOLATION } from './outcome.js';
import { ACCEPTING, ACTIVE_2, DECIDING, PENDING_1, ROOT_RELEASED, UNDECIDED_2 } from './scenes.js';
import type { Report, Row } from './vocabulary.js';

// Section 5, what the peer’s messages do: it opens.

const acceptorFailed: Report = { report: 'acceptor-failed', id: 2 };
const setupFailed: Report = { report: 'setup-failed', id: 2 };

/** 5.01 to 5.07: the peer opens. */
export const inboundOpens: readonly Row[] = [
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
    // r[rpc.virtual-connection.accept]
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
        name: 'SENSITIVE metadata reaches the acceptor and the peer whole',
        modes: BOTH,
        given: { onConnection: { accept: { metadata: SECRET } } },
        steps: [
          {
            peer: open(2, settings('even'), SECRET),
            asked: [{ id: 2, peerSettings: settings('even'), metadata: SECRET }],
            wire: [accept(2, settings('odd'), SECRET)],
            setup: [accepted(2, { metadata: SECRET })],
          },
        ],
      },
      {
        name: 'by default an accepter takes the parity that the opener leaves, not the session’s',
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
        name: 'a decision that takes longer than the accept time is aborted and rejects; later, it changes nothing',
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
