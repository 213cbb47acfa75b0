/**
 * A link that outlives the links beneath it: each message arrives exactly once and in order, although any of those links may
 * break. One end dials, the other accepts. Each end counts the messages of each direction from 0.
 *
 * Everything follows from these rules:
 *
 * - A message is kept until the peer has acknowledged it. A new link begins with both counts, and both ends send again what
 *   the other end lacks, in order, before anything new.
 * - One link counts at a time: that of the current epoch. Events of any other link do nothing.
 * - An acceptor cuts the older link before it says its count on the new one. So that count is final.
 * - A count that does not fit changes nothing. A late greeting of an abandoned link must not lock the honest peer out.
 * - The dialer dials at once after a link that has proven itself: it brought something forward, or lived for a second. After
 *   any other link it waits, longer each time. A server that greets and cuts gets no storm of attempts.
 * - The end is agreed: each side says how many messages it has sent in all. The acceptor is over when everything has arrived
 *   in both directions. The dialer waits until the acceptor ends the link, because only then it is sure.
 *
 * - Messages that follow one another share a step if each would be taken. Otherwise the port brings them one by one.
 *
 * The machine knows counts and no bytes. Its port has the messages, the key, the links and the timers. Flat on purpose: it
 * runs through the stepper, which steps within `send`.
 */
import { assign, setup } from 'xstate';

/** The timers of a reliable link. Each ends with the event `time.` and its name. */
export type ReliableTimer = 'dial' | 'hello' | 'backoff' | 'giveUp' | 'flush' | 'probe' | 'answer' | 'steady' | 'ack';

/** Why a reliable link is over. `closed`: in order; all other reasons are failures. */
export type ReliableEnd =
  | 'closed'
  /** The first attempt to connect failed. */
  | 'unreachable'
  /** No link for too long. */
  | 'gaveUp'
  /** The peer does not know the session. */
  | 'rejected'
  /** The peer's counts do not fit ours, or the peer broke the protocol twice at one position. */
  | 'mismatch'
  /** The peer has not ended in time. */
  | 'flush'
  /** The peer gave the link up. */
  | 'abandoned'
  /** The application gave the link up. */
  | 'aborted'
  /** A message of the peer is over the limit. */
  | 'oversize'
  /** A link was lost before the acceptor sent its first message. */
  | 'unused'
  /** The acceptor has ended the session, to keep its limits. */
  | 'evicted';

/** The effects of a reliable link. The port carries them out, and never throws. */
export interface ReliablePort {
  /** Opens a link. The answer is `dial.opened` or `dial.failed` with the same epoch. An older attempt is given up. */
  dial(params: { epoch: number }): void;
  /** Makes the link of this epoch the current one. An older link is aborted first. */
  take(params: { epoch: number }): void;
  /** Refuses a link that is not the current one: as an acceptor by a greeting that says so. */
  refuse(params: { epoch: number }): void;
  /** Greets the acceptor with the key and our count. */
  hello(): void;
  /** Answers the dialer's greeting with the key and our count. */
  welcome(): void;
  /** Tells the peer our windows. Messages may flow from now on. */
  settings(): void;
  /** Tells the application that the messages flow again, or for the first time. */
  restored(): void;
  /** Tells the application that there is no link for now. */
  interrupted(): void;
  /** Writes the next messages, from the count `written` on, to the link. */
  write(params: { count: number }): void;
  /** Passes the messages of the event to the application, after this step. */
  deliver(): void;
  /** Drops the messages before the count `acked`. */
  trim(): void;
  /** Tells the peer our count. */
  acknowledge(): void;
  /** Tells the peer how many messages we have sent in all, and our count. */
  bye(): void;
  probe(): void;
  answer(): void;
  /** Aborts the current link, and reports `link.lost` for it as the very next event. */
  cut(): void;
  /** Tells the peer that we give up, if that can leave at once. */
  abandon(): void;
  /** Starts a timer anew. But `giveUp` and `ack` go on if they run already. */
  startTimer(params: { timer: ReliableTimer }): void;
  stopTimer(params: { timer: ReliableTimer }): void;
  /** Releases the timers and the link, and tells the application. */
  finish(params: { end: ReliableEnd }): void;
}

export interface ReliableInput {
  readonly port: ReliablePort;
  readonly isDialer: boolean;
  /** The dialer tries again, too, before it was ever connected. */
  readonly retriesFirst: boolean;
  /** The messages and bytes that may be unacknowledged. One message of any size always may. */
  readonly windowFrames: number;
  readonly windowBytes: number;
}

