// What is written and read without msgpackr, against what msgpackr makes of it.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { readDirectly, writeDirectly } from '../../src/codec/direct.js';
import { messagePack } from '../../src/codec/msgpack.js';
import { partsOf } from '../../src/codec/writer.js';
import { ProtocolError } from '../../src/errors.js';
import type { Message } from '../../src/wire/message.js';
import { arbitraryMessage, DEFAULT_LIMITS, exampleMessages, sameMessage } from '../support/messages.js';

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false, variableMapSize: true });

const INTEGERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const METHODS = [
  ...INTEGERS.map(BigInt),
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  0x0123_4567_89ab_cdefn,
  2n ** 64n - 1n,
];
const LENGTHS = [0, 1, 47, 48, 49, 0xff, 0x100, 8_179, 8_192, 0xffff, 0x1_0000, 0x1_0001];

type Element = number | bigint | string | Uint8Array | readonly Element[];

/** What msgpackr makes of each element, behind the header of an array. A bigint it would take for a signed integer. */
function frameOf(...elements: readonly Element[]): Uint8Array {
  return Buffer.concat([Buffer.of(0x90 + elements.length), ...elements.map(elementOf)]);
}

function elementOf(element: Element): Uint8Array {
  if (Array.isArray(element)) return frameOf(...(element as Element[]));
  // Whatever else its object may say: its own bytes.
  if (ArrayBuffer.isView(element)) return packr.pack(new Uint8Array(element));
  if (typeof element !== 'bigint') return packr.pack(element);
  if (element <= 0xffff_ffffn) return packr.pack(Number(element));
  const bytes = Buffer.alloc(9, 0xcf);
  bytes.writeBigUInt64BE(element, 1);
  return bytes;
}

/** A message of each of the four kinds, and its frame: with these numbers, and a payload of that length. */
function cases(connectionId: number, id: number, methodId: bigint, length: number): [Message, Uint8Array][] {
  const payload = Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + 7) % 256));
  const request = { type: 'RequestMessage', connectionId, id } as const;
  const channel = { type: 'ChannelMessage', connectionId, id } as const;
  const lists = { channels: [], metadata: [] };
  return [
    [
      { ...request, body: { type: 'Call', methodId, ...lists, args: payload } },
      frameOf(connectionId, 7, id, 0, methodId, [], [], payload),
    ],
    [
      { ...request, body: { type: 'Response', ...lists, ret: payload } },
      frameOf(connectionId, 7, id, 1, [], [], payload),
    ],
    [{ ...channel, body: { type: 'Item', item: payload } }, frameOf(connectionId, 8, id, 0, payload)],
    [{ ...channel, body: { type: 'GrantCredit', additional: id } }, frameOf(connectionId, 8, id, 3, id)],
  ];
}

/** Each number at each of its boundaries, and the others as they usually are. */
const boundaries = [
  ...INTEGERS.flatMap((number) => [...cases(number, 3, 1n, 5), ...cases(1, number, 1n, 5)]),
  ...METHODS.flatMap((methodId) => cases(1, 3, methodId, 5)),
  ...LENGTHS.flatMap((length) => cases(1, 3, 1n, length)),
];

/** The same message, its array under a longer header: what is not read directly. */
function longer(frame: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(0xdc, 0, (frame[0] ?? 0) - 0x90), frame.subarray(1)]);
}

/** The message that is decoded, or what is said to be wrong. */
function outcome(frame: Uint8Array): Message | string {
  try {
    return messagePack.decode(frame, DEFAULT_LIMITS);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.message;
  }
}

function isSame(left: Message | string, right: Message | string): boolean {
  return typeof left === 'string' || typeof right === 'string' ? left === right : sameMessage(left, right);
}

