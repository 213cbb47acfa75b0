import { Rx, Tx } from '../calls/channel.js';
import { isBytes, isWellFormed } from '../codec/writer.js';
import { InvalidArgument } from '../errors.js';
import type { ChannelHandle } from './payload.js';
import { EXTENSION, MAX_CHANNELS, MAX_DEPTH, MAX_OBJECTS } from './payload-layout.js';

// Not msgpackr, which the frames go through: its extensions, ours too, are the whole process's, and it writes whatever
// it is given somehow: a class as a map, a function as nothing. What is written here is read back as it was, or refused.

/** Payloads are cut from slabs: memory of its own costs a small one more than all the rest. */
const SLAB = 32 * 1024;

/** Longer strings go through TextEncoder. */
const SHORT = 64;

const textEncoder = new TextEncoder();

class Writer {
  #bytes = new Uint8Array(SLAB);
  #view = new DataView(this.#bytes.buffer);
  /** Where the payload begins, and how far it is written. */
  #start = 0;
  #at = 0;
  #objects = 0;
  #ends: ChannelHandle[] | undefined;
  /** The way to the value that is being written, for errors. */
  readonly #path: (string | number)[] = [];

  payloadOf(value: unknown, ends: ChannelHandle[] | undefined): Uint8Array {
    this.#objects = 0;
    this.#ends = ends;
    this.#start = this.#at;
    try {
      this.#value(value, 0, false);
      return this.#bytes.subarray(this.#start, this.#at);
    } catch (error) {
      this.#at = this.#start;
      throw error;
    } finally {
      this.#ends = undefined;
    }
  }

