import { bytesLength } from '../base/bytes.js';
import { InvalidArgument } from '../base/errors.js';
import { excerpt } from '../base/printable.js';
import { Rx, Tx } from '../calls/channel.js';
import { EXTENSION, MAX_CHANNELS, MAX_DEPTH, MAX_OBJECTS } from './msgpack-layout.js';
import type { ChannelHandle } from './payload.js';
import { Slab } from './slab.js';

// Not msgpackr, which encodes the frames: its extensions are shared by the whole process, ours too, and it writes every
// value in some way: a class as a map, a function as nothing. This writer refuses values that would change.

/** Characters of the path to a value, which is as long as its keys: the error's text needs room for the reason behind it. */
const MAX_PATH = 384;

class Writer {
  readonly #slab = new Slab();
  #objects = 0;
  #ends: ChannelHandle[] | undefined;
  /** The path to the value that is being written, for errors. */
  readonly #path: (string | number)[] = [];

  payloadOf(value: unknown, ends: ChannelHandle[] | undefined, isLent: boolean): Uint8Array {
    this.#objects = 0;
    this.#ends = ends;
    this.#slab.begin();
    try {
      this.#value(value, 0, false);
      return this.#slab.finish(isLent);
    } finally {
      this.#ends = undefined;
    }
  }

  /** `isListed`: the value is within an array below the top, where no channel may be. */
  #value(value: unknown, depth: number, isListed: boolean): void {
    switch (typeof value) {
      case 'number':
        this.#slab.number(value);
        return;
      case 'string':
        this.#string(value, depth);
        return;
      case 'boolean':
        this.#slab.byte(value ? 0xc3 : 0xc2);
        return;
      case 'undefined':
        this.#slab.extension(EXTENSION.undefined, 0);
        return;
      case 'bigint':
        if (!this.#slab.bigint(value)) throw this.#unfit(depth, 'a bigint of more than 64 bits');
        return;
      case 'object':
        if (value === null) this.#slab.byte(0xc0);
        else this.#object(value, depth, isListed);
        return;
      default:
        throw this.#unfit(depth, `a ${typeof value}`);
    }
  }

  #object(value: object, depth: number, isListed: boolean): void {
    if (value instanceof Rx || value instanceof Tx) {
      this.#channel(value, depth, isListed);
      return;
    }
    if (++this.#objects > MAX_OBJECTS) throw this.#unfit(depth, `more than ${MAX_OBJECTS} arrays, objects and bytes`);
    if (Array.isArray(value)) {
      // The outermost one is the list of arguments, or the envelope of a result.
      this.#array(value, depth, depth > 0);
      return;
    }
    const length = bytesLength(value);
    if (length !== undefined) this.#slab.binary(value as Uint8Array, length);
    else this.#map(value as Record<string, unknown>, depth, isListed);
  }

  #array(list: readonly unknown[], depth: number, isListed: boolean): void {
    if (depth >= MAX_DEPTH) throw this.#unfit(depth, `nesting deeper than ${MAX_DEPTH}, or a cycle`);
    const { length } = list;
    if (length < 16) this.#slab.byte(0x90 | length);
    else this.#slab.header(length, 0, 0xdc);
    for (let index = 0; index < length; index++) {
      this.#path[depth] = index;
      this.#value(list[index], depth + 1, isListed);
    }
  }

  #map(object: Record<string, unknown>, depth: number, isListed: boolean): void {
    if (depth >= MAX_DEPTH) throw this.#unfit(depth, `nesting deeper than ${MAX_DEPTH}, or a cycle`);
    const prototype: unknown = Object.getPrototypeOf(object);
    // The prototype of a plain object, of any realm, has no prototype itself.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw this.#unfit(depth, `a ${(prototype as object).constructor?.name || 'class'}`);
    }
    const keys = Object.keys(object);
    const { length } = keys;
    if (length < 16) this.#slab.byte(0x80 | length);
    else this.#slab.header(length, 0, 0xde);
    for (const key of keys) {
      this.#path[depth] = key;
      if (key === '__proto__') throw this.#unfit(depth + 1, 'a key __proto__');
      this.#string(key, depth + 1);
      this.#value(object[key], depth + 1, isListed);
    }
  }

  // r[rpc.channel.no-collections]
  #channel(end: ChannelHandle, depth: number, isListed: boolean): void {
    const ends = this.#ends;
    if (ends === undefined) throw this.#unfit(depth, 'an end of a channel in an item');
    if (isListed) throw this.#unfit(depth, 'an end of a channel within an array');
    if (ends.length >= MAX_CHANNELS) throw this.#unfit(depth, `more than ${MAX_CHANNELS} channels`);
    this.#slab.extension(end instanceof Rx ? EXTENSION.rx : EXTENSION.tx, ends.length);
    ends.push(end);
  }

  #string(value: string, depth: number): void {
    if (!this.#slab.string(value)) throw this.#unfit(depth, 'a string with a lone surrogate');
  }

  #unfit(depth: number, what: string): InvalidArgument {
    const where = this.#path.slice(0, depth).map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`));
    const name = `value${where.join('')}`;
    return new InvalidArgument(`${excerpt(name, MAX_PATH)} can't be represented: ${what}`);
  }
}

/**
 * The writer that is not in use. A getter of the application's value may encode another value, which needs a second writer.
 */
let idle: Writer | undefined;

export function encode(value: unknown, ends?: ChannelHandle[], isLent = false): Uint8Array {
  const writer = idle ?? new Writer();
  idle = undefined;
  try {
    return writer.payloadOf(value, ends, isLent);
  } finally {
    idle = writer;
  }
}
