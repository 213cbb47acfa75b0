/** What is read of Graphviz's answer. */
export interface Placed {
  readonly bb: string;
  readonly objects?: readonly { readonly name: string; readonly bb?: string; readonly pos?: string }[];
  readonly edges?: readonly { readonly id?: string; readonly pos?: string; readonly lp?: string }[];
}

/**
 * Graphviz's answers for our own machines, by the hash of what it was asked. The build fills them in, by
 * `diagrams/layouts.ts`, so that the package draws these machines without Graphviz; the sources ask Graphviz each time.
 */
export const LAYOUTS: Readonly<Record<string, Placed>> = {};