export interface ReliableContext extends ReliableInput {
  /** The number of the current link, or of the last one. */
  readonly epoch: number;
  /** Links dialled since the last one that has proven itself. */
  readonly attempts: number;
  readonly hasAttached: boolean;
  /** Counts of our messages: taken from the application, written to the current link, acknowledged, written to any link. */
  readonly next: number;
  readonly written: number;
  readonly acked: number;
  readonly sent: number;
  /** Bytes of the messages from `acked` to `written`. */
  readonly flight: number;
  /** Counts of the peer's messages: received, and the count that the peer was told last. */
  readonly expected: number;
  readonly said: number;
  /** Bytes of the messages from `said` to `expected`. */
  readonly owedBytes: number;
  /** The peer's windows. */
  readonly peerFrames: number;
  readonly peerBytes: number;
  /** All messages of the peer, once it has said so. */
  readonly peerTotal: number | undefined;
  /** We send no further messages. */
  readonly isClosing: boolean;
  readonly isPaused: boolean;
  /** Our count when the peer last broke the protocol; -1 for never. */
  readonly faultAt: number;
  readonly end: ReliableEnd;
}

/** An event of a link carries the link's epoch. */
type OfLink = Pick<ReliableContext, 'epoch'>;

/** Messages that follow one another, and their bytes. */
type Batch = Record<'count' | 'size', number>;

export type ReliableEvent =
  /** The dialer begins. */
  | { type: 'app.dial' }
  | { type: 'app.send'; count: number }
  | { type: 'app.close' }
  | { type: 'app.abort' }
  | { type: 'app.pause' }
  | { type: 'app.resume' }
  /** The acceptor ends the session, to keep its limits. */
  | { type: 'app.evict' }
  /** The link takes the next messages. `hasShare`: the acceptor has memory for them. If it is too much, the port asks for less. */
  | ({ type: 'tx.ready'; hasShare: boolean } & Batch)
  | ({ type: 'dial.opened' } & OfLink)
  | ({ type: 'dial.failed' } & OfLink)
  | ({ type: 'link.lost'; isOrderly: boolean } & OfLink)
  /** A peer with our key has greeted us on a new link. */
  | ({ type: 'attach'; received: number } & OfLink)
  | ({ type: 'rx.Welcome'; received: number } & OfLink)
  | ({ type: 'rx.Rejected' } & OfLink)
  | ({ type: 'rx.Settings'; frames: number; bytes: number } & OfLink)
  /** Messages from the number `seq` on. `freed`: bytes of our messages that `ack` acknowledges anew. */
  | ({ type: 'rx.Data'; seq: number; ack: number; freed: number } & Batch & OfLink)
  | ({ type: 'rx.Ack'; ack: number; freed: number } & OfLink)
  | ({ type: 'rx.Close'; total: number; ack: number; freed: number } & OfLink)
  | ({ type: 'rx.Probe' } & OfLink)
  | ({ type: 'rx.Abort' } & OfLink)
  /** Bytes that are no frame. */
  | ({ type: 'rx.Malformed' } & OfLink)
  /** A message over the application's limit. */
  | ({ type: 'rx.Oversize' } & OfLink)
  | { type: 'time.dial' | 'time.hello' | 'time.backoff' | 'time.giveUp' | 'time.flush' | 'time.steady' | 'time.ack' }
  /** `hasHeard`: something has arrived since the timer began. */
  | { type: 'time.probe' | 'time.answer'; hasHeard: boolean };

/** The counts as they are after an event of the peer. */
type Counts = Pick<ReliableContext, 'acked' | 'expected' | 'peerTotal'>;

function countsAfter(context: ReliableContext, event: ReliableEvent): Counts {
  const { acked, expected, peerTotal } = context;
  return {
    acked: 'ack' in event ? Math.max(acked, event.ack) : acked,
    expected: event.type === 'rx.Data' && event.seq === expected ? expected + event.count : expected,
    peerTotal: event.type === 'rx.Close' ? event.total : peerTotal,
  };
}

function hasAll({ expected, peerTotal }: Counts): boolean {
  return expected === peerTotal;
}

/** The bytes are no frame, a message is missing, an ack is for what this link has not carried, or a total can't be. */
function isFault({ expected, written, peerTotal }: ReliableContext, event: ReliableEvent): boolean {
  if (event.type === 'rx.Data') return event.ack > written || event.seq > expected || event.seq === peerTotal;
  if (event.type === 'rx.Malformed') return true;
  if ('ack' in event && event.ack > written) return true;
  return event.type === 'rx.Close' && (event.total < expected || event.total !== (peerTotal ?? event.total));
}

