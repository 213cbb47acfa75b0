/** The items of each empty queue. Nothing is added to them. */
const NONE: never[] = [];

/** A queue that takes from its front in constant time, and keeps no reference to the items taken. */
export class Fifo<T> {
  #items: (T | undefined)[] = NONE;
  #head = 0;

  /** The number of items. Only this class sets it: a field costs less than a getter. */
  length = 0;

  push(item: T): void {
    // V8 gives an empty array room for seventeen items at its first push. Most queues hold one at a time.
    if (this.#items.length === 0) this.#items = [item];
    else this.#items.push(item);
    this.length++;
  }

  /** The item `index` places behind the front, or undefined past the end. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  /** Takes the front item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    this.length--;
    if (this.#head === this.#items.length) {
      this.#items = NONE;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      // Half of the array is empty: moving the other half costs no more than all the `shift`s since the last time.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Drops everything behind the first `length` items. */
  truncate(length: number): void {
    if (length >= this.length) return;
    this.#items.length = this.#head + length;
    this.length = length;
  }
}
