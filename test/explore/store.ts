/** The reached states and the transitions to them, as numbers in typed arrays: there are millions of them. */

/** A growing list of integers. */
export class Integers {
  items: Int32Array;
  length = 0;

  constructor(room = 1024) {
    this.items = new Int32Array(room);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.#grow(this.length + 1);
    this.items[this.length++] = value;
  }

  /** Makes room for `count` more integers at the end, and returns the index of the first. */
  extend(count: number): number {
    const at = this.length;
    if (at + count > this.items.length) this.#grow(at + count);
    this.length += count;
    return at;
  }

  at(index: number): number {
    return this.items[index] as number;
  }

  #grow(least: number): void {
    const items = new Int32Array(Math.max(least, this.items.length * 2));
    items.set(this.items);
    this.items = items;
  }
}

/** A set of states of `width` words each, numbered in the order in which they came. */
export class Store {
  readonly words: Integers;
  readonly #width: number;
  /** The numbers of states plus one, by hash. 0 is free. */
  #slots = new Int32Array(1 << 12);
  #size = 0;

  constructor(width: number) {
    this.#width = width;
    this.words = new Integers(width * 1024);
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the number of a state. A new one gets the {@link size} before the call. */
  add(state: Int32Array): number {
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    const mask = this.#slots.length - 1;
    let slot = hash(state, 0, this.#width) & mask;
    for (let known = this.#slots[slot] as number; known !== 0; known = this.#slots[slot] as number) {
      if (this.#equals(known - 1, state)) return known - 1;
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = ++this.#size;
    const at = this.words.extend(this.#width);
    for (let index = 0; index < this.#width; index++) this.words.items[at + index] = state[index] as number;
    return this.#size - 1;
  }

  #equals(number: number, state: Int32Array): boolean {
    const { items } = this.words;
    const at = number * this.#width;
    for (let index = 0; index < this.#width; index++) if (items[at + index] !== state[index]) return false;
    return true;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = hash(this.words.items, number * this.#width, this.#width) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

function hash(words: Int32Array, at: number, width: number): number {
  let value = 0x9e3779b9;
  for (let index = 0; index < width; index++) {
    value = Math.imul(value ^ (words[at + index] as number), 0x85ebca6b);
    value ^= value >>> 15;
  }
  return Math.imul(value, 0xc2b2ae35) ^ (value >>> 13);
}
