import { type Effect, nothing, type Oracle, type Verdict } from './oracle.js';

// A reliable link: the table of states, the invariants I1 to I8 and the three mends, as docs/reliable.md has them. Written
// from the tables: the question of each event is answered for every state at once.

export interface ReliableInput {
  readonly isDialer: boolean;
  readonly retriesFirst: boolean;
  readonly windowFrames: number;
  readonly windowBytes: number;
}

export interface ReliableState extends ReliableInput {
  readonly phase: 'before' | 'dialing' | 'greeting' | 'resting' | 'waiting' | 'attached' | 'lingering' | 'over';
  /** In `attached`: nothing has come of the link yet; the peer waits for our count. */
  readonly isUnproven: boolean;
  readonly isOwing: boolean;
  readonly link: number;
  readonly dials: number;
  readonly wasAttached: boolean;
  /** Our messages. */
  readonly ours: {
    readonly accepted: number;
    readonly written: number;
    readonly trimmed: number;
    readonly everWritten: number;
  };
  readonly inFlight: number;
  /** The peer's messages. */
  readonly theirs: { readonly received: number; readonly told: number; readonly untoldBytes: number };
  readonly theirWindow: { readonly frames: number; readonly bytes: number };
  readonly theirTotal: number | undefined;
  readonly isEnding: boolean;
  readonly isNotReading: boolean;
  readonly faultAt: number;
}

export type ReliableEvent = { readonly type: string } & Readonly<Record<string, number | boolean | string>>;

type Result = Verdict<ReliableState>;

const start = (timer: string): Effect => ['startTimer', { timer }];
const stop = (timer: string): Effect => ['stopTimer', { timer }];

function over(state: ReliableState, end: string, before: readonly Effect[] = []): Result {
  return { state: { ...leave(state), phase: 'over' }, effects: [...leaving(state), ...before, ['finish', { end }]] };
}

/** The timer of a phase stops when the phase is left. */
function leaving({ phase }: ReliableState): readonly Effect[] {
  const timers = { dialing: 'dial', greeting: 'hello', resting: 'backoff' } as Readonly<Record<string, string>>;
  const timer = timers[phase];
  return timer === undefined ? [] : [stop(timer)];
}

function leave(state: ReliableState): ReliableState {
  return { ...state, isUnproven: false, isOwing: false };
}

function dial(state: ReliableState, before: readonly Effect[]): Result {
  const link = state.link + 1;
  return {
    state: { ...leave(state), phase: 'dialing', link, dials: state.dials + 1 },
    effects: [...leaving(state), ...before, ['dial', { epoch: link }], start('dial')],
  };
}

function rest(state: ReliableState, before: readonly Effect[]): Result {
  return {
    state: { ...leave(state), phase: 'resting' },
    effects: [...leaving(state), ...before, start('backoff')],
  };
}

/** An attempt came to nothing. The first one is final, unless asked otherwise. */
function fail(state: ReliableState): Result {
  return !state.wasAttached && !state.retriesFirst ? over(state, 'unreachable') : rest(state, []);
}

/** A link is gone that had carried messages. */
function detach(state: ReliableState): Result {
  const effects: readonly Effect[] = [
    ['interrupted'],
    start('giveUp'),
    ...['probe', 'answer', 'steady', 'flush'].map(stop),
  ];
  if (state.phase === 'lingering') return dial(state, effects);
  // A stranger costs nothing once it is gone.
  if (!state.isDialer && state.ours.accepted === 0) return over(state, 'unused');
  if (!state.isDialer) return { state: { ...leave(state), phase: 'waiting' }, effects };
  // The second mend: at once only behind a link that has proven itself.
  return state.isUnproven ? rest(state, effects) : dial(state, effects);
}

