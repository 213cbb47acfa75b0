import { sessionMachine } from '../../machines/index.js';
import type { HandshakeResult } from '../spec/machines/oracle.js';
import { session } from '../spec/machines/session.js';
import type { SessionState } from '../spec/machines/session-state.js';
import { M, settings } from '../spec/messages.js';
import { heardTime, MODES } from './inputs.js';
import type { Part, Variant } from './part.js';
import { type SessionSnapshot, sessionEvents } from './session.events.js';
import { stub } from './stage.js';

const LIMITS = { connections: 2, undecided: 1 };
const DELAYS = { flushTimeout: 11, stallTimeout: 13, sweepInterval: 17, stallNotice: 1_000 };

const variants = MODES.flatMap((mode) =>
  [true, false].map((isAccepting): Variant => {
    const localSettings = settings('odd', 8);
    return {
      name: `${mode}${isAccepting ? '' : ', without an acceptor'}`,
      mode,
      input: {
        role: 'initiator',
        conformance: mode,
        localSettings,
        metadata: M,
        keepalive: { pingInterval: 0, pongTimeout: 0 },
        limits: { ...LIMITS, ...DELAYS, handshakeTimeout: 7 },
        isAccepting,
      },
      told: { mode, localSettings, isAccepting, limits: LIMITS },
    };
  }),
);

interface Running {
  readonly inbound: 'reading' | { readonly paused: 'briefly' | 'stalled' };
  readonly outbound: 'flowing' | 'full';
}

/** What a running session is doing, in the oracle's words. */
function runningOf({ value }: SessionSnapshot): Pick<SessionState, 'reading' | 'sending'> | undefined {
  if (typeof value === 'string') return undefined;
  const { inbound, outbound } = (value as { running: Running }).running;
  const reading = inbound === 'reading' ? 'on' : inbound.paused === 'briefly' ? 'paused' : 'stalled';
  return { reading, sending: outbound === 'flowing' ? 'free' : 'full' };
}

type Compared = Pick<
  SessionState,
  'phase' | 'live' | 'pending' | 'undecided' | 'ours' | 'theirs' | 'isReleased' | 'reading' | 'sending'
> & { readonly isFast: boolean };

/** Only the phase counts of a session that is over. */
function compared(state: Compared): Readonly<Record<string, unknown>> {
  const { phase, live, pending, undecided, ours, theirs, isReleased, reading, sending, isFast } = state;
  if (phase !== 'running') return { phase };
  return { phase, live, pending, undecided, ours, theirs, isReleased, reading, sending, isFast };
}

/** `running[1 pending, 2 active, full]`: what makes one running state differ from another. */
function nameState(snapshot: SessionSnapshot): string {
  const { value, context } = snapshot;
  const running = runningOf(snapshot);
  if (running === undefined)
    return value === 'ending' || value === 'ended' ? `${value}[${context.end?.cause ?? ''}]` : String(value);
  const { reading, sending } = running;
  const { live, localHigh, peerHigh, pending, undecided, isRootReleased } = context;
  const facts = [
    ...(localHigh === 0
      ? []
      : [`${String(localHigh)} ${live.has(localHigh) ? (pending > 0 ? 'pending' : 'active') : 'closed'}`]),
    ...(peerHigh === 0
      ? []
      : [`${String(peerHigh)} ${live.has(peerHigh) ? (undecided > 0 ? 'undecided' : 'active') : 'closed'}`]),
    ...(isRootReleased ? ['root released'] : []),
    ...(reading === 'on' ? [] : [reading]),
    ...(sending === 'free' ? [] : ['outbox full']),
  ];
  return facts.length === 0 ? 'running' : `running[${facts.join(', ')}]`;
}

function serialize({ value, context }: SessionSnapshot): string {
  const { live, localHigh, peerHigh, pending, undecided, isRootReleased, end } = context;
  // Of all that end, two: how it ends does not depend on why, and why is what came first.
  if (end !== undefined) return JSON.stringify([value, end.cause === 'shutdown']);
  return JSON.stringify([value, live, localHigh, peerHigh, pending, undecided, isRootReleased]);
}

export const sessionPart: Part = {
  machine: sessionMachine.provide({
    actors: {
      handshake: stub('handshake') as never,
      keepalive: stub('keepalive') as never,
      connections: stub('connections') as never,
      conduit: stub('conduit') as never,
    },
  }),
  variants,
  delays: DELAYS,
  serialize: serialize as Part['serialize'],
  events: (snapshot, { mode }) => sessionEvents(snapshot as SessionSnapshot, mode),
  nameState: nameState as Part['nameState'],
  oracle: session,
  heard: (event) => {
    const { output, error } = event as { output?: HandshakeResult & { pongTimeout: number }; error?: unknown };
    if (event.type === 'xstate.done.actor.handshake') return { type: 'handshake.done', result: output } as never;
    if (event.type === 'xstate.done.actor.keepalive') return { type: 'keepalive.late', ...output } as never;
    if (event.type.startsWith('xstate.error.') || event.type === 'connections.crashed')
      return { type: 'crashed', error } as never;
    return heardTime(event);
  },
  seen: (snapshot) => {
    const { value, context } = snapshot as SessionSnapshot;
    const { live, pending, undecided, localHigh: ours, peerHigh: theirs, isRootReleased: isReleased } = context;
    const running = runningOf(snapshot as SessionSnapshot);
    const phase = running === undefined ? (value as SessionState['phase']) : 'running';
    return compared({
      phase,
      live: live.toJSON(),
      pending,
      undecided,
      ours,
      theirs,
      isReleased,
      reading: 'on',
      sending: 'free',
      ...running,
      isFast: snapshot.hasTag('routes'),
    });
  },
  // What the fast path goes by: it delivers by itself where reading has not been stopped.
  wanted: (state: SessionState) => compared({ ...state, isFast: state.phase === 'running' && state.reading === 'on' }),
};
