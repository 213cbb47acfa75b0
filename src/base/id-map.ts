interface Identified {
  readonly id: number;
}

/** Slots to begin with, and again once nothing is left: a power of two. */
const FEWEST = 32;

/**
 * What is alive, by its id. Ids follow each other, so that each mostly has a slot of its own; what finds its slot taken
 * stands in a map.
 *
 * All in a map would be too dear: V8 gives one a new table after so many changes, and the old one points to it. As soon as
 * one table has grown old, whatever was alive when it was replaced, and in each one after it, lives until the next full
 * collection, with all its payloads.
 */
export class IdMap<T extends Identified> {
  #slots = slots<T>(FEWEST);
  #others: Map<number, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const item = this.#slots[this.#slotOf(id)];
    return item?.id === id ? item : this.#others?.get(id);
  }

  /** Adds it, in the place of what is there under the same id. */
  set(item: T): void {
    if (this.#size >= this.#slots.length / 2) this.#grow();
    if (this.get(item.id) === undefined) this.#size++;
    this.#put(item);
  }

  /** Whether it was there: it, and no other one under its id. */
  delete(item: T): boolean {
    const slot = this.#slotOf(item.id);
    if (this.#slots[slot] === item) this.#slots[slot] = undefined;
    else if (this.#others?.get(item.id) === item) this.#others.delete(item.id);
    else return false;
    this.#size--;
    if (this.#size === 0) this.clear();
    return true;
  }

  /** All of them, by their ids. */
  all(): T[] {
    const found = this.#slots.filter((item) => item !== undefined);
    if (this.#others !== undefined) found.push(...this.#others.values());
    return found.sort((a, b) => a.id - b.id);
  }

  clear(): void {
    if (this.#size > 0) this.#slots.fill(undefined);
    if (this.#slots.length > FEWEST) this.#slots = slots(FEWEST);
    this.#others = undefined;
    this.#size = 0;
  }

  #put(item: T): void {
    const slot = this.#slotOf(item.id);
    const there = this.#slots[slot];
    if (there === undefined ? this.#others?.has(item.id) !== true : there.id === item.id) {
      this.#slots[slot] = item;
    } else {
      this.#others ??= new Map();
      this.#others.set(item.id, item);
    }
  }

  #grow(): void {
    const all = this.all();
    this.#slots = slots(this.#slots.length * 2);
    this.#others = undefined;
    for (const item of all) this.#put(item);
  }

  #slotOf(id: number): number {
    return id & (this.#slots.length - 1);
  }
}

function slots<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
