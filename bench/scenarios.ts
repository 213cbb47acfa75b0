import type { Job } from './control.js';
import type { Side } from './traffic.js';

/** Ours against raw `ws`, in rounds that take turns. */
export interface Comparison {
  readonly type: 'comparison';
  readonly name: string;
  readonly title: string;
  readonly processes: 1 | 2;
  /** What a round measures: more messages a second are better, more milliseconds are worse. */
  readonly figure: 'rate' | 'milliseconds';
  /** How many times as long as usual it takes to warm up. */
  readonly patience: number;
  /** The least that ours, divided by raw, is to be; absent where nothing was promised. */
  readonly target?: number;
  job(side: Side): Job;
}

/** What a connection costs among many, against what it costs among few. */
export interface Growth {
  readonly type: 'growth';
  readonly name: string;
  readonly title: string;
  readonly few: number;
  readonly many: number;
  /** The most that opening many may cost, in times of what opening few costs. */
  readonly target: number;
  readonly job: Job;
}

/** Bytes for one more of something. */
export interface Footprint {
  readonly type: 'footprint';
  readonly name: string;
  readonly title: string;
  /** How many are made to see what one takes: many connections, fewer sessions. */
  readonly count: number;
  /** The most bytes. */
  readonly target?: number;
  readonly job: Job;
}

export type Scenario = Comparison | Growth | Footprint;

const SIZES = [
  { size: 16, label: '16B', text: '16 B' },
  { size: 4096, label: '4KiB', text: '4 KiB' },
] as const;

/** By processes, payload and requests in flight. */
const ECHO_TARGETS = {
  1: { '16B': { 1: 0.8, 64: 2 }, '4KiB': { 1: 0.7, 64: 1 } },
  2: { '16B': { 1: 0.85, 64: 1.2 }, '4KiB': { 1: 0.75, 64: 0.9 } },
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
        figure: 'rate',
        patience: 1,
        target: ECHO_TARGETS[processes][label][inFlight],
        job: (side) => ({ kind: 'echo', side, size, inFlight, processes }),
      }),
    ),
  ),
);

const floods = ([1, 2] as const).flatMap((processes) =>
  SIZES.map(
    ({ size, label, text }): Comparison => ({
      type: 'comparison',
      name: `send-${label}${suffix(processes)}`,
      title: `one way ${text}`,
      processes,
      figure: 'rate',
      patience: 1,
      job: (side) => ({ kind: 'flood', side, size, processes }),
    }),
  ),
);

const connects = ([1, 2] as const).map(
  (processes): Comparison => ({
    type: 'comparison',
    name: `connect${suffix(processes)}`,
    title: 'connect to first reply',
    processes,
    figure: 'milliseconds',
    // Each function runs once a session: the compiler hears of it late.
    patience: 3,
    job: (side) => ({ kind: 'connect', side, size: 16, processes }),
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
  { what: 'reader', title: 'the same, both ends reading', count: 2_000 },
  { what: 'session', title: 'a session over memory', count: 100 },
  { what: 'websocket-session', title: 'a session over a WebSocket', count: 100 },
  { what: 'websocket', title: 'a WebSocket of ws alone', count: 100 },
].map(({ what, ...rest }) => ({
  type: 'footprint',
  name: `memory-${what}`,
  job: { kind: 'memory', what } as Job,
  ...rest,
}));

export const SCENARIOS: readonly Scenario[] = [...echoes, ...floods, ...connects, ...growths, ...footprints];
