import type { EventObject } from 'xstate';
import { opposite, type Parity } from '../../src/wire/id.js';

// A session is symmetric once it is established: what the odd side does on 1, the even one does on 2.

/** The keys under which a number is the id of a connection. */
const IDS: ReadonlySet<string> = new Set(['connectionId', 'id']);

/** The id that the other parity allocates in an id's place: 1 ↔ 2, 3 ↔ 4. */
export function neighbour(id: number): number {
  if (id === 0) return 0;
  return id % 2 === 1 ? id + 1 : id - 1;
}

/** Returns the event that the other side of the parity would see. Ids of requests and channels stay as they are. */
// r[session.symmetry]
export function mirrorEvent(event: EventObject): EventObject {
  return mirror(event, '') as EventObject;
}

function mirror(value: unknown, key: string): unknown {
  if (key === 'parity') return opposite(value as Parity);
  if (typeof value === 'number') return IDS.has(key) ? neighbour(value) : value;
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  if (value instanceof Error || value instanceof Uint8Array) return value;
  const isData = 'body' in value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isData && name === 'id' ? inner : mirror(inner, name)]),
  );
}
