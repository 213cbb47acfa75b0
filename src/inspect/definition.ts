import { type Drawable, definitionOf } from '../diagram/definition.js';
import { hashOf } from '../diagram/hash.js';
import type { Json } from './record.js';

/** Of a machine, as it is told. */
export interface Definition {
  readonly hash: string;
  readonly value: Json;
  /** The machine's id. */
  readonly name: string | undefined;
}

/** Each machine is written down once, however many actors run it, and whoever asks. */
const written = new WeakMap<object, Definition>();

/** The definitions that somebody has been told. */
export class Definitions {
  readonly #told = new Set<string>();

  /** The definition of a machine by its config; undefined for what is no machine. */
  of(config: unknown): (Definition & { readonly isNew: boolean }) | undefined {
    if (typeof config !== 'object' || config === null) return undefined;
    let definition = written.get(config);
    if (definition === undefined) {
      definition = write(config);
      written.set(config, definition);
    }
    const isNew = !this.#told.has(definition.hash);
    this.#told.add(definition.hash);
    return { ...definition, isNew };
  }
}

function write(config: object): Definition {
  const { id } = config as { id?: unknown };
  const name = typeof id === 'string' ? id : undefined;
  let text: string;
  try {
    text = JSON.stringify(definitionOf(config as Drawable));
  } catch {
    // Nothing that could be drawn.
    text = JSON.stringify({ id: name ?? 'machine' });
  }
  return { hash: hashOf(text), value: JSON.parse(text) as Json, name };
}
