import { CONTENDERS, type ContenderName, NAMES } from './contenders.js';
import type { Job } from './control.js';

/** Several contenders at the same work, in rounds that take turns. Each is compared with the baseline. */
export interface Comparison {
  readonly type: 'comparison';
  readonly name: string;
  readonly title: string;
  readonly processes: 1 | 2;
  /** Bytes of one message. */
  readonly size: number;
  /** The figure of a round: more messages a second are better, more milliseconds are worse. */
  readonly figure: 'rate' | 'milliseconds';
  /** The factor by which warming up takes longer than usual. */
  readonly patience: number;
  readonly contenders: readonly ContenderName[];
  /** The least ratio of a contender's figure to the baseline's; absent where nothing was promised. */
  readonly targets: Readonly<Partial<Record<ContenderName, number | undefined>>>;
  job(contender: ContenderName): Job;
}

/** The cost of a connection among many, compared with its cost among few. */
export interface Growth {
  readonly type: 'growth';
  readonly name: string;
  readonly title: string;
  readonly few: number;
  readonly many: number;
  /** The largest allowed ratio of the cost of opening many to the cost of opening few. */
  readonly target: number;
  readonly job: Job;
}

/** The bytes that one more object takes. */
export interface Footprint {
  readonly type: 'footprint';
  readonly name: string;
  readonly title: string;
  /** The number of objects that are made: many connections, fewer sessions. */
  readonly count: number;
  /** The largest allowed number of bytes. */
  readonly target?: number;
  readonly job: Job;
}

/** One number that has to hold, or that is worth knowing, of one contender. */
export interface Check {
  readonly type: 'check';
  readonly name: string;
  readonly title: string;
  readonly contender: ContenderName;
  /** The unit of the figure. */
  readonly unit: 'B' | 'items' | 'collections';
  /** The amount that a round is asked for before it counts. `amount` is the one of rounds that count. */
  readonly warmUp: number;
  readonly amount: number;
  /** The number of rounds that count. The least figure is taken: memory that leaks shows in each round. */
  readonly times: number;
  /** The largest allowed figure. */
  readonly target?: number;
  readonly job: Job;
}

export type Scenario = Comparison | Growth | Footprint | Check;

const SIZES = [
  { size: 16, label: '16B', text: '16 B' },
  { size: 4096, label: '4KiB', text: '4 KiB' },
] as const;

const STREAM_SIZES = [
  { size: 64, label: '64B', text: '64 B' },
  { size: 16_384, label: '16KiB', text: '16 KiB' },
] as const;

/** The least ratios of the session's own messages to the baseline, by processes, payload and requests in flight. */
const ECHO_TARGETS = {
  1: { '16B': { 1: 0.8, 64: 2 }, '4KiB': { 1: 0.7, 64: 1 } },
  2: { '16B': { 1: 0.85, 64: 1.2 }, '4KiB': { 1: 0.75, 64: 0.9 } },
} as const;

/** The least ratios of the calls of a typed service to the baseline. */
const TYPED_TARGETS = {
  1: { '16B': { 1: 0.8, 64: 1.3 }, '4KiB': { 1: 0.75, 64: 1 } },
  2: { '16B': { 1: undefined, 64: 1.1 }, '4KiB': { 1: undefined, 64: undefined } },
} as const;

/** The least ratios of calls to the baseline. */
const CALL_TARGETS = {
  1: { '16B': { 1: 0.8, 64: 1.8 }, '4KiB': { 1: 0.75, 64: 1 } },
  2: { '16B': { 1: undefined, 64: 1.1 }, '4KiB': { 1: undefined, 64: undefined } },
} as const;

/** Names end in -2p where each end has a process of its own. */
const suffix = (processes: 1 | 2): string => (processes === 1 ? '' : '-2p');

const echoes = ([1, 2] as const).flatMap((processes) =>
  SIZES.flatMap(({ size, label, text }) =>
    ([1, 64] as const).map(
      (inFlight): Comparison => ({
        type: 'comparison',
        name: `echo-${label}-x${inFlight}${suffix(processes)}`,
        title: `echo ${text}, ${inFlight} in flight`,
        processes,
        size,
        figure: 'rate',
        patience: 1,
        contenders: NAMES,
        targets: {
          typed: TYPED_TARGETS[processes][label][inFlight],
          calls: CALL_TARGETS[processes][label][inFlight],
          session: ECHO_TARGETS[processes][label][inFlight],
        },
        job: (contender) => ({ kind: 'echo', contender, size, inFlight, processes }),
      }),
    ),
  ),
);

const STREAMERS = NAMES.filter((name) => CONTENDERS[name].hasStreams);

/** Items that may be under way untaken: the protocol's own initial credit, and enough to fill a connection. */
const CREDITS = [16, 256] as const;

const streams = ([1, 2] as const).flatMap((processes) =>
  STREAM_SIZES.flatMap(({ size, label, text }) =>
    CREDITS.map(
      (credit): Comparison => ({
        type: 'comparison',
        name: `stream-${label}-c${credit}${suffix(processes)}`,
        title: `stream of ${text}, credit ${credit}`,
        processes,
        size,
        figure: 'rate',
        patience: 1,
        contenders: STREAMERS,
        targets: {},
        job: (contender) => ({ kind: 'stream', contender, size, credit, processes }),
      }),
    ),
  ),
);

