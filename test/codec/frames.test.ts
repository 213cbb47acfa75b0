import { describe, expect, it } from '@jest/globals';
import {
  allocate,
  allocateAround,
  allocatePayload,
  isLent,
  lend,
  release,
  withHeader,
  withPrefix,
} from '../../src/base/frame-memory.js';

const KIB = 1024;

describe('the memory of a released frame', () => {
  it('is that of the next one of about its length, and of no other', () => {
    const frame = allocate(16 * KIB + 9);
    release(frame);
    expect(allocate(15 * KIB).buffer).not.toBe(frame.buffer);
    expect(allocate(17 * KIB + 1).buffer).not.toBe(frame.buffer);
    const next = allocate(16 * KIB + 1);
    expect(next.buffer).toBe(frame.buffer);
    expect(next).toHaveLength(16 * KIB + 1);
    expect(allocate(16 * KIB + 9).buffer).not.toBe(frame.buffer);
  });

  it.each([1, 1_000, KIB, 64 * KIB + 1, 1024 * KIB])('is not used again where that is no gain: %d', (length) => {
    const frame = allocate(length);
    const at = [frame.buffer, frame.byteOffset];
    release(frame);
    const next = allocate(length);
    expect([next.buffer === at[0], next.byteOffset === at[1]]).not.toEqual([true, true]);
  });

  it.each([KIB + 1, 2 * KIB, 64 * KIB])('is used again at both ends of the range: %d', (length) => {
    const frame = allocate(length);
    expect(frame).toHaveLength(length);
    release(frame);
    expect(allocate(length).buffer).toBe(frame.buffer);
  });

  it('is not used again where the frame is none of these', () => {
    const foreign = [
      new Uint8Array(10_000),
      new Uint8Array(10 * KIB),
      new Uint8Array(new SharedArrayBuffer(11 * KIB)),
      new Uint8Array(new ArrayBuffer(10 * KIB), 1, 10 * KIB - 1),
      new Uint8Array(new ArrayBuffer(11 * KIB), 0, 10 * KIB),
      new Uint8Array(new ArrayBuffer(64 * KIB), 0, 10 * KIB),
    ];
    for (const frame of foreign) release(frame);
    for (let length = 9 * KIB; length < 65 * KIB; length += KIB / 2) {
      const { buffer } = allocate(length);
      expect(foreign.some((frame) => frame.buffer === buffer)).toBe(false);
    }
  });

  it('is kept up to 2 MiB in all', () => {
    const frames = Array.from({ length: 40 }, () => allocate(64 * KIB));
    for (const frame of frames) release(frame);
    const buffers = new Set(frames.map(({ buffer }) => buffer));
    const again = Array.from({ length: 40 }, () => allocate(64 * KIB)).filter(({ buffer }) => buffers.has(buffer));
    expect(again).toHaveLength(32);
    expect(new Set(again.map(({ buffer }) => buffer)).size).toBe(32);
  });
});

