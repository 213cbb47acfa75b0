// Odd messages: users without types, or with subclasses of the usual ones, may build them.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { writeDirectly } from '../../src/codec/msgpack/data-frames.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { partsOf } from '../../src/codec/msgpack/writer.js';
import type { Message } from '../../src/wire/message.js';
import { frameOf, usualMessages } from '../support/usual.js';

/** The value of a field that throws when it is read. */
const UNREADABLE = Symbol('unreadable');

/** Bytes of a class whose constructor takes other arguments than those that `subarray` gives. */
class Labelled extends Uint8Array {
  constructor(label: string) {
    super(60);
    this.fill(label.length);
  }
}

const saying = (length: number) => Object.defineProperty(new Uint8Array(9).fill(9), 'length', { value: length });

const ODD: readonly unknown[] = [
  ...[UNREADABLE, undefined, null, true, '', '1', 'Call', 'Item', {}, Symbol.iterator, () => 1],
  ...[-0, 7, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, new Object(1)],
  ...[0n, 1n, -1n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 64n, new Object(1n)],
  ...[[], [1, 2 ** 33], new Array(1), new (class extends Array {})(), Object.assign([], { key: 1 })],
  ...[runInNewContext('[]'), runInNewContext('[3]'), { length: 0 }, new Proxy([], {}), new Proxy([5], {})],
  new Proxy([], { get: (_, key) => (key === 'length' ? 1 : 3) }),
  [{ key: 'k', value: new Labelled('five!'), flags: 0n }],
  [{ key: 'k', value: saying(12), flags: 0n }],
  [{ key: 'k', value: 1, flags: 0n }],
  ...[new Uint8Array(0), Buffer.alloc(300, 3), new Uint8Array(new SharedArrayBuffer(60)), new Labelled('five!')],
  ...[runInNewContext('new Uint8Array(60).fill(6)'), new Proxy(new Uint8Array(5), {}), new Uint8ClampedArray(5)],
  ...[saying(-1), saying(3), saying(12), saying(100), saying(2 ** 33), Object.create(Uint8Array.prototype)],
];

// "The long way" encodes the parts of `partsOf` with msgpackr.
describe('a message, however odd,', () => {
  const another = (usualMessages(1, 3, 1n, 60)[2] as [Message, Uint8Array])[0];
  // With the larger id, every message is written the long way.
  const bases = [...usualMessages(1, 3, 5n, 5), ...usualMessages(1, 2 ** 32, 5n, 5)].map(([message]) => message);

  /** A field, by its object and its name. */
  type Field = readonly ['message' | 'body', string];
  type Fields = Readonly<Record<string, unknown>>;

  function fieldsOf(message: Message): Field[] {
    const { body } = message as { body: object };
    return [
      ...Object.keys(message).map((key) => ['message', key] as const),
      ...Object.keys(body).map((key) => ['body', key] as const),
    ];
  }

  /**
   * Returns a proxy that notes each field that is read. At each read it also encodes another message, as a getter of the
   * application could.
   */
  function watched(fields: unknown, read: string[]): unknown {
    if (typeof fields !== 'object' || fields === null) return fields;
    return new Proxy(fields, {
      get(target, key) {
        read.push(String(key));
        messagePack.encode(another);
        const value: unknown = Reflect.get(target, key);
        if (value === UNREADABLE) throw new Error(`${String(key)} cannot be read`);
        return value;
      },
    });
  }

  /** Encodes such a message with `write`. Returns the frame as hex, or the error, and the fields that were read. */
  function attempt(write: (message: Message) => Uint8Array | undefined, { body, ...message }: Fields) {
    const read: string[] = [];
    try {
      const frame = write(watched({ ...message, body: watched(body, read) }, read) as Message);
      return { result: frame && Buffer.from(frame).toString('hex'), read };
    } catch (error) {
      return { result: String(error), read };
    }
  }

  function spoiled(message: Fields, [where, key]: Field, value: unknown): Fields {
    if (where === 'message') return { ...message, [key]: value };
    return { ...message, body: { ...(message['body'] as object), [key]: value } };
  }

  function expectOneResult(message: Fields): void {
    const long = attempt((whole) => frameOf(...partsOf(whole)), message);
    const direct = attempt(writeDirectly, message);
    expect(direct.result ?? long.result).toBe(long.result);
    expect(direct.read).toEqual(direct.result === undefined ? long.read.slice(0, direct.read.length) : long.read);
    expect(attempt(messagePack.encode, message).result).toBe(long.result);
  }

  it('is the same frame, or the same mistake, whichever way it takes, and read in the same order', () => {
    for (const message of bases) {
      const fields = fieldsOf(message);
      for (const field of fields) for (const value of ODD) expectOneResult(spoiled({ ...message }, field, value));
    }
  });

  it('is read no further than to its first mistake', () => {
    for (const message of bases) {
      const fields = fieldsOf(message);
      for (const wrong of fields)
        for (const unreadable of fields)
          expectOneResult(spoiled(spoiled({ ...message }, unreadable, UNREADABLE), wrong, null));
    }
  });
});
