/** The parts of Graphviz's result that are read. */
export interface Placed {
  readonly bb: string;
  readonly objects?: readonly { readonly name: string; readonly bb?: string; readonly pos?: string }[];
  readonly edges?: readonly { readonly id?: string; readonly pos?: string; readonly lp?: string }[];
}

/**
 * Graphviz's results for our own machines, by the hash of the graph. `diagrams/layouts.ts` fills the table in during the
 * build, so that the package draws these machines without Graphviz. The sources call Graphviz each time.
 */
export const LAYOUTS: Readonly<Record<string, Placed>> = {};