/** Both greetings are said: both counts are final. */
function attach(state: ReliableState, link: number, received: number, greeting: readonly Effect[]): Result {
  const { ours, theirs, isEnding } = state;
  const flow: readonly Effect[] = [['settings'], start('probe'), start('steady'), ['restored']];
  const bye: readonly Effect[] = isEnding ? [['bye'], start('flush')] : [];
  const older: readonly Effect[] = state.phase === 'attached' ? [['interrupted']] : [];
  const opened: readonly Effect[] = greeting.length === 0 ? [] : [['take', { epoch: link }], ...greeting];
  return {
    state: {
      ...state,
      phase: 'attached',
      isUnproven: true,
      isOwing: false,
      link,
      wasAttached: true,
      ours: { ...ours, trimmed: received, written: received },
      inFlight: 0,
      theirs: { ...theirs, told: theirs.received, untoldBytes: 0 },
    },
    effects: [...leaving(state), ...older, ['trim'], ...opened, ...flow, ...bye],
  };
}

/** I2: the peer asks for nothing that was trimmed, and has nothing that was never sent. */
function isPlausible({ ours }: ReliableState, received: number): boolean {
  return received >= ours.trimmed && received <= ours.everWritten;
}

/** The third mend: once drops the link, twice in a row at one position ends it. */
function fault(state: ReliableState): Result {
  const { received } = state.theirs;
  if (state.faultAt === received) return over(state, 'mismatch', [['abandon']]);
  return { state: { ...state, faultAt: received }, effects: [['cut']] };
}

const PROOF: readonly Effect[] = [stop('giveUp'), stop('steady')];
/** We have all of the peer, and end, too. */
const ALL: readonly Effect[] = [['bye'], start('flush')];

/** Something was acknowledged, received, or said of the total. */
function progress(
  state: ReliableState,
  change: { ack: number; freed: number; count?: number; size?: number; total?: number },
): Result {
  const { ours, theirs } = state;
  const isNews = change.ack > ours.trimmed;
  const { count = 0 } = change;
  const isMessage = count > 0;
  const isClose = change.total !== undefined;
  const isProof = state.isUnproven && !isClose;
  const received = theirs.received + count;
  const untoldBytes = theirs.untoldBytes + (change.size ?? 0);
  const theirTotal = change.total ?? state.theirTotal;
  const next: ReliableState = {
    ...state,
    isUnproven: state.isUnproven && !isProof,
    dials: isProof ? 0 : state.dials,
    ours: { ...ours, trimmed: isNews ? change.ack : ours.trimmed },
    inFlight: state.inFlight - (isNews ? change.freed : 0),
    theirs: { ...theirs, received, untoldBytes },
    theirTotal,
  };
  const effects: readonly Effect[] = [
    ...(isProof ? PROOF : []),
    ['trim'],
    ...(isMessage ? ([['deliver']] as const) : []),
  ];
  const hasAll = theirTotal === received;
  const told: ReliableState = { ...next, isOwing: false, theirs: { ...next.theirs, told: received, untoldBytes: 0 } };
  const isNewlyAll = hasAll && (isMessage || isClose);
  const ending = isNewlyAll ? { ...told, isEnding: true } : next;
  const all = isNewlyAll ? ALL : [];
  if (hasAll && next.ours.trimmed === ours.accepted) {
    // The acceptor is over. The dialer waits for the end of the link.
    if (!state.isDialer) return over(ending, 'closed', [...effects, ...all]);
    return { state: { ...leave(ending), phase: 'lingering' }, effects: [...effects, ...all] };
  }
  if (isNewlyAll) {
    // A Close that brings everything is no proof, and leaves an ack that is owed to its timer.
    const { isOwing } = isClose ? state : told;
    return { state: { ...ending, isOwing }, effects: [...effects, ...all] };
  }
  if (!isMessage) return { state: isClose ? next : { ...next, isOwing: state.isOwing }, effects };
  const { frames, bytes } = state.theirWindow;
  const isMuch = (received - theirs.told) * 4 >= frames || untoldBytes * 4 >= bytes;
  if (isMuch) return { state: told, effects: [...effects, ['acknowledge']] };
  return { state: { ...next, isOwing: true }, effects: [...effects, ...(state.isOwing ? [] : [start('ack')])] };
}

