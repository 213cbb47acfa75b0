import { InvalidPayload } from '../base/errors.js';
import { EXTENSION, MAX_DEPTH, MAX_OBJECTS } from './msgpack-layout.js';
import type { ChannelHandle, PayloadCodec } from './payload.js';

// Decodes payloads of a peer in one pass. It never reads past the end, and allocates no memory only because a header claims
// a size. It refuses values that JavaScript would change: two equal keys, a key __proto__, text that is not UTF-8.

/** Longer strings are decoded with a TextDecoder. */
const SHORT = 16;

/**
 * Bytes of at least this share of the payload are a view of it. A smaller view would keep the rest of the payload in memory.
 */
const VIEW_SHARE = 2;

// `fatal`, since otherwise invalid UTF-8 would be replaced. `ignoreBOM`, since a byte order mark is a character of the text.
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const CHARACTERS = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));

type Take = NonNullable<Parameters<PayloadCodec['decode']>[1]>;

class Reader {
  readonly #bytes: Uint8Array;
  readonly #take: Take | undefined;
  #view: DataView | undefined;
  #at = 0;
  #objects = 0;

  constructor(bytes: Uint8Array, take: Take | undefined) {
    this.#bytes = bytes;
    this.#take = take;
  }

  payload(): unknown {
    const value = this.#value(0, false);
    if (this.#at !== this.#bytes.length) throw malformed('bytes after the end of the value');
    return value;
  }

  /** `isListed`: the value is within an array below the top, where no channel may be. */
  #value(depth: number, isListed: boolean): unknown {
    const bytes = this.#bytes;
    const format = bytes[this.#at++];
    if (format === undefined) throw truncated();
    if (format < 0x80) return format;
    if (format >= 0xe0) return format - 0x100;
    if (format < 0x90) return this.#map(format & 0x0f, depth, isListed);
    if (format < 0xa0) return this.#array(format & 0x0f, depth);
    if (format < 0xc0) return this.#string(format & 0x1f);
    switch (format) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#unsigned(1 << (format - 0xc4)));
      case 0xca:
        return this.#numbers.getFloat32(this.#advance(4));
      case 0xcb:
        return this.#numbers.getFloat64(this.#advance(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (format - 0xcc));
      case 0xcf:
        return this.#numbers.getBigUint64(this.#advance(8));
      case 0xd0:
        return this.#numbers.getInt8(this.#advance(1));
      case 0xd1:
        return this.#numbers.getInt16(this.#advance(2));
      case 0xd2:
        return this.#numbers.getInt32(this.#advance(4));
      case 0xd3:
        return this.#numbers.getBigInt64(this.#advance(8));
      case 0xd4:
        return this.#extension(isListed);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned(1 << (format - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(2 << (format - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 << (format - 0xde)), depth, isListed);
      default:
        throw malformed(format === 0xc1 ? 'the byte 0xc1, which MessagePack never uses' : 'an extension');
    }
  }

  #array(count: number, depth: number): unknown[] {
    this.#enter(depth);
    // Each element takes at least one byte, so a header that claims more elements than bytes left is wrong.
    if (count > this.#bytes.length - this.#at) throw truncated();
    // Most lists are the arguments of a call, or a result in its envelope. A list that grows takes memory for 17 elements.
    if (count === 1) return [this.#value(depth + 1, depth > 0)];
    if (count === 2) return [this.#value(depth + 1, depth > 0), this.#value(depth + 1, depth > 0)];
    const list: unknown[] = [];
    for (let left = count; left > 0; left--) list.push(this.#value(depth + 1, depth > 0));
    return list;
  }

  #map(count: number, depth: number, isListed: boolean): Record<string, unknown> {
    this.#enter(depth);
    const object: Record<string, unknown> = {};
    for (let left = count; left > 0; left--) {
      const key = this.#key();
      if (key === '__proto__') throw malformed('a key __proto__');
      if (Object.hasOwn(object, key)) throw malformed('a key twice');
      object[key] = this.#value(depth + 1, isListed);
    }
    return object;
  }

  #key(): string {
    const format = this.#bytes[this.#at++];
    if (format === undefined) throw truncated();
    if (format >= 0xa0 && format < 0xc0) return this.#string(format & 0x1f);
    if (format >= 0xd9 && format <= 0xdb) return this.#string(this.#unsigned(1 << (format - 0xd9)));
    throw malformed('a key that is no string');
  }

  #string(length: number): string {
    const start = this.#advance(length);
    const end = this.#at;
    const bytes = this.#bytes;
    if (length <= SHORT) {
      let text = '';
      let at = start;
      for (; at < end; at++) {
        const character = CHARACTERS[bytes[at] as number];
        if (character === undefined) break;
        text += character;
      }
      if (at === end) return text;
    }
    try {
      return textDecoder.decode(bytes.subarray(start, end));
    } catch (error) {
      throw malformed('a string that is not UTF-8', error);
    }
  }

  #binary(length: number): Uint8Array {
    this.#count();
    const start = this.#advance(length);
    const { buffer, byteOffset } = this.#bytes;
    // A plain Uint8Array, also if the payload is Node's Buffer.
    const view = new Uint8Array(buffer, byteOffset + start, length);
    return length * VIEW_SHARE < this.#bytes.length ? view.slice() : view;
  }

  #extension(isListed: boolean): ChannelHandle | undefined {
    const start = this.#advance(2);
    const type = this.#bytes[start];
    const data = this.#bytes[start + 1] as number;
    if (type === EXTENSION.undefined && data === 0) return undefined;
    if (type !== EXTENSION.rx && type !== EXTENSION.tx) throw malformed('an extension');
    // r[rpc.channel.no-collections]
    if (this.#take === undefined || isListed) throw malformed('a channel where none can be');
    return this.#take(type === EXTENSION.rx ? 'rx' : 'tx', data);
  }

  #enter(depth: number): void {
    if (depth >= MAX_DEPTH) throw malformed('a value nested too deep');
    this.#count();
  }

  #count(): void {
    if (++this.#objects > MAX_OBJECTS) throw malformed(`more than ${MAX_OBJECTS} arrays, objects and byte strings`);
  }

  /** A big-endian integer of 1, 2 or 4 bytes. */
  #unsigned(size: number): number {
    const start = this.#advance(size);
    let value = 0;
    for (let at = start; at < this.#at; at++) value = value * 0x100 + (this.#bytes[at] as number);
    return value;
  }

  /** Skips so many bytes, which must exist; returns the index where they begin. */
  #advance(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) throw truncated();
    this.#at = start + count;
    return start;
  }

  get #numbers(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view;
  }
}

export function decode(bytes: Uint8Array, take?: Take): unknown {
  return new Reader(bytes, take).payload();
}

function truncated(): InvalidPayload {
  return malformed('it ends too early');
}

function malformed(what: string, cause?: unknown): InvalidPayload {
  return new InvalidPayload(`malformed payload: ${what}`, cause);
}
