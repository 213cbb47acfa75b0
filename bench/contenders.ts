import type { Contender } from './contender.js';

interface Entry {
  readonly title: string;
  /** True for contenders of this library, which have targets. The others are there for comparison. */
  readonly isOurs: boolean;
  readonly hasStreams: boolean;
  /** A process loads the one that it runs, and no other. */
  load(): Promise<Contender>;
}

/** The contenders, in the order of the tables. */
export const CONTENDERS = {
  raw: {
    title: 'ws alone',
    isOurs: false,
    hasStreams: true,
    load: async () => (await import('./raw.js')).raw,
  },
  typed: {
    title: 'roam-actors',
    isOurs: true,
    hasStreams: true,
    load: async () => (await import('./typed.js')).typed,
  },
  calls: {
    title: 'roam-actors, bytes',
    isOurs: true,
    hasStreams: true,
    load: async () => (await import('./calls.js')).calls,
  },
  session: {
    title: 'roam-actors, session',
    isOurs: true,
    hasStreams: false,
    load: async () => (await import('./ours.js')).session,
  },
  rsocket: {
    title: 'rsocket',
    isOurs: false,
    hasStreams: true,
    load: async () => (await import('./rsocket.js')).rsocket,
  },
  capnweb: {
    title: 'capnweb',
    isOurs: false,
    hasStreams: true,
    load: async () => (await import('./capnweb.js')).capnweb,
  },
  'capnweb-msgpackr': {
    title: 'capnweb, msgpackr',
    isOurs: false,
    hasStreams: true,
    load: async () => (await import('./capnweb.js')).capnwebBinary,
  },
  birpc: {
    title: 'birpc, msgpackr',
    isOurs: false,
    hasStreams: false,
    load: async () => (await import('./birpc.js')).birpc,
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type ContenderName = keyof typeof CONTENDERS;

/** All names, in the order of the tables. */
export const NAMES = Object.keys(CONTENDERS) as ContenderName[];

/** The contender that all others are compared with. */
export const BASELINE = 'raw';
