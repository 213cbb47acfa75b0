import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isNativeAccelerationEnabled } from 'msgpackr';
import type { Message } from '../../src/wire/message.js';
import { CODECS } from '../support/codecs.js';
import { arbitraryMessage, bare, DEFAULT_LIMITS, sameMessage } from '../support/messages.js';

const LARGE = { metadataEntries: 1 << 20, metadataBytes: 1 << 24 };

// Importing msgpackr's main entry, as any other user of it in a process may, switches its native accelerator on for all,
// where that is installed. bytes.test.ts and hostile.test.ts run without.
const accelerated = isNativeAccelerationEnabled ? 'with' : 'without';
describe.each(CODECS)(`a message, encoded and decoded by %s ${accelerated} the accelerator`, (_, codec) => {
  it('is the same in every field, over their whole ranges', () => {
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        expect(sameMessage(codec.decode(codec.encode(message), DEFAULT_LIMITS), bare(message))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('is the same for bytes in any kind of memory', () => {
    fc.assert(
      fc.property(arbitraryMessage, fc.nat({ max: 9 }), fc.nat({ max: 9 }), (message, before, after) => {
        const bytes = codec.encode(message);
        const room = Buffer.alloc(before + bytes.length + after, 0xc1);
        room.set(bytes, before);
        const decoded = codec.decode(room.subarray(before, before + bytes.length), DEFAULT_LIMITS);
        expect(sameMessage(decoded, bare(message))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([0, 1, 15, 16, 31, 32, 63, 64, 65, 255, 256, 5000, 65_535, 65_536, 1 << 20])(
    'keeps strings and bytes of every length: %d',
    (length) => {
      for (const letter of ['a', 'é', '€', '😀', '\uFEFF']) {
        const value = letter.repeat(length);
        const message: Message = {
          type: 'ConnectionClose',
          connectionId: 1,
          metadata: [
            { key: value, value, flags: 0n },
            { key: 'bytes', value: new Uint8Array(length).fill(0xd3), flags: 0n },
          ],
        };
        expect(sameMessage(codec.decode(codec.encode(message), LARGE), message)).toBe(true);
      }
    },
  );

  it('keeps every length about the size of the buffer that msgpackr reads from', () => {
    for (let length = 4070; length < 4110; length++) {
      const message: Message = { type: 'ProtocolError', connectionId: 0, description: 'v'.repeat(length) };
      expect(codec.decode(codec.encode(message), DEFAULT_LIMITS)).toEqual(message);
    }
  });

  it('keeps more list elements than each form of an array header holds', () => {
    for (const length of [15, 16, 65_535, 65_536]) {
      const channels = Array.from({ length }, (_, index) => index * 2 ** 33);
      const message: Message = {
        type: 'RequestMessage',
        connectionId: 0,
        id: 1,
        body: { type: 'Response', channels, metadata: [], ret: new Uint8Array(3) },
      };
      expect(sameMessage(codec.decode(codec.encode(message), DEFAULT_LIMITS), bare(message))).toBe(true);
    }
  });
});

describe.each(CODECS)('what encode of %s returns', (_, codec) => {
  it('stays as it is when others are encoded and decoded afterwards', () => {
    fc.assert(
      fc.property(fc.array(arbitraryMessage, { minLength: 2, maxLength: 40 }), (messages) => {
        const frames = messages.map((message) => codec.encode(message));
        const copies = frames.map((frame) => frame.slice());
        for (const frame of frames) codec.decode(frame, DEFAULT_LIMITS);
        expect(frames).toEqual(copies);
      }),
      { numRuns: 100 },
    );
  });

  it('is whole where the memory that frames share ends', () => {
    // Some ten bytes each: 7 000 of them end the memory of 32 KiB at least once, within a frame.
    const { length } = codec.encode(item(new Uint8Array(4)));
    for (let index = 0; index < 7000; index++) {
      const bytes = codec.encode(item(new Uint8Array(4).fill(index)));
      if (bytes.length !== length || bytes[length - 1] !== index % 256) throw new Error(`frame ${String(index)}`);
    }
  });

  it('shares its memory with other short frames: memory of its own would cost more than all the rest', () => {
    const frames = Array.from({ length: 100 }, () => codec.encode(item(new Uint8Array(4))));
    expect(new Set(frames.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2);
  });

  it('keeps at most 32 KiB alive besides itself', () => {
    for (const length of [0, 100, 8000, 8180, 8192, 40_000, 1 << 20]) {
      const bytes = codec.encode(item(new Uint8Array(length)));
      expect(bytes.buffer.byteLength - bytes.length).toBeLessThanOrEqual(32 * 1024);
    }
  });

  it('does not change with the payload that it was made of', () => {
    const payload = new Uint8Array(100).fill(1);
    const bytes = codec.encode(item(payload));
    payload.fill(2);
    expect(codec.decode(bytes, DEFAULT_LIMITS)).toEqual(item(new Uint8Array(100).fill(1)));
  });
});

describe.each(CODECS)('what decode of %s returns', (_, codec) => {
  it('shares the payload with the frame, and nothing else', () => {
    const message = (value: Uint8Array, ret: Uint8Array): Message => ({
      type: 'RequestMessage',
      connectionId: 0,
      id: 1,
      body: { type: 'Response', channels: [], metadata: [{ key: 'k', value, flags: 0n }], ret },
    });
    const three = (byte: number): Uint8Array => new Uint8Array(3).fill(byte);
    const frame = codec.encode(message(three(1), three(1))).slice();
    const decoded = codec.decode(frame, DEFAULT_LIMITS);
    frame.fill(2);
    codec.decode(codec.encode(message(three(3), three(3))), DEFAULT_LIMITS);
    expect(decoded).toEqual(message(three(1), three(2)));
  });
});

function item(bytes: Uint8Array): Message {
  return { type: 'ChannelMessage', connectionId: 0, id: 1, body: { type: 'Item', item: bytes } };
}
