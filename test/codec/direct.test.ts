// Compares the frames that are written and read without msgpackr with those of msgpackr.
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProtocolError } from '../../src/base/errors.js';
import { readDirectly, writeDirectly } from '../../src/codec/msgpack/data-frames.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { partsOf } from '../../src/codec/msgpack/writer.js';
import type { Message } from '../../src/wire/message.js';
import { arbitraryMessage, bare, DEFAULT_LIMITS, exampleMessages, sameMessage } from '../support/messages.js';
import { frameOf, usualMessages } from '../support/usual.js';

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

/** Messages with each number at each of its boundaries, the other numbers having usual values. */
const boundaries = [
  ...INTEGERS.flatMap((number) => [...usualMessages(number, 3, 1n, 5), ...usualMessages(1, number, 1n, 5)]),
  ...METHODS.flatMap((methodId) => usualMessages(1, 3, methodId, 5)),
  ...LENGTHS.flatMap((length) => usualMessages(1, 3, 1n, length)),
];

/** Returns the same message with a longer array header. Such a frame is not read directly. */
function longer(frame: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(0xdc, 0, (frame[0] ?? 0) - 0x90), frame.subarray(1)]);
}

/** Returns the decoded message, or the text of the error. */
function outcome(frame: Uint8Array): Message | string {
  try {
    return messagePack.decode(frame, DEFAULT_LIMITS);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return `${error.message} ${error.side} ${String(error.rule)} ${String(error.limit)}`;
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
      expect(sameMessage(read, bare(message))).toBe(true);
      expect(sameMessage(messagePack.decode(longer(frame), DEFAULT_LIMITS), bare(message))).toBe(true);
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

describe('a message of another kind', () => {
  const TEXTS = [0, 1, 31, 32, 47, 48, 49, 255, 256, 65_535, 65_536];
  const COUNTS = [1, 15, 16, 65_535, 65_536];

  it.each(['a', 'é', '€', '😀'])('is written as msgpackr would: texts of every length, of %s', (letter) => {
    for (const length of TEXTS) {
      const value = letter.repeat(length);
      const metadata = [{ key: value, value, flags: 2n ** 63n - 1n }];
      expectSame({ type: 'ConnectionClose', connectionId: 2 ** 32, metadata });
      expectSame({ type: 'ProtocolError', connectionId: 0, description: `a${value}` });
    }
  });

  it('is written as msgpackr would: bytes of every length', () => {
    for (const length of LENGTHS) {
      const metadata = [{ key: 'k', value: new Uint8Array(length).fill(0xd3), flags: 0n }];
      expectSame({ type: 'ConnectionReject', connectionId: 1, metadata });
      const body = { type: 'Response', channels: [1], metadata, ret: new Uint8Array(length).fill(7) } as const;
      expectSame({ type: 'RequestMessage', connectionId: 1, id: 3, body });
    }
  });

  it('is written as msgpackr would: lists of every length, and every number in them', () => {
    const ids = [...INTEGERS, 2 ** 32, 2 ** 53 - 1];
    for (const count of COUNTS) {
      const channels = Array.from({ length: count }, (_, index) => ids[index % ids.length] as number);
      const body = { type: 'Call', methodId: 2n ** 64n - 1n, channels, metadata: [], args: new Uint8Array(3) } as const;
      expectSame({ type: 'RequestMessage', connectionId: 1, id: 3, body });
    }
    for (const nonce of METHODS) expectSame({ type: 'Ping', connectionId: 0, nonce });
  });

  /** Expects the frame to be that of msgpackr. */
  function expectSame(message: Message): void {
    expect(writeDirectly(message)).toBeUndefined();
    expect(Buffer.compare(messagePack.encode(message), frameOf(...partsOf(message)))).toBe(0);
  }
});

describe('everything else', () => {
  const usual = usualMessages(1, 3, 1n, 5).map(([message]) => message) as Extract<Message, { body: unknown }>[];

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
      if (read !== undefined) expect(sameMessage(read, bare(message))).toBe(true);
      else expect(writeDirectly(message)).toBeUndefined();
    }
  });

  it('is the same message, or the same mistake, whichever element is another one', () => {
    for (const right of FRAMES.map((frame) => frame.split(' '))) {
      const header = (0x90 + right.length).toString(16);
      const bodies = [...right.keys()].flatMap((at) => ELEMENTS.map((element) => right.with(at, element).join('')));
      for (const body of bodies)
        for (const more of ['', '00']) expectOneOutcome(Buffer.from(header + body + more, 'hex'));
      for (const body of bodies) expectOneOutcome(Buffer.from(header + body, 'hex').subarray(0, -1));
      for (let count = 0; count < 16; count++)
        expectOneOutcome(Buffer.from(`9${count.toString(16)}${right.join('')}`, 'hex'));
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
          // Keep a header that a longer header can stand for.
          for (const { at, to } of changes) bytes[Math.min(1 + at, bytes.length - 1)] = to;
          bytes[0] = 0x90 | ((bytes[0] ?? 0) & 0xf);
          expect(isSame(outcome(bytes), outcome(longer(bytes)))).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

/** Checks that both ways give the same result, down to the order of the fields and the class of the bytes. */
function expectOneOutcome(frame: Uint8Array): void {
  const all = { depth: 9, maxArrayLength: 400 };
  expect(inspect(outcome(frame), all)).toBe(inspect(outcome(longer(frame)), all));
}

/**
 * The elements of a frame of each kind, as hex, and the replacements for each: any format, long or short, complete or not.
 */
const FRAMES = ['01 07 03 00 05 90 90 c401ff', '01 07 03 01 90 90 c401ff', '01 08 03 00 c401ff', '01 08 03 03 10'];
const ELEMENTS = [
  '|00|01|02|03|07|08|7f|80|8100|90|9100|9190|9f|a0|a161|bf|c0|c1|c2|c3|c4|c400|c40100|c4ff|c5|c50000|c5000107|c501|c6|c600000000',
  'c60000000107|c6000001|c6ffffffff|c70101aa|c8000101aa|ca00000000|cb0000000000000000|cc|cc00|cc07|ccff|cd|cd0000|cd0008|cd01',
  'cdffff|ce|ce00000000|ce00000003|ce0000|ceffffffff|cf|cf0000000000000001|cf00000000|cf0020000000000000|cfffffffffffffffff',
  'd001|d0ff|d10001|d200000001|d2ffffffff|d30000000000000001|d401aa|d900|d90161|da0000|db00000000|dc0000|dc0001|dc000100',
  'dd00000000|de0000|df00000000|e0|ff',
].flatMap((row) => row.split('|'));