/** Everything of the peer has arrived. A peer that has not ended, as most, is told apart first: this is asked for each message. */
function bringsAll(context: ReliableContext, event: ReliableEvent): boolean {
  return (context.peerTotal !== undefined || event.type === 'rx.Close') && hasAll(countsAfter(context, event));
}

/** Everything has arrived in both directions. */
function isComplete(context: ReliableContext, event: ReliableEvent): boolean {
  if (!bringsAll(context, event)) return false;
  const counts = countsAfter(context, event);
  return counts.acked === context.next;
}

const reliable = setup({
  types: {
    context: {} as ReliableContext,
    events: {} as ReliableEvent,
    input: {} as ReliableInput,
  },
  actions: {
    dial: ({ context }) => context.port.dial({ epoch: context.epoch }),
    take: ({ context }) => context.port.take({ epoch: context.epoch }),
    refuse: ({ context }, { epoch }: OfLink) => context.port.refuse({ epoch }),
    hello: ({ context }) => context.port.hello(),
    welcome: ({ context }) => context.port.welcome(),
    settings: ({ context }) => context.port.settings(),
    restored: ({ context }) => context.port.restored(),
    interrupted: ({ context }) => context.port.interrupted(),
    write: ({ context }, { count }: { count: number }) => context.port.write({ count }),
    deliver: ({ context }) => context.port.deliver(),
    trim: ({ context }) => context.port.trim(),
    acknowledge: ({ context }) => context.port.acknowledge(),
    bye: ({ context }) => context.port.bye(),
    probe: ({ context }) => context.port.probe(),
    answer: ({ context }) => context.port.answer(),
    cut: ({ context }) => context.port.cut(),
    abandon: ({ context }) => context.port.abandon(),
    startTimer: ({ context }, params: { timer: ReliableTimer }) => context.port.startTimer(params),
    stopTimer: ({ context }, params: { timer: ReliableTimer }) => context.port.stopTimer(params),
    finish: ({ context }) => context.port.finish({ end: context.end }),

    countAttempt: assign(({ context }) => ({ epoch: context.epoch + 1, attempts: context.attempts + 1 })),
    noteProven: assign({ attempts: 0 }),
    noteLink: assign((_, { epoch }: OfLink) => ({ epoch })),
    /** A link begins with the peer's count, and with ours, which the greeting has said. */
    noteAttached: assign(({ context }, { received }: { received: number }) => ({
      hasAttached: true,
      acked: received,
      written: received,
      flight: 0,
      said: context.expected,
      owedBytes: 0,
    })),
    noteSettings: assign((_, { frames, bytes }: { frames: number; bytes: number }) => ({
      peerFrames: frames,
      peerBytes: bytes,
    })),
    countSend: assign(({ context }, { count }: { count: number }) => ({ next: context.next + count })),
    countWritten: assign(({ context }, { count, size }: Batch) => ({
      written: context.written + count,
      sent: Math.max(context.sent, context.written + count),
      flight: context.flight + size,
    })),
    countReceived: assign(({ context }, { count, size }: Batch) => ({
      expected: context.expected + count,
      owedBytes: context.owedBytes + size,
    })),
    /** The peer knows our count, since a frame that leaves says it. */
    noteSaid: assign(({ context }) => ({ said: context.expected, owedBytes: 0 })),
    noteAcked: assign(({ context }, { ack, freed }: { ack: number; freed: number }) =>
      ack > context.acked ? { acked: ack, flight: context.flight - freed } : {},
    ),
    noteTotal: assign((_, { total }: { total: number }) => ({ peerTotal: total })),
    noteFault: assign(({ context }) => ({ faultAt: context.expected })),
    close: assign({ isClosing: true }),
    pause: assign({ isPaused: true }),
    resume: assign({ isPaused: false }),
    noteEnd: assign((_, { end }: { end: ReliableEnd }) => ({ end })),
  },
  guards: {
    /** The fence: an event of a link that is not the current one. */
    isStale: ({ context, event }) => (event as OfLink).epoch !== context.epoch,
    isFirst: ({ context }) => !context.hasAttached && !context.retriesFirst,
    isAcceptor: ({ context }) => !context.isDialer,
    isClosing: ({ context }) => context.isClosing,
    isOrderly: ({ event }) => event.type === 'link.lost' && event.isOrderly,
    needsNoProbe: ({ context, event }) => context.isPaused || ('hasHeard' in event && event.hasHeard),
    /** The acceptor has sent nothing yet, so a stranger costs nothing once it is gone. */
    isUnused: ({ context }) => !context.isDialer && context.next === 0,
    /** The peer has what we have forgotten, or more than we have ever sent. */
    isImplausible: ({ context, event }) =>
      'received' in event && (event.received < context.acked || event.received > context.sent),
    /** We were closing, and the peer has everything. */
    hasNothingLeft: ({ context }) => context.isClosing && context.acked === context.next,
    hasReceivedAll: ({ context }) => hasAll(context),
    /** Several messages, and not all of them are simply the next ones: each has to be judged by itself. */
    isMixed: ({ context, event }) =>
      event.type === 'rx.Data' &&
      event.count > 1 &&
      (event.seq !== context.expected || event.ack > context.written || context.peerTotal !== undefined),
    isFault: ({ context, event }) => isFault(context, event),
    isFaultAgain: ({ context, event }) => context.faultAt === context.expected && isFault(context, event),
    isDuplicate: ({ context, event }) => event.type === 'rx.Data' && event.seq < context.expected,
    isOldAck: ({ context, event }) => 'ack' in event && event.ack <= context.acked,
    completesDialer: ({ context, event }) => context.isDialer && isComplete(context, event),
    completes: ({ context, event }) => isComplete(context, event),
    bringsAll: ({ context, event }) => bringsAll(context, event),
    /** A quarter of one of the peer's windows is owed. */
    owesMuch: ({ context, event }) =>
      event.type === 'rx.Data' &&
      (4 * (context.expected + event.count - context.said) >= context.peerFrames ||
        4 * (context.owedBytes + event.size) >= context.peerBytes),
    hasRoom: ({ context, event }) => {
      if (event.type !== 'tx.ready' || context.written + event.count > context.next) return false;
      const frames = context.written - context.acked + event.count;
      if (frames === 1) return true;
      return event.hasShare && frames <= context.windowFrames && context.flight + event.size <= context.windowBytes;
    },
  },
});

