// The results that callers get where a session has no handler that answers, by the session's codec.
import { afterEach, describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { type Pair, pairOf } from '../service/pair.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

let pair: Pair | undefined;

afterEach(async () => {
  await pair?.end();
  pair = undefined;
});

describe('a session', () => {
  it.each([
    ['postcard', postcard, ['0101', '0103']],
    ['MessagePack', messagePack, ['92019101', '92019103']],
  ] as const)('refuses calls without a handler as its codec says: %s', async (_, codec, expected) => {
    pair = await pairOf([], { codec });
    const { session, server } = pair;
    // The server has no handler, but it reads its root, since it makes a call there.
    session.root.serve(() => new Uint8Array(0));
    await server.root.caller().call(1n, new Uint8Array(0));
    const caller = session.root.caller();
    const unknown = await caller.call(1n, new Uint8Array(0));
    server.root.serve(() => {
      throw new Error('broken');
    });
    const broken = await caller.call(1n, new Uint8Array(0));
    expect([unknown, broken].map(({ ret }) => hexOf(ret))).toEqual(expected);
  });

  it.each([
    [5, 'codec.refusals must be an object, not 5'],
    [{}, 'codec.refusals.unknownMethod must be a Uint8Array, not undefined'],
  ])('takes no codec whose refusals are none: %p', async (refusals, text) => {
    await expect(pairOf([], { codec: { ...postcard, refusals } as never })).rejects.toEqual(new InvalidArgument(text));
  });
});
