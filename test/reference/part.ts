import type { Programs } from './build.js';

/** What a part may use. */
export interface Context {
  readonly programs: Programs;
  /** A file of more scripts for the coverage, one a line. */
  readonly scripts: string | undefined;
  /** Whether to print each line that the scripts do not reach. */
  readonly isVerbose: boolean;
}

/** How many checks of a part held, and how many did not. A part prints what did not hold by itself. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped?: number;
}

/** One thing that `npm run test:reference` does. */
export type Part = (context: Context) => Promise<Counts>;