const ofEvent = <Event>({ event }: { event: Event }): Event => event;
const start = (timer: ReliableTimer) => ({ type: 'startTimer', params: { timer } }) as const;
const stop = (timer: ReliableTimer) => ({ type: 'stopTimer', params: { timer } }) as const;
const end = (reason: ReliableEnd) => ({ type: 'noteEnd', params: { end: reason } }) as const;
const over = (reason: ReliableEnd) => ({ target: 'lost', actions: end(reason) }) as const;
const refuse = { type: 'refuse', params: ofEvent<OfLink> } as const;
const noteAcked = { type: 'noteAcked', params: ofEvent<{ ack: number; freed: number }> } as const;
const noteTotal = { type: 'noteTotal', params: ofEvent<{ total: number }> } as const;
const stale = { guard: 'isStale' } as const;

/**
 * The peer broke the protocol. Its next link may do better. A second fault at the same position would repeat for ever.
 */
const faultRows = [
  { guard: 'isFaultAgain', target: 'lost', actions: [end('mismatch'), 'abandon'] },
  { guard: 'isFault', actions: ['noteFault', 'cut'] },
] as const;

/** A link is gone that has carried messages. */
const detach = ['interrupted', start('giveUp'), stop('probe'), stop('answer'), stop('steady'), stop('flush')] as const;

/** `retry` is the next state of a dialer. */
const lostRows = <Retry extends 'dialing' | 'backingOff'>(retry: Retry) =>
  [
    stale,
    { guard: 'isUnused', target: 'lost', actions: end('unused') },
    { guard: 'isAcceptor', target: 'waiting', actions: detach },
    { target: retry, actions: detach },
  ] as const;

/** The rows of every state that is not the end. */
const always = {
  // An attempt that was given up.
  'dial.opened': { actions: refuse },
  'app.send': { actions: { type: 'countSend', params: ofEvent<{ count: number }> } },
  'app.pause': { actions: 'pause' },
  'app.resume': { actions: 'resume' },
  'app.abort': { target: 'lost', actions: [end('aborted'), 'abandon'] },
  'app.evict': { target: 'lost', actions: [end('evicted'), 'abandon'] },
} as const;