function received(state: ReliableState, event: ReliableEvent): Result {
  const { ours, theirs, theirTotal } = state;
  const {
    ack = 0,
    seq = 0,
    count = 0,
    size = 0,
    freed = 0,
    total = 0,
  } = event as unknown as Readonly<Record<string, number>>;
  switch (event.type) {
    case 'rx.Malformed':
      return fault(state);
    case 'rx.Data':
      // Several share a step only if nothing but their number tells them from one.
      if (count > 1 && (seq !== theirs.received || ack > ours.written || theirTotal !== undefined))
        return nothing(state);
      if (ack > ours.written || seq > theirs.received || seq === theirTotal) return fault(state);
      if (seq < theirs.received) {
        const next = progress({ ...state, theirTotal: undefined }, { ack, freed });
        const owing = { ...next.state, theirTotal, isOwing: true };
        return { state: owing, effects: [...next.effects, ...(state.isOwing ? [] : [start('ack')])] };
      }
      return progress(state, { ack, freed, count, size });
    case 'rx.Ack':
      if (ack > ours.written) return fault(state);
      return ack <= ours.trimmed ? nothing(state) : progress(state, { ack, freed });
    case 'rx.Close':
      if (ack > ours.written || total < theirs.received || (theirTotal !== undefined && total !== theirTotal)) {
        return fault(state);
      }
      return progress(state, { ack, freed, total });
    case 'rx.Settings': {
      const { frames, bytes } = event as unknown as { frames: number; bytes: number };
      return nothing({ ...state, theirWindow: { frames, bytes } });
    }
    case 'rx.Probe':
      return { state, effects: [['answer']] };
    case 'rx.Abort':
      return over(state, 'abandoned');
    case 'rx.Oversize':
      return over(state, 'oversize', [['abandon']]);
    default:
      return nothing(state);
  }
}

function time(state: ReliableState, timer: string, hasHeard: boolean): Result {
  const { phase, theirs, isNotReading } = state;
  const hasAll = state.theirTotal === theirs.received;
  const isDetached = phase === 'dialing' || phase === 'greeting' || phase === 'resting' || phase === 'waiting';
  if (timer === 'giveUp' && isDetached) return over(state, hasAll ? 'closed' : 'gaveUp');
  if (timer === 'dial' && phase === 'dialing') return fail(state);
  if (timer === 'hello' && phase === 'greeting') return { state, effects: [['cut']] };
  if (timer === 'backoff' && phase === 'resting') return dial(state, []);
  if (timer === 'flush' && phase === 'lingering') return over(state, 'closed');
  if (phase !== 'attached') return nothing(state);
  if (timer === 'flush') return over(state, hasAll ? 'closed' : 'flush');
  if (timer === 'steady' && state.isUnproven)
    return { state: { ...state, isUnproven: false, dials: 0 }, effects: PROOF };
  if (timer === 'ack' && state.isOwing) return acknowledged(state, [['acknowledge']]);
  if (timer === 'probe' || timer === 'answer') {
    if (isNotReading || hasHeard) return { state, effects: [start('probe')] };
    return { state, effects: timer === 'probe' ? [['probe'], start('answer')] : [['cut']] };
  }
  return nothing(state);
}

function acknowledged(state: ReliableState, effects: readonly Effect[]): Result {
  const { theirs } = state;
  return { state: { ...state, isOwing: false, theirs: { ...theirs, told: theirs.received, untoldBytes: 0 } }, effects };
}

/** I3: the window is never exceeded, and one message always fits. */
function write(state: ReliableState, count: number, size: number, hasShare: boolean): Result {
  const { ours, windowFrames, windowBytes, inFlight } = state;
  const written = ours.written + count;
  const unacknowledged = written - ours.trimmed;
  const fits = hasShare && unacknowledged <= windowFrames && inFlight + size <= windowBytes;
  const isAlone = unacknowledged === 1;
  if (state.phase !== 'attached' || written > ours.accepted || !(isAlone || fits)) return nothing(state);
  const next = {
    ...state,
    ours: { ...ours, written, everWritten: Math.max(ours.everWritten, written) },
    inFlight: inFlight + size,
  };
  return acknowledged(next, [['write', { count }]]);
}

