import type { EventObject } from 'xstate';
import { type ReliableContext, reliableMachine } from '../../machines/index.js';
import { type ReliableState, reliable } from '../../spec/parts/reliable.js';
import { event, MODES } from './inputs.js';
import type { Part, Variant } from './part.js';

const DIALER = { isDialer: true, retriesFirst: false, windowFrames: 2, windowBytes: 3 };

const variants = [
  ['dialer', DIALER],
  ['dialer that tries again at first', { ...DIALER, retriesFirst: true }],
  ['acceptor', { ...DIALER, isDialer: false }],
] as const;

const PHASES: Readonly<Record<string, ReliableState['phase']>> = {
  created: 'before',
  dialing: 'dialing',
  greeting: 'greeting',
  backingOff: 'resting',
  waiting: 'waiting',
  fresh: 'attached',
  settled: 'attached',
  owing: 'attached',
  lingering: 'lingering',
  closed: 'over',
  lost: 'over',
};

const FLOWING = ['fresh', 'settled', 'owing'];
/** Paths end beyond that: counts would go on for ever. */
const MOST = 2;
const WINDOW = { frames: 8, bytes: 1000 };

/** How far a path has come. */
function used({ next, expected, epoch, peerTotal, isClosing, isPaused, faultAt }: ReliableContext): number {
  const facts = [peerTotal !== undefined, isClosing && peerTotal === undefined, isPaused, faultAt >= 0];
  return next + expected + Math.max(0, epoch - 1) + facts.filter(Boolean).length;
}

/** What tells states apart for the paths: how the counts relate, not how high they are. */
function relations(context: ReliableContext): readonly unknown[] {
  const { next, written, acked, expected, said, peerTotal, hasAttached, faultAt } = context;
  return [
    [next - written, written - acked],
    expected > said,
    peerTotal === undefined ? 'open' : peerTotal - expected,
    hasAttached,
    faultAt < 0 ? 'none' : faultAt === expected,
    [context.isClosing, context.isPaused, context.peerFrames > 1],
  ];
}

/** The events of an established link. Each message has two bytes. */
function flowing({ epoch, acked, written, next, expected, peerTotal }: ReliableContext): readonly EventObject[] {
  const acks = [...new Set([acked, written, written + 1])];
  const freed = (ack: number) => (ack > acked && ack <= written ? 2 * (ack - acked) : 0);
  const of = (type: string, facts: object) => event(type, { epoch, ...facts });
  return [
    event('tx.ready', { count: 1, size: 2, hasShare: true }),
    event('tx.ready', { count: 1, size: 1, hasShare: true }),
    event('tx.ready', { count: 1, size: 1, hasShare: false }),
    // Two share a step: their window has three bytes.
    ...[2, 3, 4].map((size) => event('tx.ready', { count: 2, size, hasShare: true })),
    event('tx.ready', { count: 2, size: 2, hasShare: false }),
    of('rx.Data', { seq: expected, count: 1, ack: acked, size: 2, freed: 0 }),
    of('rx.Data', { seq: expected, count: 1, ack: written, size: 2, freed: freed(written) }),
    of('rx.Data', { seq: expected + 1, count: 1, ack: acked, size: 2, freed: 0 }),
    ...(expected === 0
      ? []
      : [of('rx.Data', { seq: expected - 1, count: 1, ack: written, size: 2, freed: freed(written) })]),
    ...[expected - 1, expected, expected + 1].flatMap((seq) =>
      [acked, written + 1].map((ack) => of('rx.Data', { seq, count: 2, ack, size: 4, freed: 0 })),
    ),
    event('rx.Data', { epoch: epoch - 1, seq: expected, count: 1, ack: acked, size: 2, freed: 0 }),
    ...acks.map((ack) => of('rx.Ack', { ack, freed: freed(ack) })),
    ...[expected - 1, expected, expected + 1].map((total) =>
      of('rx.Close', { total, ack: written, freed: freed(written) }),
    ),
    ...(next === 0 && peerTotal === undefined ? [of('rx.Settings', WINDOW)] : []),
    ...(next + expected > 1
      ? []
      : [
          event('rx.Ack', { epoch: epoch - 1, ack: written, freed: 0 }),
          event('rx.Close', { epoch: epoch - 1, total: expected, ack: written, freed: 0 }),
          event('rx.Settings', { epoch: epoch - 1, ...WINDOW }),
          ...['rx.Probe', 'rx.Abort', 'rx.Oversize'].map((type) => event(type, { epoch: epoch - 1 })),
        ]),
    ...['rx.Probe', 'rx.Abort', 'rx.Oversize'].map((type) => of(type, {})),
    ...(peerTotal === undefined ? [] : [of('rx.Close', { total: peerTotal, ack: acked, freed: 0 })]),
    ...['probe', 'answer'].flatMap((timer) => [true, false].map((hasHeard) => event(`time.${timer}`, { hasHeard }))),
    ...['flush', 'steady', 'ack'].map((timer) => event(`time.${timer}`)),
  ];
}

