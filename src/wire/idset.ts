/** A node of the tree: a bitmap of 32 ids at the bottom, up to 32 nodes above. Absent means empty. */
type Node = number | readonly (Node | undefined)[];

const BITS = 5;
const WIDTH = 1 << BITS;

/**
 * A persistent set of non-negative integers up to 2^53 − 1. `add` and `delete` return a new set and leave the old one as it
 * was. The new set shares all but one path with the old one: with ten thousand members, a change costs no more than a few
 * copies of 32 slots. Two sets with the same members have the same `toJSON`.
 */
export class IdSet {
  static readonly empty = new IdSet(undefined, WIDTH, 0);

  readonly #root: Node | undefined;
  /** A power of 32; every member is below it. */
  readonly #span: number;
  readonly size: number;

  private constructor(root: Node | undefined, span: number, size: number) {
    this.#root = root;
    this.#span = span;
    this.size = size;
  }

  has(id: number): boolean {
    if (id < 0 || id >= this.#span) return false;
    let node = this.#root;
    // Numbers up to 2^53 are too wide for the bit operators, hence the divisions.
    for (let width = this.#span / WIDTH; width >= WIDTH; width /= WIDTH) {
      if (node === undefined) return false;
      node = (node as readonly (Node | undefined)[])[Math.floor(id / width) % WIDTH];
    }
    return node !== undefined && ((node as number) & bit(id)) !== 0;
  }

  add(id: number): IdSet {
    if (this.has(id)) return this;
    let root = this.#root;
    let span = this.#span;
    while (id >= span) {
      root = root === undefined ? undefined : [root];
      span *= WIDTH;
    }
    return new IdSet(added(root, span / WIDTH, id), span, this.size + 1);
  }

  delete(id: number): IdSet {
    if (!this.has(id)) return this;
    if (this.size === 1) return IdSet.empty;
    return new IdSet(deleted(this.#root, this.#span / WIDTH, id), this.#span, this.size - 1);
  }

  /** The members, ascending. */
  toJSON(): number[] {
    const members: number[] = [];
    collect(this.#root, this.#span / WIDTH, 0, members);
    return members;
  }
}

function bit(id: number): number {
  return 1 << (id % WIDTH);
}

/** `width` is the number of ids that each slot of `node` spans; 1 at the bottom. */
function added(node: Node | undefined, width: number, id: number): Node {
  if (width === 1) return ((node as number | undefined) ?? 0) | bit(id);
  const slots = node === undefined ? [] : [...(node as readonly (Node | undefined)[])];
  const slot = Math.floor(id / width) % WIDTH;
  slots[slot] = added(slots[slot], width / WIDTH, id);
  return slots;
}

function deleted(node: Node | undefined, width: number, id: number): Node | undefined {
  if (width === 1) return (node as number) & ~bit(id) || undefined;
  const slots = [...(node as readonly (Node | undefined)[])];
  const slot = Math.floor(id / width) % WIDTH;
  slots[slot] = deleted(slots[slot], width / WIDTH, id);
  return slots.some((child) => child !== undefined) ? slots : undefined;
}

function collect(node: Node | undefined, width: number, base: number, members: number[]): void {
  if (node === undefined) return;
  for (let slot = 0; slot < WIDTH; slot++) {
    if (width === 1) {
      if (((node as number) & bit(slot)) !== 0) members.push(base + slot);
    } else {
      collect((node as readonly (Node | undefined)[])[slot], width / WIDTH, base + slot * width, members);
    }
  }
}
