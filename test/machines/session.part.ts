import { sessionMachine } from '../../machines/index.js';
import type { HandshakeResult } from '../../spec/parts/oracle.js';
import { session } from '../../spec/parts/session.js';
import type { SessionState } from '../../spec/parts/session-state.js';
import { M, settings } from '../../spec/rows/messages.js';
import type { Mode } from '../../spec/rows/vocabulary.js';
import type { ConnectionSettings } from '../../src/wire/message.js';
import { heardTime, MODES } from './inputs.js';
import { nameEvent, type OutsidePart, type Variant } from './part.js';
import { FIRST_FRAME } from './project.js';
import { type SessionSnapshot, sessionEvents } from './session.events.js';
import { stub } from './stage.js';

/** The states in the matrix: each condition alone, and each meeting of conditions once. */
const SHOWN =
  /^(handshaking(\[1 (pending|closed)\])?|ending\[shutdown(, interrupted)?\]|running(\[(\w+|outbox full|outbox full, interrupted|1 pending|2 undecided|1 active, 2 active|1 closed, 2 closed|1 pending, 2 undecided|[12] active, root released|the peer drains|2 closed, renewing|(1 closed, notices, )?drain \w+)\])?)$/;

const LIMITS = { connections: 2, undecided: 1 };
const TIMES = {
  flushTimeout: 11,
  stallTimeout: 13,
  sweepInterval: 17,
  unreadTimeout: 2_003,
  linger: 19,
  cutTimeout: 23,
};
const DELAYS = {
  ...{ ...TIMES, stallNotice: 1_000, noticeTimeout: 5_000, quietTime: 100 },
  authenticateTimeout: 31,
};

const variants = [
  { name: '', isAccepting: true, parity: 'odd', role: 'initiator', keepalive: { pingInterval: 0, pongTimeout: 0 } },
  { name: ', without an acceptor', isAccepting: false, parity: 'odd', role: 'initiator', keepalive: undefined },
  { name: ', even', isAccepting: true, parity: 'even', role: 'initiator', keepalive: undefined },
  {
    name: ', an acceptor that authenticates',
    isAccepting: true,
    parity: 'odd',
    role: 'acceptor',
    keepalive: undefined,
  },
  {
    name: ', opening early',
    isAccepting: true,
    parity: 'odd',
    role: 'initiator',
    keepalive: undefined,
    opensEarly: true,
  },
] as const;

function variantOf(mode: Mode, variant: (typeof variants)[number]): Variant {
  const { name, isAccepting, parity, role, keepalive } = variant;
  const early = 'opensEarly' in variant ? { opensEarly: true } : {};
  const localSettings = settings(parity, 8);
  return {
    name: `${mode}${name}`,
    mode,
    ...(parity === 'even' ? { isHidden: true } : {}),
    input: {
      role,
      conformance: mode,
      localSettings,
      metadata: M,
      keepalive,
      limits: { ...LIMITS, ...TIMES, handshakeTimeout: 7, authenticateTimeout: 31 },
      isAuthenticating: role === 'acceptor',
      isAccepting,
      ...early,
    },
    told: {
      mode,
      role,
      authenticates: role === 'acceptor',
      localSettings,
      isAccepting,
      limits: LIMITS,
      hasKeepalive: keepalive !== undefined,
      ...early,
    },
  };
}

interface Running {
  readonly root: 'held' | 'released';
  readonly renewal: 'settled' | 'asking';
  readonly intake: 'taking' | 'cutting' | { readonly draining: { readonly work: string } };
  readonly inbound: 'reading' | { readonly paused: 'briefly' | 'stalled' };
  readonly outbound: 'flowing' | { readonly full: 'timed' | 'interrupted' };
}

/** Returns the state of a running session, in the oracle's words. */
function runningOf({
  value,
  context,
}: SessionSnapshot): Pick<SessionState, 'isReleased' | 'reading' | 'sending' | 'drain' | 'renewing'> | undefined {
  if (typeof value === 'string' || !('running' in value)) return undefined;
  const { root, inbound, outbound, intake, renewal } = (value as { running: Running }).running;
  const reading = inbound === 'reading' ? 'on' : inbound.paused === 'briefly' ? 'paused' : 'stalled';
  const renewing = renewal === 'asking' ? { renewing: context.renewal } : {};
  const sending = outbound === 'flowing' ? 'free' : 'full';
  return { isReleased: root === 'released', reading, sending, drain: drainOf(intake), ...renewing };
}

function drainOf(intake: Running['intake']): SessionState['drain'] {
  if (typeof intake === 'string') return intake === 'taking' ? 'none' : 'cut';
  const { work } = intake.draining;
  return work === 'announcing' ? 'announced' : (work as SessionState['drain']);
}

/** Returns the state at the top of the chart. */
function phaseOf({ value }: SessionSnapshot): SessionState['phase'] {
  return (typeof value === 'string' ? value : Object.keys(value)[0]) as SessionState['phase'];
}