describe('a message of the usual kinds', () => {
  it('is written as msgpackr would, at each boundary of each number and length', () => {
    for (const [message, frame] of boundaries) {
      expect(Buffer.compare(writeDirectly(message) as Uint8Array, frame)).toBe(0);
    }
  });

  it('is read from that, and from Buffers into plain bytes', () => {
    for (const [message, frame] of boundaries) {
      const read = readDirectly(frame) as Message;
      expect(sameMessage(read, message)).toBe(true);
      expect(sameMessage(messagePack.decode(longer(frame), DEFAULT_LIMITS), message)).toBe(true);
      if (read.type === 'ChannelMessage' && read.body.type === 'Item')
        expect(read.body.item.constructor).toBe(Uint8Array);
    }
  });

  it('is read from integers in longer forms than they need', () => {
    const call = { type: 'Call', methodId: 5n, channels: [], metadata: [], args: new Uint8Array([9]) } as const;
    const frame = Buffer.from(
      '98cc01cd0007ce00000003cc00cf00000000000000059090c60000000109'.replaceAll(' ', ''),
      'hex',
    );
    expect(readDirectly(frame)).toEqual({ type: 'RequestMessage', connectionId: 1, id: 3, body: call });
  });
});

describe('everything else', () => {
  const usual = cases(1, 3, 1n, 5).map(([message]) => message) as Extract<Message, { body: unknown }>[];

  it('is not written directly: other messages, channels, metadata, larger ids, and what is wrong', () => {
    const spoiled = usual.flatMap((message) => [
      { ...message, connectionId: 2 ** 32 },
      { ...message, id: 2 ** 32 },
      ...[-1, 0.5, Number.NaN, '1', 1n, undefined].flatMap((wrong) => [
        { ...message, connectionId: wrong },
        { ...message, id: wrong },
      ]),
      { ...message, body: undefined },
      { ...message, body: null },
      { ...message, body: 'Call' },
      { ...message, body: { ...message.body, type: 'Other' } },
      ...Object.keys(message.body).flatMap((key) =>
        [undefined, null, -1, -1n, 0.5, 2 ** 32, 2n ** 64n, '', 'wrong', [1], { length: 0 }, new Uint16Array(2)].map(
          (wrong) => ({ ...message, body: { ...message.body, [key]: wrong } }),
        ),
      ),
    ]);
    const others = exampleMessages.filter(({ type }) => type !== 'RequestMessage' && type !== 'ChannelMessage');
    for (const message of [...spoiled, ...others, null, undefined, 5, 'RequestMessage', { type: 'RequestMessage' }]) {
      expect(writeDirectly(message as Message)).toBeUndefined();
    }
  });

  it('is not read directly', () => {
    for (const message of exampleMessages) {
      const frame = messagePack.encode(message);
      expect(readDirectly(longer(frame))).toBeUndefined();
      const read = readDirectly(frame);
      if (read !== undefined) expect(sameMessage(read, message)).toBe(true);
      else expect(writeDirectly(message)).toBeUndefined();
    }
  });

  it('is the same message, or the same mistake, whichever way it takes', () => {
    const usualFrame = fc.constantFrom(...boundaries.map(([, frame]) => frame).filter(({ length }) => length < 100));
    const anyFrame = arbitraryMessage.map((message) => messagePack.encode(message));
    const change = fc.record({ at: fc.nat({ max: 40 }), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fc.oneof(usualFrame, anyFrame),
        fc.array(change, { maxLength: 2 }),
        fc.integer({ min: -3, max: 3 }),
        (frame, changes, more) => {
          const bytes = Buffer.concat([frame, Buffer.alloc(3)]).subarray(0, Math.max(1, frame.length + more));
          // The header stays one that a longer one can stand for.
          for (const { at, to } of changes) bytes[Math.min(1 + at, bytes.length - 1)] = to;
          bytes[0] = 0x90 | ((bytes[0] ?? 0) & 0xf);
          expect(isSame(outcome(bytes), outcome(longer(bytes)))).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

/** What a field is while it cannot be read. */
const UNREADABLE = Symbol('unreadable');

/** Bytes whose class makes something else of the arguments that `subarray` gives it. */
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

// The long way is `partsOf`, and what msgpackr makes of its parts.
describe('a message, however odd,', () => {
  const another = (cases(1, 3, 1n, 60)[2] as [Message, Uint8Array])[0];
  // The larger id has the writer take all of them the long way.
  const bases = [...cases(1, 3, 5n, 5), ...cases(1, 2 ** 32, 5n, 5)].map(([message]) => message);

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

  /** An object that tells what of it is read, by whoever writes a message meanwhile. */
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

  /** What `write` makes of such a message, as hex or an error, and what it reads for that. */
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
