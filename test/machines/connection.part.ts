import { connectionMachine } from '../../machines/index.js';
import { type ConnectionState, connection } from '../../spec/parts/connection.js';
import {
  accept,
  call,
  close,
  helloYourself,
  item,
  M,
  N,
  oneOfEach,
  open,
  reject,
  settings,
} from '../../spec/rows/messages.js';
import { event, heardTime, MODES, rx } from './inputs.js';
import type { OutsidePart, Variant } from './part.js';

const PHASES: Readonly<Record<string, ConnectionState['phase']>> = {
  opening: 'pending',
  deciding: 'undecided',
  active: 'active',
  unread: 'unread',
  closed: 'closed',
  rejected: 'rejected',
  withdrawn: 'given up',
  violated: 'violated',
  abandoned: 'abandoned',
};

/** The input of a connection's machine, by the connection's origin. */
const BEGINNINGS = {
  local: { id: 1, origin: 'local', request: 7, localSettings: settings('odd', 8), metadata: M },
  peer: { id: 2, origin: 'peer', peerSettings: settings('even', 9), metadata: N },
  root: { id: 0, origin: 'root', localSettings: settings('odd'), peerSettings: settings('even'), metadata: N },
} as const;

const variants = Object.values(BEGINNINGS).flatMap((start) =>
  MODES.map(
    (mode): Variant => ({
      name:
        start.origin === 'root'
          ? `root, ${mode}`
          : `opened by ${start.origin === 'local' ? 'us' : 'the peer'}, ${mode}`,
      mode,
      input: { ...start, conformance: mode },
      told: { ...start, mode },
    }),
  ),
);

/**
 * Returns the events that the session forwards to one connection. The root gets only data, and the event that its reader has
 * left.
 */
function eventsOf(id: number) {
  const data = [rx(call(id, 2)), rx(item(id, 4)), event('app.leave', { id })];
  if (id === 0) return data;
  const strays = oneOfEach(
    'ConnectionAccept',
    'ConnectionReject',
    'ConnectionClose',
    'RequestMessage',
    'ChannelMessage',
  );
  return [
    rx(accept(id, settings('even', 5), N)),
    rx(accept(id, settings('odd', 5))),
    rx(reject(id, N)),
    rx(close(id, N)),
    ...data,
    ...strays.map((message) => rx({ ...message, connectionId: id })),
    event('app.close', { id, request: 8, metadata: M }),
    event('app.release', { id }),
    event('app.abandonOpen', { id }),
    event('deadline.passed', { id }),
    event('app.accept', { id, settings: settings('odd', 3), metadata: M }),
    event('app.reject', { id, metadata: M }),
  ];
}

// r[connection.open] r[connection.close]
export const connectionPart: OutsidePart = {
  machine: connectionMachine,
  variants,
  delays: {},
  serialize: ({ value, context }) => JSON.stringify([value, context.localSettings, context.peerSettings]),
  events: ({ context }) => eventsOf(context.id),
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: connection,
  heard: heardTime,
  seen: (snapshot) => ({ phase: PHASES[String(snapshot.value)], isFast: snapshot.hasTag('delivers') }),
  // The fast path reads this tag: it delivers a message by itself if delivery is the message's only effect.
  wanted: ({ phase }: ConnectionState) => ({ phase, isFast: phase === 'active' }),
  outside: ({ input }) => {
    const { origin } = input as { origin: keyof typeof BEGINNINGS };
    const { localSettings, metadata } = BEGINNINGS.local;
    const opens = {
      local: [event('app.open', { settings: localSettings, metadata })],
      peer: [rx(open(2, BEGINNINGS.peer.peerSettings, N))],
      root: [],
    };
    return {
      given: { established: false, onConnection: 'pending' },
      before: [{ user: 'start' }, { peer: helloYourself() }, ...opens[origin]],
    };
  },
  inside: { 'deadline.passed': 'no open waits that long here: the tests of timeouts' },
};