/** Messages without answers, with the link's own backpressure alone. */
const floods = ([1, 2] as const).flatMap((processes) =>
  SIZES.map(
    ({ size, label, text }): Comparison => ({
      type: 'comparison',
      name: `send-${label}${suffix(processes)}`,
      title: `one way ${text}`,
      processes,
      size,
      figure: 'rate',
      patience: 1,
      contenders: ['raw', 'session'],
      targets: {},
      job: (contender) => ({ kind: 'flood', contender, size, processes }),
    }),
  ),
);

const connects = ([1, 2] as const).map(
  (processes): Comparison => ({
    type: 'comparison',
    name: `connect${suffix(processes)}`,
    title: 'connect to first reply',
    processes,
    size: 16,
    figure: 'milliseconds',
    // Each function runs only once a session, so the compiler optimizes it late.
    patience: 3,
    contenders: ['raw', 'typed', 'session'],
    targets: {},
    job: (contender) => ({ kind: 'connect', contender, size: 16, processes }),
  }),
);

/** Traffic whose payloads are long enough to set off collections of the whole heap. */
const LONG_TRAFFIC = [
  { label: 'echo-4KiB-x1', text: 'echo 4 KiB, 1 in flight', of: { kind: 'echo', size: 4096, inFlight: 1 } },
  { label: 'stream-16KiB-c16', text: 'stream of 16 KiB, credit 16', of: { kind: 'stream', size: 16_384, credit: 16 } },
] as const;

const collections = LONG_TRAFFIC.flatMap(({ label, text, of }) =>
  STREAMERS.map(
    (contender): Check => ({
      type: 'check',
      name: `collections-${label}-${contender}`,
      title: `mark-compacts in 3 s of ${text}`,
      contender,
      unit: 'collections',
      // Milliseconds.
      warmUp: 1500,
      amount: 3000,
      times: 1,
      ...(contender === 'typed' ? { target: 5 } : {}),
      job: { kind: 'collections', of: { ...of, contender, processes: 1 } },
    }),
  ),
);

const unreads = STREAMERS.map(
  (contender): Check => ({
    type: 'check',
    name: `unread-${contender}`,
    title: 'an unread stream of 64 B, credit 16, takes',
    contender,
    unit: 'items',
    warmUp: 0,
    amount: 10_000_000,
    times: 1,
    ...(CONTENDERS[contender].isOurs ? { target: 16 } : {}),
    job: { kind: 'unread', contender, size: 64, credit: 16 },
  }),
);

/**
 * Less than one byte for eight calls, so that a leak of any size shows. Several rounds, since V8 sometimes compiles code
 * anew, which takes a few hundred KiB.
 */
const heaps = NAMES.filter((name) => CONTENDERS[name].isOurs).map(
  (contender): Check => ({
    type: 'check',
    name: `heap-${contender}`,
    title: 'the heap grows in a million calls by',
    contender,
    unit: 'B',
    warmUp: 100_000,
    amount: 1_000_000,
    times: 3,
    target: 128 * 1024,
    job: { kind: 'heap', contender, of: 'calls', size: 16, inFlight: 64 },
  }),
);

const streamHeaps = STREAMERS.filter((name) => CONTENDERS[name].isOurs).map(
  (contender): Check => ({
    type: 'check',
    name: `heap-streams-${contender}`,
    title: 'the heap grows in a hundred thousand streams by',
    contender,
    unit: 'B',
    warmUp: 20_000,
    amount: 100_000,
    times: 3,
    target: 128 * 1024,
    job: { kind: 'heap', contender, of: 'streams', size: 64, inFlight: 64 },
  }),
);

const growths = (['websocket', 'memory'] as const).map(
  (link): Growth => ({
    type: 'growth',
    name: `open-${link}`,
    title: `connections over ${link === 'memory' ? 'memory' : 'a WebSocket'}`,
    few: 1_000,
    many: 10_000,
    target: 12,
    job: { kind: 'open-close', link },
  }),
);

const footprints: Footprint[] = [
  { what: 'connection', title: 'a virtual connection', count: 2_000, target: 6 * 1024 },
  { what: 'typed-connection', title: 'the same, with a client and a handler', count: 2_000, target: 8 * 1024 },
  { what: 'reader', title: 'the same, both ends reading', count: 2_000 },
  { what: 'session', title: 'a session over memory', count: 100 },
  { what: 'websocket-session', title: 'a session over a WebSocket', count: 100, target: 30 * 1024 },
  { what: 'websocket-call', title: 'the same, after a call on a virtual connection', count: 100 },
  { what: 'websocket-typed', title: 'the same, by a typed service', count: 100, target: 40 * 1024 },
  { what: 'websocket', title: 'a WebSocket of ws alone', count: 100 },
].map(({ what, ...rest }) => ({
  type: 'footprint',
  name: `memory-${what}`,
  job: { kind: 'memory', what } as Job,
  ...rest,
}));

export const SCENARIOS: readonly Scenario[] = [
  ...echoes,
  ...streams,
  ...collections,
  ...unreads,
  ...heaps,
  ...streamHeaps,
  ...floods,
  ...connects,
  ...growths,
  ...footprints,
];