export const reliable: Oracle<ReliableInput, ReliableState, ReliableEvent> = {
  start: (input) =>
    nothing({
      ...input,
      phase: 'before',
      isUnproven: false,
      isOwing: false,
      link: 0,
      dials: 0,
      wasAttached: false,
      ours: { accepted: 0, written: 0, trimmed: 0, everWritten: 0 },
      inFlight: 0,
      theirs: { received: 0, told: 0, untoldBytes: 0 },
      theirWindow: { frames: 1, bytes: 1 },
      theirTotal: undefined,
      isEnding: false,
      isNotReading: false,
      faultAt: -1,
    }),

  step: (state, event): Result => {
    const { phase, ours, isEnding } = state;
    const { type } = event;
    const epoch = event['epoch'] as number | undefined;
    if (phase === 'over') return nothing(state);
    if (phase === 'before') {
      if (type === 'app.dial') return dial(state, [start('giveUp')]);
      if (type !== 'attach') return nothing(state);
    }
    if (type.startsWith('time.')) return time(state, type.slice(5), event['hasHeard'] === true);
    switch (type) {
      case 'app.send':
        return nothing({ ...state, ours: { ...ours, accepted: ours.accepted + (event['count'] as number) } });
      case 'app.pause':
      case 'app.resume':
        return nothing({ ...state, isNotReading: type === 'app.pause' });
      case 'app.abort':
        return over(state, 'aborted', [['abandon']]);
      case 'app.evict':
        return over(state, 'evicted', [['abandon']]);
      case 'app.close': {
        if (isEnding || phase === 'lingering') return nothing(state);
        const ending = { ...state, isEnding: true };
        if (phase !== 'attached') return nothing(ending);
        const said = acknowledged(ending, ALL);
        return { state: { ...said.state, isOwing: state.isOwing }, effects: ALL };
      }
      case 'tx.ready':
        return write(state, event['count'] as number, event['size'] as number, event['hasShare'] === true);
      case 'attach': {
        if (phase !== 'before' && phase !== 'waiting' && phase !== 'attached') return nothing(state);
        const count = event['received'] as number;
        // The first mend, and I5: a count that does not fit changes nothing.
        if (!isPlausible(state, count)) return { state, effects: [['refuse', { epoch }]] };
        return attach(state, epoch as number, count, [['welcome']]);
      }
      case 'dial.opened':
        if (phase !== 'dialing' || epoch !== state.link) return { state, effects: [['refuse', { epoch }]] };
        return {
          state: { ...state, phase: 'greeting' },
          effects: [...leaving(state), ['take', { epoch }], ['hello'], start('hello')],
        };
      default:
    }
    // I4: an event of another link does nothing.
    if (epoch !== state.link) return nothing(state);
    switch (phase) {
      case 'dialing':
        return type === 'dial.failed' ? fail(state) : nothing(state);
      case 'greeting': {
        if (type === 'link.lost') return fail(state);
        if (type === 'rx.Malformed') return { state, effects: [['cut']] };
        if (type === 'rx.Rejected') {
          return over(state, isEnding && ours.trimmed === ours.accepted ? 'closed' : 'rejected');
        }
        if (type !== 'rx.Welcome') return nothing(state);
        const count = event['received'] as number;
        if (!isPlausible(state, count)) return over(state, 'mismatch', [['abandon']]);
        return attach(state, state.link, count, []);
      }
      case 'lingering':
        if (type === 'link.lost') return event['isOrderly'] === true ? over(state, 'closed') : detach(state);
        return type === 'rx.Probe' ? { state, effects: [['answer']] } : nothing(state);
      case 'attached':
        return type === 'link.lost' ? detach(state) : received(state, event);
      default:
        return nothing(state);
    }
  },

  timers: () => [],
};