describe('the memory of a payload', () => {
  function payloadOf(length: number): Uint8Array {
    const payload = allocatePayload(length + 5)
      .subarray(0, length)
      .fill(7);
    lend(payload);
    return payload;
  }

  it('has room for the frame that is written around it, and for the length before that', () => {
    const payload = payloadOf(3000);
    const frame = allocateAround(payload, 36) as Uint8Array;
    expect([frame.buffer, frame.length]).toEqual([payload.buffer, 3036]);
    expect(frame.subarray(36)).toEqual(payload);
    const whole = withPrefix(frame) as Uint8Array;
    expect([whole.buffer, whole.byteOffset, whole.length]).toEqual([frame.buffer, frame.byteOffset - 4, 3040]);
  });

  it('takes one frame only: a second one would overwrite the first', () => {
    const payload = payloadOf(3000);
    expect(allocateAround(payload, 10)?.buffer).toBe(payload.buffer);
    expect(allocateAround(payload, 10)).toBeUndefined();
  });

  it('takes no frame whose fields do not fit before the payload, and none of another payload', () => {
    expect(allocateAround(payloadOf(3000), 37)).toBeUndefined();
    const payload = payloadOf(3000);
    expect(allocateAround(payload.subarray(), 10)).toBeUndefined();
    expect(allocateAround(new Uint8Array(3000), 10)).toBeUndefined();
    const next = payloadOf(3000);
    expect(allocateAround(payload, 10)?.buffer).toBe(payload.buffer);
    expect(allocateAround(next, 10)?.buffer).toBe(next.buffer);
  });

  it('serves the next payload of about its length once its frame is released, if it was lent', () => {
    const payload = allocatePayload(3000);
    lend(payload);
    expect(allocatePayload(3000).buffer).not.toBe(payload.buffer);
    const frame = allocateAround(payload, 10) as Uint8Array;
    release(frame.subarray(1));
    expect(allocatePayload(3000).buffer).not.toBe(payload.buffer);
    release(frame);
    expect(allocatePayload(5000).buffer).not.toBe(payload.buffer);
    const next = allocatePayload(2999);
    expect([next.buffer, next.length]).toEqual([payload.buffer, 2999]);
    // The memory is in use again, so a second release of the old frame changes nothing.
    release(frame);
    expect(allocatePayload(3000).buffer).not.toBe(payload.buffer);
  });

  it('may wait as it is while it is lent and has no frame', () => {
    const payload = allocatePayload(3000);
    expect(isLent(payload)).toBe(false);
    lend(payload);
    expect([payload, payload.subarray(), new Uint8Array(3000)].map(isLent)).toEqual([true, false, false]);
    allocateAround(payload, 10);
    expect(isLent(payload)).toBe(false);
  });

  it('has no frame written around it, and is not used again, if it was not lent: its owner may still need it', () => {
    const payload = allocatePayload(3000);
    expect(allocateAround(payload, 10)).toBeUndefined();
    release(payload);
    expect(allocatePayload(3000).buffer).not.toBe(payload.buffer);
  });

  it('is that of a slab, if the payload is short: the frame of the one that was lent last is written around it', () => {
    const slab = new Uint8Array(1000);
    const [first, second, kept] = [slab.subarray(100, 110), slab.subarray(200, 210), slab.subarray(300, 310)];
    lend(first);
    lend(second);
    expect(allocateAround(first, 10)).toBeUndefined();
    const frame = allocateAround(second, 12) as Uint8Array;
    expect([frame.buffer, frame.byteOffset, frame.length]).toEqual([slab.buffer, 188, 22]);
    expect(allocateAround(second, 12)).toBeUndefined();
    // Its owner may still change a payload that was not lent.
    expect(allocateAround(kept, 12)).toBeUndefined();
    lend(kept);
    expect(allocateAround(kept, 41)).toBeUndefined();
    release(frame);
    expect(allocate(22).buffer).not.toBe(slab.buffer);
  });

  it('has room for a header before a short frame, once, while no other one was written', () => {
    const slab = new Uint8Array(1000);
    const short = (at: number, head: number): Uint8Array => {
      const payload = slab.subarray(at, at + 10);
      lend(payload);
      return allocateAround(payload, head) as Uint8Array;
    };
    const frame = short(200, 30);
    const headed = withHeader(frame, 10) as Uint8Array;
    expect([headed.buffer, headed.byteOffset, headed.length]).toEqual([slab.buffer, 160, 50]);
    expect(withHeader(frame, 10)).toBeUndefined();
    expect(withHeader(short(300, 30), 11)).toBeUndefined();
    const older = short(400, 30);
    short(500, 30);
    expect(withHeader(older, 10)).toBeUndefined();
  });

  it('has room for a header before the frame, and for the length before that', () => {
    const frame = allocateAround(payloadOf(3000), 20) as Uint8Array;
    const headed = withHeader(frame, 16) as Uint8Array;
    expect([headed.buffer, headed.byteOffset, headed.length]).toEqual([frame.buffer, frame.byteOffset - 16, 3036]);
    const whole = withPrefix(headed) as Uint8Array;
    expect([whole.buffer, whole.byteOffset, whole.length]).toEqual([frame.buffer, 0, 3040]);
    expect(withPrefix(frame)).toBeUndefined();
  });

  it('has no room for a header that does not fit, nor before a part of the frame', () => {
    const frame = allocateAround(payloadOf(3000), 20) as Uint8Array;
    expect(withHeader(frame, 17)).toBeUndefined();
    expect(withHeader(frame.subarray(1), 3)).toBeUndefined();
    expect(withHeader(new Uint8Array(3000), 3)).toBeUndefined();
    expect(withPrefix(frame)?.length).toBe(3024);
  });

  it('serves the next payload when a frame with a header is released, and that one has no header', () => {
    const payload = allocatePayload(3000);
    lend(payload);
    const frame = allocateAround(payload, 10) as Uint8Array;
    withHeader(frame, 4);
    release(frame);
    const next = allocatePayload(3000);
    expect(next.buffer).toBe(payload.buffer);
    lend(next);
    expect(withPrefix(allocateAround(next, 12) as Uint8Array)?.length).toBe(3016);
  });

  it('has no room for a length before a part of the frame: what is there may be a part, too', () => {
    const frame = allocateAround(payloadOf(3000), 10) as Uint8Array;
    expect([frame.subarray(0, 100), frame.subarray(100), frame.subarray(10)].map(withPrefix)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(withPrefix(allocate(3000))).toBeUndefined();
  });
});
