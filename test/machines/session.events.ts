import type { EventObject, SnapshotFrom } from 'xstate';
import type { sessionMachine } from '../../machines/index.js';
import {
  accept,
  call,
  close,
  hello,
  helloYourself,
  item,
  M,
  N,
  open,
  ping,
  pong,
  protocolError,
  reject,
  settings,
} from '../../spec/rows/messages.js';
import type { Mode } from '../../spec/rows/vocabulary.js';
import { doneEvent, errorEvent } from '../../src/testing/index.js';
import { IdSet } from '../../src/wire/idset.js';
import { event, LINK, rx } from './inputs.js';
import { mirrorEvent, neighbour } from './mirror.js';

export type SessionSnapshot = SnapshotFrom<typeof sessionMachine>;

// We are odd. 1 is our first id, and 3 is never opened. 2 is the peer's first id, and 4 is never opened except in attempts.

const CRASH = new Error('a defect');
const LINK_CRASH = event('conduit.crashed', { error: CRASH });

/** The results of the keepalive, in a session that has one. */
const KEEPALIVES = [doneEvent('keepalive', { pongTimeout: 50 }), errorEvent('keepalive', CRASH)];

/** Reports of a link that outlives its connections. */
const INTERRUPTION = [event('link.interrupted'), event('link.restored')];

/** The results of the handshake. */
const HANDSHAKES = [
  doneEvent('handshake', {
    type: 'established',
    localSettings: settings('odd', 8),
    peerSettings: settings('even', 4),
    metadata: N,
  }),
  doneEvent('handshake', {
    type: 'established',
    localSettings: settings('odd', 8),
    peerSettings: settings('even', 4),
    metadata: [...N, { key: 'roam-actors.notices', value: 1n, flags: 0n }],
  }),
  doneEvent('handshake', { type: 'failed', failure: { message: 'handshake timed out', rule: 'session.handshake' } }),
  doneEvent('handshake', { type: 'failed', failure: { message: 'peer closed during handshake' } }),
  doneEvent('handshake', {
    type: 'refused',
    failure: { message: 'refused.forbidden: not you', refusal: { reason: 'forbidden', text: 'not you' } },
  }),
  errorEvent('handshake', CRASH),
];

/** Inputs that come too early, while the handshake is under way. */
const EARLY = [
  rx(hello()),
  rx(helloYourself()),
  rx(pong(1n)),
  rx(open(2)),
  ...LINK,
  ...INTERRUPTION,
  event('conduit.overflowed'),
  event('auth.accepted'),
  event('auth.refused', { reason: 'forbidden', text: 'not you' }),
  event('app.open', { request: 7, settings: settings('odd'), metadata: M }),
  event('app.close', { id: 1, request: 7, metadata: M }),
  event('app.shutdown'),
  event('app.drain', { timeout: 29, isSooner: true }),
  event('app.abortHandshake', { reason: 'enough' }),
];

/** An Open that is a notice. */
function notice(value: string, id: number): EventObject {
  return rx(open(id, settings('even', 9), [{ key: 'roam-actors.notice', value, flags: 0n }]));
}

/** An open of ours that is a notice with new credentials. */
const RENEWAL = event('app.open', {
  request: 7,
  settings: settings('odd', 3),
  metadata: [{ key: 'roam-actors.notice', value: 'renew', flags: 0n }],
});

const NOTICE_OPENS = [notice('draining', 2), notice('renew', 2)];

/** Events that a drain decides, by either side. */
const DRAIN = [
  event('app.drain', { timeout: 27, isSooner: true }),
  event('app.drain', { timeout: 37, isSooner: false }),
  ...['none', 'some', 'refused'].map((what) => event(`work.${what}`)),
  ...NOTICE_OPENS,
  notice('draining', 4),
  ...[2, 4].map((id) => rx(open(id, settings('even', 9), N))),
  ...[1, 3].flatMap((id) => [rx(reject(id, N)), rx(accept(id, settings('even', 5), N))]),
  event('app.open', { request: 7, settings: settings('odd', 3), metadata: M }),
  event('app.shutdown'),
];

const MESSAGES = [
  ...[0, 1, 2, 4].map((id) => open(id, settings('even', 9), N)),
  ...[0, 1, 2, 3].map((id) => accept(id, settings('even', 5), N)),
  ...[0, 1, 2, 3].map((id) => reject(id, N)),
  ...[0, 1, 2, 3, 4].map((id) => close(id, N)),
  ...[0, 1, 2, 3, 4].map((id) => call(id, 2)),
  ...[0, 1, 2, 3, 4].map((id) => item(id, 2)),
  ping(5n),
  ping(5n, 2),
  pong(5n),
  pong(5n, 2),
  hello(),
  helloYourself(),
  protocolError('you broke it'),
  protocolError('you broke it', 2),
].map(rx);

