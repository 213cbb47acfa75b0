import type { Programs } from './build.js';
import type { Kind } from './differential/generate.js';

/** What random scripts are made from. */
export interface RandomOptions {
  readonly seed: number;
  /** How many scripts are played. */
  readonly count: number;
  /** What they are of; all kinds in turn if it is absent. */
  readonly kind: Kind | undefined;
}

/** The programs and options that every part gets. */
export interface Context {
  readonly programs: Programs;
  /** A file of more scripts for the coverage, one a line. */
  readonly scripts: string | undefined;
  readonly random: RandomOptions;
  /** How many sessions the Rust peer must not freeze in. */
  readonly sessions: number;
  /** True to print each line that the scripts do not reach. */
  readonly isVerbose: boolean;
}

/** The numbers of checks of a part. A part prints each failure by itself. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped?: number;
}

/** One thing that `npm run test:reference` does. */
export type Part = (context: Context) => Promise<Counts>;
