/** Every configuration, the small ones first. */
import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Configuration, PairConfiguration } from './configuration.js';
import type { GoalOptions } from './goals.js';
import type { PeerOptions } from './peer.js';

type Mode = PeerOptions['conformance'];
const MODES: readonly Mode[] = ['reference', 'strict'];

/** All liveness properties, for configurations in which time runs. */
const ALL_GOALS: GoalOptions = {
  'handshake-ends': 'delivery',
  'opens-settle': 'time',
  'closes-known': 'delivery',
  'end-spreads': 'delivery',
  'ends-cleanly': 'delivery',
  'no-deadlock': 'delivery',
};
/** The same without `opens-settle`: for configurations without a timer for opens, or in which only the user decides. */
const { 'opens-settle': _, ...DELIVERED } = ALL_GOALS;

/** Returns one configuration for each mode. */
function inBoth(make: (mode: Mode) => Omit<PairConfiguration, 'kind'>): Configuration[] {
  return MODES.map((mode) => {
    const { name, both, ...rest } = make(mode);
    return { kind: 'pair', name: `${name}-${mode}`, both: { ...both, conformance: mode }, ...rest };
  });
}

const EVERY_TIMER = [
  'handshakeTimeout',
  'flushTimeout',
  'sweepInterval',
  'stall',
  'unreadTimeout',
  'pongTimeout',
  'pingInterval',
];

const handshake = inBoth(() => ({
  name: 'handshake',
  text: 'the handshake, given up by either side, on a link that may close or fail, while time is an enemy',
  isQuick: true,
  both: { budget: { abortHandshake: 1, shutdown: 1, open: 1 } },
  world: { befalls: ['fail', 'close'] },
  timers: ['handshakeTimeout', 'flushTimeout'],
  goals: DELIVERED,
}));

const evenHandshake: Configuration = {
  kind: 'pair',
  name: 'handshake-even',
  text: 'an initiator that asks for the even ids, and opens from both sides',
  isQuick: true,
  both: { conformance: 'strict', budget: { open: 2, close: 1 } },
  initiator: { settings: { parity: 'even', maxConcurrentRequests: 1 } },
  goals: DELIVERED,
};

const opens = inBoth(() => ({
  name: 'opens',
  text: 'an open from each side, accepted, rejected, aborted, too late, and the session shut down in between',
  isQuick: true,
  both: { budget: { open: 1, abort: 1, shutdown: 1 } },
  world: { befalls: ['fail'] },
  timers: ['sweepInterval', 'flushTimeout'],
  goals: ALL_GOALS,
}));

const closes = inBoth(() => ({
  name: 'closes',
  text: 'an open and a message from each side, closed and released by either, and closes of what cannot be closed',
  both: { budget: { open: 1, send: 1, close: 1, release: 1, misclose: 1 } },
  goals: DELIVERED,
}));

const roots = inBoth(() => ({
  name: 'roots',
  text: 'the root released on either side, while virtual connections are opened, rejected and closed',
  both: { budget: { open: 1, close: 1, releaseRoot: 1, abort: 1 } },
  world: { befalls: ['close'] },
  timers: ['flushTimeout', 'sweepInterval'],
  goals: ALL_GOALS,
}));

const readers = inBoth(() => ({
  name: 'readers',
  text: 'inboxes of one message and two, readers that leave, a session that stops reading and goes on',
  both: { budget: { open: 1, send: 2, leave: 1 }, rejects: false },
  initiator: { limits: { inbox: 1 } },
  acceptor: { limits: { inbox: 2 } },
  timers: ['stallNotice', 'unreadTimeout'],
  goals: DELIVERED,
}));

const keepalives = inBoth(() => ({
  name: 'keepalive',
  text: 'Pings from both sides, with an inbox of one message, a Pong that is late, and a peer that vanishes',
  isQuick: true,
  both: { keepalive: true, budget: { ping: 2, send: 2 }, limits: { inbox: 1 } },
  world: { befalls: ['vanish'] },
  timers: ['pingInterval', 'pongTimeout', 'flushTimeout', 'handshakeTimeout'],
  goals: { 'handshake-ends': 'time', 'ends-cleanly': 'time' },
}));

