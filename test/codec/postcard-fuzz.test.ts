// The law of a decoder: random and mutated frames are a message or a ProtocolError, and nothing else. FRAMES says how many.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { DEFAULT_LIMITS, exampleMessages, sameMessage } from '../support/messages.js';

const COUNT = Number(process.env['FRAMES'] ?? 1_000_000);

const recorded: string[] = JSON.parse(readFileSync(new URL('postcard-frames.json', import.meta.url), 'utf8'));
const seeds = [...recorded.map((hex) => Buffer.from(hex, 'hex')), ...exampleMessages.map(postcard.encode)];

/** xorshift32: cheaper for each frame than fast-check, and a seed is enough to reproduce a failure. */
let state = 0;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const room = new Uint8Array(160);

/** A recorded frame, or random bytes; then up to four changes of a byte, a length, a varint or a half of another frame. */
function frame(): Uint8Array {
  let length = random(40);
  if (random(8) === 0) for (let at = 0; at < length; at++) room[at] = random(256);
  else length = put(0, 0);
  for (let left = random(5); left > 0; left--) {
    const at = random(length + 1);
    switch (random(6)) {
      case 0:
        room[at] = (room[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        room[at] = random(256);
        break;
      case 2:
        length = at;
        break;
      case 3:
        length = Math.min(length + random(12), 100);
        room.copyWithin(at + random(12), at, 100);
        break;
      case 4:
        for (let next = at + random(11); next >= at; next--) room[next] = 0x80 | random(128);
        break;
      default:
        length = put(at, random(20));
    }
  }
  return room.subarray(0, length);
}

/** Writes a recorded frame from its byte `from` on to `at`; gives where it ends. */
function put(at: number, from: number): number {
  const part = (seeds[random(seeds.length)] as Uint8Array).subarray(from, from + 100 - Math.min(at, 100));
  room.set(part, at);
  return Math.min(at, 100) + part.length;
}

const limit = Error.stackTraceLimit;
beforeAll(() => {
  // Most frames are refused, and a stack trace costs more than all the rest.
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = limit;
});

it(
  `${COUNT} random and mutated frames are messages, which encode and decode to themselves, or ProtocolErrors`,
  () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31) | 1;
    state = seed;
    let messages = 0;
    for (let index = 0; index < COUNT; index++) {
      const bytes = frame();
      try {
        const message = postcard.decode(bytes, DEFAULT_LIMITS);
        messages++;
        if (index % 8 === 0 && !sameMessage(postcard.decode(postcard.encode(message), DEFAULT_LIMITS), message)) {
          throw new Error('it encodes to another message');
        }
      } catch (error) {
        if (error instanceof ProtocolError) continue;
        throw new Error(`SEED=${seed}, frame ${index}: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
      }
    }
    // Neither half of the law goes untested.
    expect(messages / COUNT).toBeGreaterThan(0.05);
    expect(messages / COUNT).toBeLessThan(0.95);
  },
  10_000 + COUNT / 20,
);