/** The rows of the states in which no messages flow. */
const detached = {
  ...always,
  'app.close': { actions: 'close' },
  'time.giveUp': [
    // The peer has ended, and we have everything that it sent.
    { guard: 'hasReceivedAll', target: 'closed', actions: end('closed') },
    over('gaveUp'),
  ],
} as const;

/** Begins a link with the peer's count and with ours, which our greeting says. */
const begin = [{ type: 'noteAttached', params: ofEvent<{ received: number }> }, 'trim'] as const;
const flow = ['settings', start('probe'), start('steady'), 'restored'] as const;
/** We had ended before. */
const flowToEnd = [...flow, 'bye', start('flush')] as const;

/** A peer comes to an acceptor, for the first time or again. The newer link counts, also while the older one lives. */
const attachRows = <Older extends readonly 'interrupted'[]>(older: Older) => {
  const replace = [...older, { type: 'noteLink', params: ofEvent<OfLink> }, ...begin, 'take', 'welcome'] as const;
  return [
    { guard: 'isImplausible', actions: refuse },
    { guard: 'isClosing', target: 'fresh', reenter: true, actions: [...replace, ...flowToEnd] },
    { target: 'fresh', reenter: true, actions: [...replace, ...flow] },
  ] as const;
};

/** The link has proven itself. */
const prove = ['noteProven', stop('giveUp'), stop('steady')] as const;

/** Says that we have everything of the peer. We end, too: nothing that we sent later would be read. */
const sayAll = ['bye', 'noteSaid', 'close', start('flush')] as const;

/** Rows of messages of the peer. The first one proves the link. */
const dataRows = <Proof extends readonly [] | typeof prove>(proof: Proof) => {
  const acked = [...proof, noteAcked, 'trim'] as const;
  const received = [...acked, { type: 'countReceived', params: ofEvent<Batch> }, 'deliver'] as const;
  return [
    stale,
    { guard: 'isMixed' },
    ...faultRows,
    // The peer has not heard our count yet: it is told again.
    { guard: 'isDuplicate', target: 'owing', actions: acked },
    { guard: 'completesDialer', target: 'lingering', actions: [...received, ...sayAll] },
    { guard: 'completes', target: 'closed', actions: [...received, ...sayAll, end('closed')] },
    { guard: 'bringsAll', target: 'settled', actions: [...received, ...sayAll] },
    { guard: 'owesMuch', target: 'settled', actions: [...received, 'acknowledge', 'noteSaid'] },
    { target: 'owing', actions: received },
  ] as const;
};

/** Rows of an ack without a message. */
const ackRows = <Proof extends readonly [] | typeof prove, Next extends 'settled' | undefined>(
  proof: Proof,
  next: Next,
) => {
  const acked = [...proof, noteAcked, 'trim'] as const;
  return [
    stale,
    ...faultRows,
    { guard: 'isOldAck' },
    { guard: 'completesDialer', target: 'lingering', actions: acked },
    { guard: 'completes', target: 'closed', actions: [...acked, end('closed')] },
    { target: next, actions: acked },
  ] as const;
};

/** The rows of every state in which messages flow. */
const attached = {
  ...always,
  attach: attachRows(['interrupted']),
  'app.close': [{ guard: 'isClosing' }, { actions: ['close', 'bye', 'noteSaid', start('flush')] }],
  'rx.Settings': [stale, { actions: { type: 'noteSettings', params: ofEvent<{ frames: number; bytes: number }> } }],
  'rx.Close': [
    stale,
    ...faultRows,
    { guard: 'completesDialer', target: 'lingering', actions: [noteTotal, noteAcked, 'trim', ...sayAll] },
    { guard: 'completes', target: 'closed', actions: [noteTotal, noteAcked, 'trim', ...sayAll, end('closed')] },
    { guard: 'bringsAll', actions: [noteTotal, noteAcked, 'trim', ...sayAll] },
    { actions: [noteTotal, noteAcked, 'trim'] },
  ],
  'rx.Probe': [stale, { actions: 'answer' }],
  'rx.Abort': [stale, over('abandoned')],
  'rx.Malformed': [stale, ...faultRows],
  'rx.Oversize': [stale, { target: 'lost', actions: [end('oversize'), 'abandon'] }],
  'time.flush': [{ guard: 'hasReceivedAll', target: 'closed', actions: end('closed') }, over('flush')],
  // A peer whose messages we do not read can't answer.
  'time.probe': [{ guard: 'needsNoProbe', actions: start('probe') }, { actions: ['probe', start('answer')] }],
  'time.answer': [{ guard: 'needsNoProbe', actions: start('probe') }, { actions: 'cut' }],
} as const;