const dead: Configuration = {
  kind: 'pair',
  name: 'dead-peer',
  text: 'a peer that vanishes without a word is noticed, by time alone',
  isQuick: true,
  both: { keepalive: true, budget: { ping: 3, open: 1 } },
  world: { befalls: ['vanish'], time: 'patient' },
  timers: EVERY_TIMER,
  goals: { 'death-noticed': 'time', 'opens-settle': 'time', 'end-spreads': 'time' },
};

const limits = inBoth(() => ({
  name: 'limits',
  text: 'one connection at a time, or one undecided open, and two opens from each side',
  both: { budget: { open: 2, close: 1 } },
  initiator: { limits: { connections: 1 } },
  acceptor: { limits: { undecided: 1 } },
  goals: DELIVERED,
}));

const deaf: Configuration = {
  kind: 'pair',
  name: 'no-acceptor',
  text: 'no onConnection: each open is rejected',
  isQuick: true,
  both: { conformance: 'strict', isAccepting: false, budget: { open: 2, close: 1, abort: 1, releaseRoot: 1 } },
  goals: { ...DELIVERED, 'opens-settle': 'delivery' },
};

const narrow: Configuration = {
  kind: 'pair',
  name: 'narrow-link',
  text: 'a link that takes one message at a time, inboxes and outboxes of one: while readers read nothing gets stuck',
  both: { budget: { open: 1, send: 2, shutdown: 1 }, rejects: false, limits: { inbox: 1, outbox: 1 } },
  world: { capacity: 1, time: 'patient' },
  timers: ['flushTimeout'],
  goals: { ...DELIVERED },
};

const coupled: Configuration = {
  kind: 'pair',
  name: 'coupled-stall',
  text: 'readers that answer what they read and wait for room: they can stall each other, and the stall is cut',
  both: { budget: { send: 5 }, isCoupled: true, limits: { inbox: 1, outbox: 1 } },
  world: { capacity: 1, time: 'patient' },
  timers: ['stallTimeout', 'flushTimeout'],
  goals: { 'no-deadlock': 'time', 'end-spreads': 'time' },
};

const flooded = inBoth(() => ({
  name: 'flooded',
  text: 'a link that goes on delivering while reading is paused: one message is held back, and one more ends the session',
  isQuick: true,
  both: { budget: { open: 1, send: 2, shutdown: 1 }, rejects: false },
  acceptor: { limits: { inbox: 1, intake: 1 } },
  timers: ['flushTimeout'],
  goals: DELIVERED,
}));

const replies: Configuration = {
  kind: 'pair',
  name: 'replies',
  text: 'a peer that goes on asking while it does not read: one answer more than the outbox may wait, and then it is cut',
  isQuick: true,
  initiator: { budget: { open: 4 }, limits: { inbox: 1 } },
  acceptor: { budget: { send: 2 }, isAccepting: false, limits: { outbox: 1, replies: 1 } },
  world: { capacity: 1, time: 'patient' },
  goals: DELIVERED,
};

const large: PairConfiguration = {
  kind: 'pair',
  name: 'large',
  text: 'two opens and one message from each side, closes here and releases there, shutdowns, and a link that may fail',
  initiator: { budget: { open: 2, send: 1, close: 1, shutdown: 1 } },
  acceptor: { budget: { open: 2, send: 1, release: 1, shutdown: 1 } },
  both: { conformance: 'strict' },
  world: { befalls: ['fail'] },
  timers: ['flushTimeout'],
  goals: DELIVERED,
};

const largest: Configuration = {
  ...large,
  name: 'largest',
  text: 'the same, and a side that may both close and release',
  isLong: true,
  initiator: { budget: { open: 2, send: 1, close: 1, release: 1, shutdown: 1 } },
};

// ---- One peer against an adversary ----

const BOTH: readonly ConnectionSettings[] = [
  { parity: 'odd', maxConcurrentRequests: 1 },
  { parity: 'even', maxConcurrentRequests: 1 },
];

