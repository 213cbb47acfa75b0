import type { Interpreter } from '../../src/session/options.js';
import type { Programs } from './build.js';
import type { Kind } from './differential/generate.js';

/** The options of the random scripts. */
export interface RandomOptions {
  readonly seed: number;
  /** The number of scripts to play. */
  readonly count: number;
  /** The kind of the scripts; all kinds in turn if it is absent. */
  readonly kind: Kind | undefined;
  /** The interpreter of our sessions; compiled if it is absent, and XState's own step for each fourth script. */
  readonly interpreter: Interpreter | undefined;
}

/** The programs and options that every part gets. */
export interface Context {
  readonly programs: Programs;
  /** A file of more scripts for the coverage, one a line. */
  readonly scripts: string | undefined;
  readonly random: RandomOptions;
  /** The number of sessions in which the Rust peer must not freeze. */
  readonly sessions: number;
  /** Only pairs of a transport and a role that begin with this text talk to each other, such as `ws acceptor`. */
  readonly pair: string;
  /** True to print each line that the scripts do not reach. */
  readonly isVerbose: boolean;
}

/** The outcome of checks. A part prints each failure when it happens. */
export interface Counts {
  readonly passed: number;
  /** The names of the failed checks. */
  readonly failures: readonly string[];
  readonly skipped?: number;
}

/** Returns the outcome of several groups of checks as one. */
export function total(groups: readonly Counts[]): Counts {
  return {
    passed: groups.reduce((sum, { passed }) => sum + passed, 0),
    failures: groups.flatMap(({ failures }) => failures),
    skipped: groups.reduce((sum, { skipped = 0 }) => sum + skipped, 0),
  };
}

/** One thing that `npm run test:reference` does. */
export type Part = (context: Context) => Promise<Counts>;