type Compared = Pick<
  SessionState,
  | 'phase'
  | 'live'
  | 'pending'
  | 'undecided'
  | 'ours'
  | 'theirs'
  | 'isReleased'
  | 'reading'
  | 'sending'
  | 'isInterrupted'
  | 'drain'
  | 'hearsNotices'
  | 'isPeerDraining'
  | 'renewing'
> & { readonly isFast: boolean; readonly hasKeepalive: boolean };

/** Only the phase counts of a session that is over, and the link of one that ends. */
function compared(state: Compared): Readonly<Record<string, unknown>> {
  const { isFast, hasKeepalive, isInterrupted, phase, live, pending, undecided, ours, theirs, ...flow } = state;
  const { isReleased, reading, sending, drain, hearsNotices, isPeerDraining, renewing } = flow;
  if (phase === 'ended') return { phase };
  const ids = { live, pending, undecided, ours, theirs, isReleased };
  if (phase === 'handshaking') return { phase, isInterrupted, ...ids };
  if (phase !== 'running') return { phase, isInterrupted };
  const drains = { drain, hearsNotices, isPeerDraining, renewing };
  return { phase, ...ids, reading, sending, isInterrupted, isFast, hasKeepalive, ...drains };
}

/** `running[1 pending, 2 active, full]`: what makes one running state differ from another. */
function nameState(snapshot: SessionSnapshot): string {
  const { context } = snapshot;
  const running = runningOf(snapshot);
  const interrupted = context.isInterrupted ? ['interrupted'] : [];
  if (running === undefined) {
    const early = context.localHigh === 0 ? [] : [earlyOf(context)];
    const facts = [
      ...(phaseOf(snapshot) === 'handshaking' ? early : []),
      ...(context.end === undefined ? [] : [context.end.cause]),
      ...interrupted,
    ];
    return facts.length === 0 ? phaseOf(snapshot) : `${phaseOf(snapshot)}[${facts.join(', ')}]`;
  }
  const { isReleased, reading, sending, drain, renewing } = running;
  const { live, localHigh, peerHigh, pending, undecided, hearsNotices, isPeerDraining } = context;
  const facts = [
    ...(localHigh === 0
      ? []
      : [`${String(localHigh)} ${live.has(localHigh) ? (pending > 0 ? 'pending' : 'active') : 'closed'}`]),
    ...(peerHigh === 0
      ? []
      : [`${String(peerHigh)} ${live.has(peerHigh) ? (undecided > 0 ? 'undecided' : 'active') : 'closed'}`]),
    ...(isReleased ? ['root released'] : []),
    ...(reading === 'on' ? [] : [reading]),
    ...(sending === 'free' ? [] : ['outbox full']),
    ...interrupted,
    ...(hearsNotices ? ['notices'] : []),
    ...(drain === 'none' ? [] : [`drain ${drain}`]),
    ...(isPeerDraining ? ['the peer drains'] : []),
    ...(renewing === undefined ? [] : ['renewing']),
  ];
  return facts.length === 0 ? 'running' : `running[${facts.join(', ')}]`;
}

/** Our last open behind Hello. */
function earlyOf({ live, localHigh }: SessionSnapshot['context']): string {
  return `${String(localHigh)} ${live.has(localHigh) ? 'pending' : 'closed'}${live.size > 1 ? ' with another' : ''}`;
}

function serialize({ value, context }: SessionSnapshot): string {
  const { live, localHigh, peerHigh, pending, undecided, end } = context;
  const { isInterrupted, hearsNotices, isPeerDraining } = context;
  // Two kinds of ending sessions are enough. The way of ending does not depend on the cause, and the first cause counts.
  if (end !== undefined) return JSON.stringify([value, end.cause === 'shutdown']);
  const ids = [live, localHigh, peerHigh, pending, undecided];
  return JSON.stringify([value, ...ids, isInterrupted, hearsNotices, isPeerDraining]);
}

