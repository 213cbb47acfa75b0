import { type Drawable, definitionOf } from '../diagram/definition.js';
import { hashOf } from '../diagram/hash.js';
import type { Json } from './record.js';

/** The definition of a machine, as records have it. */
export interface Definition {
  readonly hash: string;
  readonly value: Json;
  /** The machine's id. */
  readonly name: string | undefined;
}

/** The definitions by machine config. Each machine is converted once, for all its actors and all inspectors. */
const written = new WeakMap<object, Definition>();

/** The definitions that one receiver has been sent. */
export class Definitions {
  readonly #told = new Set<string>();

  /** Returns the definition of a machine by its config. Undefined if the config is not that of a machine. */
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
    // The config can't be converted, so there is no chart to draw.
    text = JSON.stringify({ id: name ?? 'machine' });
  }
  return { hash: hashOf(text), value: JSON.parse(text) as Json, name };
}