/** Events on the first link, unless they say otherwise. */
export const of = (type: string, facts: object = {}): EventObject => event(type, { epoch: 1, ...facts });
export const ready = event('tx.ready', { count: 1, size: 2, hasShare: true });
export const data = (seq: number, facts: object = {}): EventObject =>
  of('rx.Data', { seq, count: 1, ack: 0, size: 2, freed: 0, ...facts });
export const close = (total: number): EventObject => of('rx.Close', { total, ack: 0, freed: 0 });
const settings = of('rx.Settings', { frames: 8, bytes: 1000 });
const send = (count: number): EventObject => event('app.send', { count });
const owes = [send(1), ready, settings, data(0)];
/** Two messages of two bytes and one: their window has three. */
const sentTwo = [send(2), ready, event('tx.ready', { count: 1, size: 1, hasShare: true })];
/** Reading stops and goes on. */
const pause = [event('app.pause'), event('app.resume')];
/** A new link, of a peer that has received some messages. An acceptor hears nothing of a dial, and a dialer of no peer. */
const link = (epoch: number, received: number): readonly EventObject[] => [
  event('attach', { epoch, received }),
  event('dial.opened', { epoch }),
  event('rx.Welcome', { epoch, received }),
];
const lost = (epoch: number): EventObject => event('link.lost', { epoch, isOrderly: false });

const WIDE = { frames: 40, bytes: 1000 };
/** The peer acknowledges the first message anew. */
const ONE = { ack: 1, freed: 2 };

/** Walks that are deeper than the generated paths. Each begins behind the first attachment. */
const DEEP: Readonly<Record<string, readonly EventObject[]>> = {
  'everything of the peer has come, and it owes an ack: the ack ends the link': [
    ...owes,
    close(1),
    of('rx.Ack', { ack: 1, freed: 2 }),
    of('rx.Probe'),
  ],
  'everything of the peer has come, and its ack does not: the time to flush ends the link': [
    ...owes,
    close(1),
    event('time.flush'),
  ],
  'the last message follows the Close, and an ack is missing': [...owes, close(2), data(1)],
  'a message comes again on a new link, which has not proven itself': [
    ...owes,
    lost(1),
    ...link(2, 0),
    data(0, { epoch: 2 }),
  ],
  'a key that is found again after everything has come, while nothing has left': [
    ...owes,
    close(1),
    lost(1),
    event('time.giveUp'),
  ],
  'reading stops and goes on in every state': [
    ...[send(1), ...pause, event('time.steady'), ...pause, settings, data(0), ...pause, lost(1), ...pause],
    ...[event('dial.failed', { epoch: 2 }), ...pause, event('time.backoff'), ...pause],
    ...[event('dial.opened', { epoch: 3 }), ...pause],
  ],
  'reading stops and goes on behind the end of all messages': [
    ...[close(0), ...pause, send(1), ready, of('rx.Ack', { ack: 1, freed: 2 }), ...pause],
  ],
  'the windows of an older link do not count: on a new link': [of('rx.Settings', { epoch: 0, ...WINDOW }), data(0)],
  'the windows of an older link do not count: on one that has proven itself': [
    ...[event('time.steady'), of('rx.Settings', { epoch: 0, ...WINDOW }), data(0)],
  ],
  'the windows of an older link do not count: while an ack is owed': [
    ...[settings, data(0), of('rx.Settings', { epoch: 0, ...WIDE }), data(1)],
  ],
  'an ack of an older link does not count while an ack is owed': [
    ...owes,
    of('rx.Ack', { epoch: 0, ack: 1, freed: 2 }),
  ],
  'an ack comes with the last message: on a new link': [...sentTwo, close(1), data(0, ONE)],
  'an ack comes with the last message: on one that has proven itself': [
    ...[...sentTwo, event('time.steady'), close(1), data(0, ONE)],
  ],
  'an ack comes with the last message: while an ack is owed': [
    ...[...sentTwo, settings, data(0), close(2), data(1, ONE)],
  ],
  'the last ack comes with the last message, while an ack is owed': [...owes, close(2), data(1, ONE)],
  'an ack comes with the end: on a link that has proven itself': [
    ...[...sentTwo, event('time.steady'), of('rx.Close', { total: 0, ...ONE })],
  ],
  'an ack comes with the end: while an ack is owed': [
    ...[...sentTwo, settings, data(0), of('rx.Close', { total: 1, ...ONE })],
  ],
  'an ack comes with a message, while an ack is owed': [
    ...[send(1), ready, of('rx.Settings', WIDE), data(0), data(1, ONE)],
  ],
  'an ack comes with a message that comes again, on a new link': [
    ...[...owes, lost(1), ...link(2, 0), ready, data(0, { epoch: 2, ...ONE })],
  ],
  'a message acknowledges what was never written': [data(0, { ack: 1 })],
  'a message acknowledges less than was acknowledged before': [
    ...[...sentTwo, of('rx.Ack', { ack: 2, freed: 3 }), data(0, { ack: 1 })],
  ],
  'a quarter of the bytes of the window is owed': [of('rx.Settings', { frames: 1000, bytes: 16 }), data(0), data(1)],
  'a link that is to end begins with the count of the peer': [
    ...[...sentTwo, event('app.close'), lost(1), event('time.backoff'), ...link(2, 1)],
  ],
};

