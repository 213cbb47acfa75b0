import type { RequestId } from '../wire/id.js';

interface Request {
  readonly id: RequestId;
}

/** Slots to begin with, and again once nothing is in flight: a power of two. */
const FEWEST = 32;

/**
 * The requests of one side that are in flight, by their ids. Those follow each other, so that each mostly has a slot of its
 * own; what finds its slot taken stands in a map.
 *
 * All in a map would be too dear: V8 gives one a new table after so many changes, and the old one points to it. As soon as
 * one table has grown old, whatever was in flight when it was replaced, and in each one after it, lives until the next full
 * collection, with all its payloads.
 */
export class InFlight<T extends Request> {
  #slots = slots<T>(FEWEST);
  #others: Map<RequestId, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: RequestId): T | undefined {
    const request = this.#slots[this.#slotOf(id)];
    return request?.id === id ? request : this.#others?.get(id);
  }

  /** Adds what is not in flight, or takes the place of what is under the same id. */
  set(request: T): void {
    if (this.#size >= this.#slots.length / 2) this.#grow();
    if (this.get(request.id) === undefined) this.#size++;
    this.#put(request);
  }

  /** Whether it was there: it, and no other one under its id. */
  delete(request: T): boolean {
    const slot = this.#slotOf(request.id);
    if (this.#slots[slot] === request) this.#slots[slot] = undefined;
    else if (this.#others?.get(request.id) === request) this.#others.delete(request.id);
    else return false;
    this.#size--;
    if (this.#size === 0) this.clear();
    return true;
  }

  /** All of them, by their ids. */
  all(): T[] {
    const found = this.#slots.filter((request) => request !== undefined);
    if (this.#others !== undefined) found.push(...this.#others.values());
    return found.sort((a, b) => a.id - b.id);
  }

  clear(): void {
    if (this.#size > 0) this.#slots.fill(undefined);
    if (this.#slots.length > FEWEST) this.#slots = slots(FEWEST);
    this.#others = undefined;
    this.#size = 0;
  }

  #put(request: T): void {
    const slot = this.#slotOf(request.id);
    const there = this.#slots[slot];
    if (there === undefined ? this.#others?.has(request.id) !== true : there.id === request.id) {
      this.#slots[slot] = request;
    } else {
      this.#others ??= new Map();
      this.#others.set(request.id, request);
    }
  }

  #grow(): void {
    const all = this.all();
    this.#slots = slots(this.#slots.length * 2);
    this.#others = undefined;
    for (const request of all) this.#put(request);
  }

  /** Of one side's ids every other number is one. */
  #slotOf(id: RequestId): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }
}

function slots<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
