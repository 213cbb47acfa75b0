import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { testCodec } from '../../src/testing/index.js';
import { ALL_CODECS } from '../support/codecs.js';

describe.each(ALL_CODECS)('the suite for codecs, on %s:', (_, codec) => {
  for (const { name, run } of testCodec({ codec })) test(name, run);
});

async function failuresOf(codec: Codec): Promise<string[]> {
  const failures: string[] = [];
  for (const { name, run } of testCodec({ codec, frames: 300 })) {
    await run().catch(() => failures.push(name));
  }
  return failures;
}

/** Codecs with one mistake each, and a case that finds it. */
const BROKEN: readonly (readonly [string, Partial<Codec>, string])[] = [
  [
    'loses a field',
    { decode: (frame, limits) => ({ ...postcard.decode(frame, limits), connectionId: 0 }) },
    'integers',
  ],
  [
    'throws something else',
    {
      decode: () => {
        throw new TypeError('no');
      },
    },
    'a frame cut short anywhere',
  ],
  [
    'writes into a frame again',
    {
      encode: (() => {
        const arena = new Uint8Array(2 ** 18);
        return (message) => {
          const frame = postcard.encode(message);
          arena.set(frame);
          return arena.subarray(0, frame.length);
        };
      })(),
    },
    'a frame stays as it is',
  ],
  [
    'has no limits',
    { decode: (frame) => postcard.decode(frame, { metadataEntries: 99, metadataBytes: 2 ** 20 }) },
    'decode takes metadata up to metadataEntries',
  ],
  [
    'takes a malformed frame',
    { malformed: [{ name: 'a Ping', field: 'nonce', bytes: Uint8Array.of(0, 9, 1) }] },
    'a Ping is refused',
  ],
  [
    'names no field',
    { malformed: [{ name: 'a tag', field: 'label', bytes: Uint8Array.of(0, 11) }] },
    'a tag is refused',
  ],
  [
    'gives Buffers',
    { decode: (frame, limits) => withBuffers(postcard.decode(frame, limits)) },
    'what is decoded has plain',
  ],
];

function withBuffers(message: ReturnType<Codec['decode']>): ReturnType<Codec['decode']> {
  if (message.type !== 'RequestMessage' || message.body.type !== 'Response') return message;
  return { ...message, body: { ...message.body, ret: Buffer.from(message.body.ret) } };
}

test.each(BROKEN)('the suite for codecs finds one that %s', async (_, mistake, name) => {
  const failures = await failuresOf({ ...postcard, ...mistake });
  expect(failures.filter((each) => each.startsWith(name))).not.toEqual([]);
});

test('the suite for codecs refuses what is no codec', () => {
  expect(() => testCodec({ codec: { ...messagePack, decode: undefined } as never })).toThrow(InvalidArgument);
});