/** Returns all messages that make a difference: each kind of message, each id, each parity. */
function alphabet(ids: readonly number[]): Message[] {
  const item = new Uint8Array();
  const greetings = [0, 2].flatMap((connectionId) =>
    BOTH.flatMap((connectionSettings): Message[] => [
      { type: 'Hello', connectionId, version: 7, connectionSettings, metadata: [] },
      { type: 'Hello', connectionId, version: 6, connectionSettings, metadata: [] },
      { type: 'HelloYourself', connectionId, connectionSettings, metadata: [] },
    ]),
  );
  const messages = ids.flatMap((connectionId): Message[] => [
    ...BOTH.filter(({ parity }) => parity === 'odd' || connectionId <= 2).flatMap((connectionSettings): Message[] => [
      { type: 'ConnectionOpen', connectionId, connectionSettings, metadata: [] },
      { type: 'ConnectionAccept', connectionId, connectionSettings, metadata: [] },
    ]),
    { type: 'ConnectionReject', connectionId, metadata: [] },
    { type: 'ConnectionClose', connectionId, metadata: [] },
    { type: 'RequestMessage', connectionId, id: 1, body: { type: 'Cancel', metadata: [] } },
    { type: 'ChannelMessage', connectionId, id: 1, body: { type: 'Item', item } },
    { type: 'ProtocolError', connectionId, description: 'said the adversary' },
    { type: 'Ping', connectionId, nonce: 1n },
    ...[0n, 1n, 2n].map((nonce): Message => ({ type: 'Pong', connectionId, nonce })),
  ]);
  return [...greetings, ...messages];
}

/** The actions of the peer's own user meanwhile. Each entry has few of them: all at once would give too many states. */
const USERS = {
  greeter: { peer: { budget: { abortHandshake: 1, shutdown: 1 }, isAccepting: false }, ids: [0, 1, 2] },
  opener: {
    peer: {
      budget: { open: 1, close: 1, abort: 1, shutdown: 1, abortHandshake: 1 },
      limits: { connections: 3, undecided: 2 },
    },
    ids: [0, 1, 2, 3, 4, 5, 6, 7],
  },
  releaser: { peer: { budget: { open: 1, release: 1, releaseRoot: 1, leave: 1, send: 1 } }, ids: [0, 1, 2, 3] },
  /** For a link that goes on delivering while reading is paused: one held message is allowed, and one more is too much. */
  flooder: { peer: { budget: { send: 1, leave: 1, shutdown: 1 }, limits: { inbox: 1, intake: 1 } }, ids: [0, 1] },
  pinger: { peer: { keepalive: true, budget: { ping: 3, send: 2, leave: 1 }, limits: { inbox: 1 } }, ids: [0, 1, 2] },
};

/** The roles to explore. They differ only in the handshake, so `greeter` needs both, and the others need one. */
const ROLES: Record<keyof typeof USERS, readonly PeerOptions['role'][]> = {
  greeter: ['initiator', 'acceptor'],
  opener: ['initiator'],
  releaser: ['acceptor'],
  flooder: ['acceptor'],
  pinger: ['initiator'],
};

const adversaries = MODES.flatMap((mode) =>
  (Object.keys(USERS) as (keyof typeof USERS)[]).flatMap((user) =>
    ROLES[user].map((role): Configuration => {
      const { peer, ids } = USERS[user];
      return {
        kind: 'adversary',
        name: `adversary-${user}-${role}-${mode}`,
        text: `an ${role} against a peer that says anything, on ids 0 to ${ids.at(-1)}, for ever`,
        role,
        peer: { ...peer, conformance: mode },
        adversary: { says: alphabet(ids), isGarbled: user !== 'flooder' },
        timers: EVERY_TIMER,
        ...(user === 'greeter' ? { isQuick: true } : {}),
      };
    }),
  ),
);

export const CONFIGURATIONS: readonly Configuration[] = [
  ...handshake,
  evenHandshake,
  ...opens,
  deaf,
  ...keepalives,
  dead,
  ...limits,
  ...closes,
  ...roots,
  ...readers,
  ...flooded,
  narrow,
  coupled,
  replies,
  ...adversaries,
  large,
  largest,
];
