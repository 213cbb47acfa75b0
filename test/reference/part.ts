import type { Programs } from './build.js';

/** The programs and options that every part gets. */
export interface Context {
  readonly programs: Programs;
  /** A file of more scripts for the coverage, one a line. */
  readonly scripts: string | undefined;
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
