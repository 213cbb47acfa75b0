interface Identified {
  readonly id: number;
}

/** The number of slots at the beginning, and again when the map is empty: a power of two. */
const FEWEST = 32;

/** The slots of maps that never had an item: most connections make no calls in one direction, and few channels. */
const NONE: undefined[] = [undefined];

/**
 * Living objects, by their ids. Ids are consecutive, so most objects have a slot of their own. An object whose slot is taken
 * goes into a Map.
 *
 * A Map alone would cost too much memory: V8 gives it a new table after a number of changes, and the old table points to the
 * new one. Once one table has moved to old memory, the objects in it and in every later table live until the next full
 * collection, with all their payloads.
 */
export class IdMap<T extends Identified> {
  #slots: (T | undefined)[] = NONE;
  #others: Map<number, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const item = this.#slots[id & (this.#slots.length - 1)];
    return item?.id === id ? item : this.#others?.get(id);
  }

  /** Adds an item. It replaces an item with the same id. */
  set(item: T): void {
    if (this.#slots === NONE) this.#slots = slots(FEWEST);
    else if (this.#size >= this.#slots.length / 2) this.#grow();
    const slot = item.id & (this.#slots.length - 1);
    const there = this.#slots[slot];
    if (there === undefined && this.#others?.has(item.id) !== true) {
      this.#slots[slot] = item;
      this.#size++;
    } else if (there?.id === item.id) {
      this.#slots[slot] = item;
    } else {
      this.#others ??= new Map();
      if (!this.#others.has(item.id)) this.#size++;
      this.#others.set(item.id, item);
    }
  }

  /** Removes this very item, not another one with its id. Returns true if it was there. */
  delete(item: T): boolean {
    const slot = item.id & (this.#slots.length - 1);
    if (this.#slots[slot] === item) this.#slots[slot] = undefined;
    else if (this.#others?.get(item.id) === item) this.#others.delete(item.id);
    else return false;
    this.#size--;
    if (this.#size === 0 && (this.#others !== undefined || this.#slots.length > FEWEST)) this.clear();
    return true;
  }

  /** All items, in the order of their ids. */
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

  #grow(): void {
    const all = this.all();
    this.#slots = slots(this.#slots.length * 2);
    this.#others = undefined;
    this.#size = 0;
    for (const item of all) this.set(item);
  }
}

function slots<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