const REQUESTS = [
  event('app.open', { request: 7, settings: settings('odd', 3), metadata: M }),
  RENEWAL,
  ...[0, 1, 2, 3].map((id) => event('app.close', { id, request: 8, metadata: M })),
  ...[0, 1, 2, 3].map((id) => event('app.release', { id })),
  ...[0, 1, 2].map((id) => event('app.leave', { id })),
  ...[1, 3].map((id) => event('app.abandonOpen', { id })),
  ...[1, 2, 3].map((id) => event('deadline.passed', { id })),
  ...[2, 4].flatMap((id) => [
    event('app.accept', { id, settings: settings('odd', 3), metadata: M }),
    event('app.reject', { id, metadata: M }),
  ]),
  event('app.shutdown'),
];

const FLOW = [
  event('inbox.filled', { id: 0 }),
  event('inbox.drained'),
  event('outbox.filled'),
  event('outbox.progressed'),
  event('outbox.drained'),
  event('outbox.overflowed'),
];

const PARTS = [event('keepalive.confirmed'), event('connections.crashed', { id: 0, error: CRASH })];

function ended(id: number, phase: string, outcome: unknown, by: string): EventObject {
  return event('connections.ended', { id, output: { phase, outcome, by, metadata: N } });
}

function opened(id: number, origin: 'local' | 'peer'): EventObject {
  const connection = { id, origin, localSettings: settings('odd', 3), peerSettings: settings('even', 5), metadata: N };
  return event('connections.opened', { connection });
}

/** Returns the reports that the existing connections may send, by their phases. */
function reports({ context }: SessionSnapshot, mode: Mode): readonly EventObject[] {
  const { live, pending, undecided } = context;
  const broken = (id: number, phase: string) =>
    mode === 'strict' ? [ended(id, phase, { rule: 'session.message', description: 'what it was' }, 'peer')] : [];
  const active = (id: number) => [
    ended(id, 'active', 'closed', 'peer'),
    ended(id, 'active', 'closed', 'local'),
    ...broken(id, 'active'),
  ];
  const ours = () =>
    pending > 0
      ? [
          opened(1, 'local'),
          ended(1, 'opening', 'rejected', 'peer'),
          ended(1, 'opening', 'closed', 'peer'),
          ended(1, 'opening', 'closed', 'local'),
          ...broken(1, 'opening'),
        ]
      : active(1);
  const theirs = () =>
    undecided > 0
      ? [
          opened(2, 'peer'),
          ended(2, 'deciding', 'rejected', 'local'),
          ended(2, 'deciding', 'closed', 'peer'),
          ...broken(2, 'deciding'),
        ]
      : active(2);
  return [ended(0, 'active', 'abandoned', 'local'), ...(live.has(1) ? ours() : []), ...(live.has(2) ? theirs() : [])];
}

/**
 * Returns the events of a state. Paths end where an id beyond the first of each side was opened. They also end where reading
 * or sending is hindered in more than one way, or while connections exist: the regions are independent, and their product is
 * large.
 */
export function sessionEvents(snapshot: SessionSnapshot, mode: Mode): readonly EventObject[] {
  const { localSettings, live, localHigh, peerHigh, isInterrupted } = snapshot.context;
  if (localSettings.parity === 'odd') return oddEvents(snapshot, mode);
  // The variant with even ids only shows that no behaviour depends on odd ids: one thing at a time is enough.
  const isPlain = !isReleased(snapshot) && (localHigh === 0 || peerHigh === 0);
  if (snapshot.value !== 'handshaking' && !(isPlain && snapshot.hasTag('routes') && !isInterrupted)) return [];
  const mirrored = live.toJSON().reduce((ids, id) => ids.add(neighbour(id)), IdSet.empty);
  const odd = { ...snapshot, context: { ...snapshot.context, live: mirrored } } as SessionSnapshot;
  return oddEvents(odd, mode).map((event) => mirrorEvent(event));
}

/** True if the last caller of the root is gone. */
function isReleased(snapshot: SessionSnapshot): boolean {
  return snapshot.matches({ running: { root: 'released' } });
}

/** True if a drain is under way, or the peer could be told of one. */
function isOfDrain(snapshot: SessionSnapshot): boolean {
  if (!snapshot.matches('running')) return false;
  const { value, context } = snapshot;
  const { intake } = (value as unknown as { running: { intake: unknown } }).running;
  return intake !== 'taking' || context.hearsNotices || context.isPeerDraining;
}