/** The next messages of a new link, or of one that has proven itself. */
const ready = {
  guard: 'hasRoom',
  actions: [{ type: 'write', params: ofEvent<Batch> }, { type: 'countWritten', params: ofEvent<Batch> }, 'noteSaid'],
} as const;

export const reliableMachine = reliable.createMachine({
  id: 'reliable',
  context: ({ input }) => ({
    ...input,
    epoch: 0,
    attempts: 0,
    hasAttached: false,
    next: 0,
    written: 0,
    acked: 0,
    sent: 0,
    flight: 0,
    expected: 0,
    said: 0,
    owedBytes: 0,
    peerFrames: 1,
    peerBytes: 1,
    peerTotal: undefined,
    isClosing: false,
    isPaused: false,
    faultAt: -1,
    end: 'closed',
  }),
  initial: 'created',
  states: {
    created: {
      on: { 'app.dial': { target: 'dialing', actions: start('giveUp') }, attach: attachRows([]) },
    },

    /** The dialer opens a link. */
    dialing: {
      entry: ['countAttempt', 'dial', start('dial')],
      exit: stop('dial'),
      on: {
        ...detached,
        'dial.opened': [
          { guard: 'isStale', actions: refuse },
          { target: 'greeting', actions: ['take', 'hello'] },
        ],
        'dial.failed': [stale, { guard: 'isFirst', ...over('unreachable') }, { target: 'backingOff' }],
        'time.dial': [{ guard: 'isFirst', ...over('unreachable') }, { target: 'backingOff' }],
      },
    },

    /** The dialer has said its count, and waits for the acceptor's. */
    greeting: {
      entry: start('hello'),
      exit: stop('hello'),
      on: {
        ...detached,
        'rx.Welcome': [
          stale,
          { guard: 'isImplausible', target: 'lost', actions: [end('mismatch'), 'abandon'] },
          { guard: 'isClosing', target: 'fresh', actions: [...begin, ...flowToEnd] },
          { target: 'fresh', actions: [...begin, ...flow] },
        ],
        'rx.Rejected': [stale, { guard: 'hasNothingLeft', target: 'closed', actions: end('closed') }, over('rejected')],
        'rx.Malformed': [stale, { actions: 'cut' }],
        'time.hello': { actions: 'cut' },
        'link.lost': [stale, { guard: 'isFirst', ...over('unreachable') }, { target: 'backingOff' }],
      },
    },

    backingOff: {
      entry: start('backoff'),
      exit: stop('backoff'),
      on: {
        ...detached,
        'time.backoff': 'dialing',
      },
    },

    /** The acceptor waits for the dialer to come back. */
    waiting: {
      on: { ...detached, attach: attachRows([]) },
    },

    /** Messages flow, and the link has not proven itself yet. */
    fresh: {
      on: {
        ...attached,
        'link.lost': lostRows('backingOff'),
        'tx.ready': ready,
        'rx.Data': dataRows(prove),
        'rx.Ack': ackRows(prove, 'settled'),
        'time.steady': { target: 'settled', actions: prove },
      },
    },

    /** The peer knows our count, or will hear it with the next message. */
    settled: {
      on: {
        ...attached,
        'link.lost': lostRows('dialing'),
        'tx.ready': ready,
        'rx.Data': dataRows([]),
        'rx.Ack': ackRows([], undefined),
      },
    },

    /** The peer waits for our count. */
    owing: {
      entry: start('ack'),
      on: {
        ...attached,
        'link.lost': lostRows('dialing'),
        'tx.ready': { ...ready, target: 'settled' },
        'rx.Data': dataRows([]),
        'rx.Ack': ackRows([], undefined),
        'time.ack': { target: 'settled', actions: ['acknowledge', 'noteSaid'] },
      },
    },

    /** The dialer has and has given everything. The acceptor ends the link when it knows that. */
    lingering: {
      on: {
        ...always,
        'link.lost': [
          stale,
          { guard: 'isOrderly', target: 'closed', actions: end('closed') },
          { target: 'dialing', actions: detach },
        ],
        'rx.Probe': [stale, { actions: 'answer' }],
        'time.flush': { target: 'closed', actions: end('closed') },
      },
    },

    closed: { type: 'final', entry: 'finish' },
    lost: { type: 'final', entry: 'finish' },
  },
});