/** Returns the deeper walks of a variant, each from the beginning. */
export function deeper({ input }: Variant): Readonly<Record<string, readonly EventObject[]>> {
  const opening = (input as ReliableContext).isDialer
    ? [event('app.dial'), of('dial.opened'), of('rx.Welcome', { received: 0 })]
    : [of('attach', { received: 0 })];
  return Object.fromEntries(Object.entries(DEEP).map(([name, events]) => [name, [...opening, ...events]]));
}

/** The machine behaves alike in both modes. */
export const reliablePart: Part = {
  machine: reliableMachine,
  variants: variants.map(([name, input]) => ({ name, mode: MODES[0] as 'reference', input, told: input })),
  delays: {},
  deeper,
  fewPaths: 2,
  serialize: ({ value, context }) => JSON.stringify([value, relations(context as ReliableContext)]),
  events: ({ value, context }) => {
    const state = String(value);
    const { epoch, acked, sent, isDialer } = context as ReliableContext;
    if (used(context as ReliableContext) > MOST) return [];
    const isAtRest = used(context as ReliableContext) <= 1 || state === 'lingering';
    // Once attached, both dialers are the same.
    if (context.retriesFirst && context.hasAttached) return [];
    if (state === 'created') return isDialer ? [event('app.dial')] : [event('attach', { epoch: 1, received: 0 })];
    const greetings = [acked - 1, acked, sent, sent + 1].filter((count, index, all) => all.indexOf(count) === index);
    const links = ['dial.opened', 'dial.failed', 'rx.Rejected', 'rx.Malformed'];
    return [
      ...[1, 2].map((count) => event('app.send', { count })),
      ...['app.close', 'app.abort', 'app.evict'].map((type) => event(type)),
      // Whether we read matters to the probe alone.
      ...(isAtRest ? ['app.pause', 'app.resume'].map((type) => event(type)) : []),
      ...(isDialer ? links : ['dial.opened', 'rx.Malformed']).flatMap((type) => [
        event(type, { epoch }),
        event(type, { epoch: epoch - 1 }),
      ]),
      ...[true, false].map((isOrderly) => event('link.lost', { epoch, isOrderly })),
      event('link.lost', { epoch: epoch - 1, isOrderly: false }),
      ...(isDialer
        ? [
            ...greetings.map((received) => event('rx.Welcome', { epoch, received })),
            event('rx.Welcome', { epoch: epoch - 1, received: acked }),
          ]
        : greetings.map((received) => event('attach', { epoch: epoch + 1, received }))),
      ...['dial', 'hello', 'backoff', 'giveUp'].map((timer) => event(`time.${timer}`)),
      ...(FLOWING.includes(state) || state === 'lingering' ? flowing(context as ReliableContext) : []),
    ];
  },
  nameState: ({ value, context }) => {
    const { next, written, acked, expected, said, epoch, peerTotal, isClosing, isPaused, faultAt } =
      context as ReliableContext;
    return [
      `${String(value)} on link ${epoch}`,
      `sent ${acked}-${written}-${next}`,
      `received ${said}-${expected}`,
      ...(peerTotal === undefined ? [] : [`of ${peerTotal}`]),
      ...(isClosing ? ['closing'] : []),
      ...(isPaused ? ['not reading'] : []),
      ...(faultAt < 0 ? [] : [`fault at ${faultAt}`]),
    ].join(', ');
  },
  isShown: (name) => name.endsWith(', sent 0-0-0, received 0-0'),
  oracle: reliable as never,
  heard: (heard) => heard as never,
  seen: ({ value, context }) => {
    const { epoch, attempts, next, written, acked, sent, flight, expected, said } = context as ReliableContext;
    const { owedBytes, peerTotal, isClosing, isPaused, faultAt } = context as ReliableContext;
    return {
      phase: PHASES[String(value)],
      isUnproven: value === 'fresh',
      isOwing: value === 'owing',
      link: epoch,
      dials: attempts,
      ours: { accepted: next, written, trimmed: acked, everWritten: sent },
      inFlight: flight,
      theirs: { received: expected, told: said, untoldBytes: owedBytes },
      theirTotal: peerTotal,
      isEnding: isClosing,
      isNotReading: isPaused,
      faultAt,
    };
  },
  // The chart has its input in its context, and need not remember the peer's window or that a link was attached before.
  wanted: ({
    isDialer,
    retriesFirst,
    windowFrames,
    windowBytes,
    theirWindow,
    wasAttached,
    ...compared
  }: ReliableState) => compared,
};