/** Paths go on while at most one open is unanswered, and nothing else hinders. */
function drainEvents(snapshot: SessionSnapshot, mode: Mode): readonly EventObject[] {
  const { live, localHigh, peerHigh, isInterrupted } = snapshot.context;
  if (isReleased(snapshot) || isInterrupted || !snapshot.hasTag('routes')) return [];
  if (live.size > 1 || Math.max(localHigh, peerHigh) > 2) return [];
  return [...DRAIN, ...reports(snapshot, mode)];
}

/** The role matters during the handshake, and an acceptor that authenticates its peer does so again. */
function acceptorEvents({ value, context }: SessionSnapshot): readonly EventObject[] {
  if (value === 'handshaking')
    return [HANDSHAKES[0] as EventObject, event('app.drain', { timeout: 29, isSooner: true })];
  if (context.peerHigh > 2) return [];
  return [
    ...[0, 1, 2, 4].map((id) => notice('renew', id)),
    notice('draining', 2),
    rx(open(2, settings('even', 9), N)),
    event('auth.accepted'),
    event('auth.refused', { reason: 'forbidden', text: 'not you' }),
    event('app.shutdown'),
    event('link.ended'),
  ];
}

/** Opens behind Hello: up to the limit of two, and one more. Behind the handshake they are like any other. */
function earlyEvents(snapshot: SessionSnapshot, mode: Mode): readonly EventObject[] {
  const { context } = snapshot;
  const over = reports(snapshot, mode).filter((event) => 'id' in event && event['id'] === 1);
  if (snapshot.value !== 'handshaking') {
    return context.localHigh > 1 ? [] : [rx(accept(1, settings('even', 5), N)), rx(reject(1, N)), ...over];
  }
  const given = over.filter((event) => (event as { output?: { by: string } }).output?.by === 'local');
  return [
    HANDSHAKES[0] as EventObject,
    HANDSHAKES[2] as EventObject,
    rx(accept(1, settings('even', 5), N)),
    ...(context.localHigh > 3 ? [] : [event('app.open', { request: 7, settings: settings('odd'), metadata: M })]),
    event('app.close', { id: 1, request: 7, metadata: M }),
    ...[1, 3, 5].map((id) => event('app.abandonOpen', { id })),
    ...given,
    event('connections.crashed', { id: 1, error: CRASH }),
    event('app.shutdown'),
    event('link.ended'),
  ];
}

function oddEvents(snapshot: SessionSnapshot, mode: Mode): readonly EventObject[] {
  const { value, context } = snapshot;
  if (context.opensEarly) return earlyEvents(snapshot, mode);
  if (context.role === 'acceptor') return acceptorEvents(snapshot);
  if (value === 'handshaking') return [...HANDSHAKES, ...EARLY, LINK_CRASH];
  // Without an acceptor only the peer's opens behave differently.
  if (!context.isAccepting)
    return MESSAGES.filter(({ type }) => type === 'rx.ConnectionOpen' || type === 'rx.ConnectionClose');
  if (isOfDrain(snapshot)) return drainEvents(snapshot, mode);
  const common = [
    ...MESSAGES,
    ...LINK,
    ...INTERRUPTION,
    event('conduit.overflowed'),
    ...REQUESTS,
    event('app.abortHandshake', { reason: 'late' }),
    event('calls.violated', { rule: 'rpc.response.one-per-request', description: 'a Response too many' }),
  ];
  if (!snapshot.matches('running')) return [...common, ...FLOW, LINK_CRASH];
  const { inbound, outbound } = (value as { running: { inbound: unknown; outbound: unknown } }).running;
  const { isInterrupted } = context;
  const released = isReleased(snapshot);
  const keepalives = context.keepalive === undefined ? [] : KEEPALIVES;
  const hindrances = [inbound !== 'reading', outbound !== 'flowing', released, isInterrupted].filter(Boolean).length;
  const opens = context.localHigh + context.peerHigh;
  // The link decides whether the time of a full outbox runs.
  if (outbound !== 'flowing' && isInterrupted && hindrances === 2) return [...FLOW, ...INTERRUPTION];
  if (Math.max(context.localHigh, context.peerHigh) > 2) return [];
  if (hindrances > 1 || (opens > 0 && hindrances > (released ? 1 : 0))) return [];
  // Drains begin where nothing hinders.
  const drains =
    hindrances === 0 ? [event('app.drain', { timeout: 29, isSooner: true }), event('work.none'), ...NOTICE_OPENS] : [];
  return [...common, ...drains, ...FLOW, ...PARTS, ...keepalives, ...reports(snapshot, mode), LINK_CRASH];
}