export const sessionPart: OutsidePart = {
  machine: sessionMachine.provide({
    actors: {
      handshake: stub('handshake') as never,
      keepalive: stub('keepalive') as never,
    },
  }),
  variants: MODES.flatMap((mode) => variants.map((variant) => variantOf(mode, variant))),
  delays: DELAYS,
  serialize: serialize as OutsidePart['serialize'],
  events: (snapshot, { mode }) => sessionEvents(snapshot as SessionSnapshot, mode),
  nameState: nameState as OutsidePart['nameState'],
  isShown: (name) => SHOWN.test(name),
  oracle: session,
  heard: (event) => {
    const { output, error } = event as { output?: HandshakeResult & { pongTimeout: number }; error?: unknown };
    if (event.type === 'xstate.done.actor.handshake') return { type: 'handshake.done', result: output } as never;
    if (event.type === 'xstate.done.actor.keepalive') return { type: 'keepalive.late', ...output } as never;
    if (event.type.startsWith('xstate.error.') || event.type.endsWith('.crashed'))
      return { type: 'crashed', error } as never;
    return heardTime(event);
  },
  seen: (snapshot) => {
    const {
      live,
      pending,
      undecided,
      localHigh: ours,
      peerHigh: theirs,
      isInterrupted,
    } = (snapshot as SessionSnapshot).context;
    return compared({
      phase: phaseOf(snapshot as SessionSnapshot),
      live: live.toJSON(),
      pending,
      undecided,
      ours,
      theirs,
      isReleased: false,
      reading: 'on',
      sending: 'free',
      isInterrupted,
      drain: 'none',
      hearsNotices: snapshot.context.hearsNotices,
      isPeerDraining: snapshot.context.isPeerDraining,
      ...runningOf(snapshot as SessionSnapshot),
      isFast: snapshot.hasTag('routes'),
      hasKeepalive: 'keepalive' in snapshot.children,
    });
  },
  // The fast path reads this tag: it routes messages by itself while reading has not been stopped.
  wanted: (state: SessionState) => compared({ ...state, isFast: state.phase === 'running' && state.reading === 'on' }),
  outside: ({ input }, { steps }) => {
    const { isAccepting, localSettings } = input as { isAccepting: boolean; localSettings: ConnectionSettings };
    const isKept = steps.some(({ event }) => event.type === 'xstate.done.actor.keepalive');
    return {
      given: {
        established: false,
        parity: localSettings.parity,
        maxConcurrentRequests: 8,
        metadata: M,
        limits: { ...LIMITS, ...FIRST_FRAME },
        ...(isAccepting ? { onConnection: 'pending' } : {}),
        ...(isKept ? { keepalive: { pingInterval: 100, pongTimeout: 50 } } : {}),
      },
      before: [{ user: 'start' }],
      actions: ({ event, from }) => {
        const { type } = event;
        // During the handshake the application has no session yet, so it cannot make requests.
        if (from === 'handshaking' && type.startsWith('app.')) return undefined;
        // Only `renew` opens a notice, and only for a peer that understands it.
        if (type === 'app.open' && nameEvent(event).includes('notice')) return undefined;
        // No open waits long enough to be swept.
        return type.startsWith('xstate.after.sweepInterval.') ? [{ advance: 1_000 }] : 'as ever';
      },
    };
  },
  inside: {
    'xstate.after.authenticateTimeout.session.running.renewal.asking': 'row 5.31 of the table',
    'app.drain': 'a drain has a promise and times of its own: the tests of drains',
    'work.none': 'the answer to a question of a drain, which its tests ask',
    'work.refused': 'the answer to a question of a drain, which its tests ask',
    'work.some': 'the answer to a question of a drain, which its tests ask',
    'xstate.after.cutTimeout.session.running.intake.cutting': 'the tests of drains',
    'xstate.after.drainTimeout.session.running.intake.draining.time.limited': 'the tests of drains',
    'xstate.after.linger.session.running.intake.draining.work.leaving': 'the tests of drains',
    'xstate.after.noticeTimeout.session.running.intake.draining.work.announcing': 'the tests of drains',
    'xstate.after.quietTime.session.running.intake.draining.work.listening': 'the tests of drains',
    'app.abortHandshake': 'by a signal of initiate or accept, which the handshake’s own tests abort',
    'auth.accepted': 'the answer about a peer of an acceptor: the handshake’s own paths and row 3.12 of the table',
    'auth.refused': 'the answer about a peer of an acceptor: the handshake’s own paths and row 3.12 of the table',
    'calls.violated': 'the word of a connection’s driver, which a bare session is without',
    'deadline.passed': 'no open waits that long here: the tests of timeouts',
    'conduit.crashed': 'a link that will not start, which the tests of crashes bring about',
    'conduit.flushed': 'the answer to a flush, within the step in which the handshake asks for it',
    'conduit.overflowed': 'more than the intake holds: the tests of full inboxes fill it',
    'connections.crashed': 'a defect of ours, which the tests of crashes bring about',
    'inbox.drained': 'rows 5 inbox and 5.16 of the table fill inboxes',
    'inbox.filled': 'rows 5 inbox and 5.16 of the table fill inboxes',
    'link.interrupted': 'a link that reports it is needed: row 5 link of the table',
    'link.restored': 'a link that reports it is needed: row 5 link of the table',
    'keepalive.confirmed': 'the answer to a question of the keepalive’s, which its own paths ask',
    'outbox.drained': 'the link has to hold what is sent: rows 5 end and 9b.11 of the table',
    'outbox.filled': 'the link has to hold what is sent: rows 5 end and 9b.11 of the table',
    'outbox.overflowed': 'the link has to hold what is sent: the tests of full outboxes',
    'outbox.progressed': 'the link has to hold what is sent: the tests of full outboxes',
    'xstate.after.flushTimeout.session.ending.flushing': 'the link has to hold what is sent: 9a.02 in the table',
    'xstate.after.stallNotice.session.running.inbound.paused.briefly': 'row 5 inbox of the table',
    'xstate.after.unreadTimeout.session.running.inbound.paused': 'the tests of full inboxes',
    'xstate.after.stallTimeout.session.running.outbound.full.timed': 'the tests of full outboxes',
    'xstate.error.actor.handshake': 'a defect of ours, which the tests of crashes bring about',
    'xstate.error.actor.keepalive': 'a defect of ours, which the tests of crashes bring about',
  },
};
