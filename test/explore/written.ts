/** Converts counterexamples to plain data and back. */
import type { Failure, Setup } from './configuration.js';
import { type Label, WORDS } from './draft.js';
import { PROPERTIES, type Property } from './properties.js';
import { follow } from './search.js';
import { NAMES, type PathStep, stepsOf } from './sequence.js';

/** A failed property, and the path to the failure. */
export interface Counterexample {
  readonly property: string;
  readonly text: string;
  readonly rule: string;
  readonly steps: readonly PathStep[];
}

export function counterexample({ finding, path }: Failure, setup: Setup): Counterexample {
  const { property, text } = finding;
  return { property, text, rule: PROPERTIES[property as Property].rule, steps: stepsOf(setup, path) };
}

/** Returns JSON. Bigints become strings. */
export function toJSON(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part), 2);
}

/** Returns the path of a written counterexample, as far as its steps are possible. */
export function pathOf({ system, sides }: Setup, { steps }: Counterexample): Label[] {
  const path: Label[] = [];
  let words = new Int32Array(WORDS);
  system.start(words);
  for (const { peer, input } of steps) {
    if (input.type === 'start') continue;
    const wanted = toJSON([peer, input]);
    let found: Label | undefined;
    system.successors(words, 0, (_draft, _kind, label) => {
      const other =
        'befalls' in label
          ? [undefined, { type: 'befalls', what: label.befalls }]
          : [sides.length === 1 ? peer : NAMES[label.side], sides[label.side]?.inputs.of(label.input)];
      if (toJSON(other) === wanted) found ??= label;
    });
    if (found === undefined) break;
    path.push(found);
    words = follow(system, words, found);
  }
  return path;
}