  /** `isListed`: within an array of the value's own, where no channel may be. */
  #value(value: unknown, depth: number, isListed: boolean): void {
    switch (typeof value) {
      case 'number':
        this.#number(value);
        return;
      case 'string':
        this.#string(value, depth);
        return;
      case 'boolean':
        this.#byte(value ? 0xc3 : 0xc2);
        return;
      case 'undefined':
        this.#extension(EXTENSION.undefined, 0);
        return;
      case 'bigint':
        this.#bigint(value, depth);
        return;
      case 'object':
        if (value === null) this.#byte(0xc0);
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
    } else if (isBytes(value)) {
      this.#binary(value);
    } else {
      this.#map(value as Record<string, unknown>, depth, isListed);
    }
  }

  #array(list: readonly unknown[], depth: number, isListed: boolean): void {
    if (depth >= MAX_DEPTH) throw this.#unfit(depth, `nesting deeper than ${MAX_DEPTH}, or a cycle`);
    const { length } = list;
    if (length < 16) this.#byte(0x90 | length);
    else this.#header(length, 0, 0xdc);
    for (let index = 0; index < length; index++) {
      this.#path[depth] = index;
      this.#value(list[index], depth + 1, isListed);
    }
  }

  #map(object: Record<string, unknown>, depth: number, isListed: boolean): void {
    if (depth >= MAX_DEPTH) throw this.#unfit(depth, `nesting deeper than ${MAX_DEPTH}, or a cycle`);
    const prototype: unknown = Object.getPrototypeOf(object);
    // That of a plain object of any realm has none itself.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw this.#unfit(depth, `a ${(prototype as object).constructor?.name || 'class'}`);
    }
    const keys = Object.keys(object);
    const { length } = keys;
    if (length < 16) this.#byte(0x80 | length);
    else this.#header(length, 0, 0xde);
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
    this.#extension(end instanceof Rx ? EXTENSION.rx : EXTENSION.tx, ends.length);
    ends.push(end);
  }

  #extension(type: number, data: number): void {
    this.#reserve(3);
    this.#bytes[this.#at++] = 0xd4;
    this.#bytes[this.#at++] = type;
    this.#bytes[this.#at++] = data;
  }

  #number(value: number): void {
    this.#reserve(9);
    // Also tells -0 from 0, which no integer format does.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= 0) this.#unsigned(value);
      else this.#negative(value);
    } else if (value >>> 0 === value && value > 0) {
      this.#unsigned(value);
    } else {
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  /** Below 2^32; the room is there. */
  #unsigned(value: number): void {
    const bytes = this.#bytes;
    if (value < 0x80) {
      bytes[this.#at++] = value;
    } else if (value < 0x100) {
      bytes[this.#at++] = 0xcc;
      bytes[this.#at++] = value;
    } else if (value < 0x1_0000) {
      bytes[this.#at] = 0xcd;
      this.#view.setUint16(this.#at + 1, value);
      this.#at += 3;
    } else {
      bytes[this.#at] = 0xce;
      this.#view.setUint32(this.#at + 1, value);
      this.#at += 5;
    }
  }

  /** From −2^31. */
  #negative(value: number): void {
    const bytes = this.#bytes;
    if (value >= -0x20) {
      bytes[this.#at++] = value;
    } else if (value >= -0x80) {
      bytes[this.#at++] = 0xd0;
      bytes[this.#at++] = value;
    } else if (value >= -0x8000) {
      bytes[this.#at] = 0xd1;
      this.#view.setInt16(this.#at + 1, value);
      this.#at += 3;
    } else {
      bytes[this.#at] = 0xd2;
      this.#view.setInt32(this.#at + 1, value);
      this.#at += 5;
    }
  }

  #bigint(value: bigint, depth: number): void {
    this.#reserve(9);
    if (BigInt.asIntN(64, value) === value) {
      this.#bytes[this.#at] = 0xd3;
      this.#view.setBigInt64(this.#at + 1, value);
    } else if (BigInt.asUintN(64, value) === value) {
      this.#bytes[this.#at] = 0xcf;
      this.#view.setBigUint64(this.#at + 1, value);
    } else {
      throw this.#unfit(depth, 'a bigint of more than 64 bits');
    }
    this.#at += 9;
  }

  #string(value: string, depth: number): void {
    const { length } = value;
    // UTF-8 takes up to three bytes for a unit of UTF-16; a header up to five.
    this.#reserve(5 + 3 * length);
    if (length <= SHORT && this.#ascii(value)) return;
    // As long as its characters are of one byte each; moved where they are not.
    const guess = stringHeader(length);
    const body = this.#at + guess;
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(body));
    const header = stringHeader(written);
    if (header !== guess) this.#bytes.copyWithin(this.#at + header, body, body + written);
    if (written !== length && !isWellFormed(value)) throw this.#unfit(depth, 'a string with a lone surrogate');
    if (written < 32) this.#byte(0xa0 | written);
    else this.#header(written, 0xd9, 0xda);
    this.#at += written;
  }

  /** Whether it was ASCII, and is written. */
  #ascii(value: string): boolean {
    const { length } = value;
    const bytes = this.#bytes;
    let at = this.#at;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  #binary(value: Uint8Array): void {
    this.#header(value.length, 0xc4, 0xc5);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** A format with a length of 8 bits, where there is one, or of 16; the one of 32 bits comes next to that. */
  #header(length: number, format8: number, format16: number): void {
    this.#reserve(5);
    if (length < 0x100 && format8 !== 0) {
      this.#bytes[this.#at++] = format8;
      this.#bytes[this.#at++] = length;
    } else if (length < 0x1_0000) {
      this.#bytes[this.#at] = format16;
      this.#view.setUint16(this.#at + 1, length);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = format16 + 1;
      this.#view.setUint32(this.#at + 1, length);
      this.#at += 5;
    }
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count);
  }

  /** Goes on in a new slab, with what there is of this payload. */
  #grow(count: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at);
    const needed = written.length + count;
    this.#bytes = new Uint8Array(needed <= SLAB ? SLAB : Math.max(needed, 2 * written.length));
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(written);
    this.#start = 0;
    this.#at = written.length;
  }

  #unfit(depth: number, what: string): InvalidArgument {
    const where = this.#path.slice(0, depth).map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`));
    const name = `value${where.join('')}`;
    return new InvalidArgument(`${name} can't be represented: ${what}`);
  }
}

function stringHeader(length: number): number {
  return length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
}

/** The one that is not at work: a getter of a user's may encode something itself. */
let idle: Writer | undefined;

export function encode(value: unknown, ends?: ChannelHandle[]): Uint8Array {
  const writer = idle ?? new Writer();
  idle = undefined;
  try {
    return writer.payloadOf(value, ends);
  } finally {
    idle = writer;
  }
}
