import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { channel } from '../../src/calls/channel.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { postcardPayload, t } from '../../src/payload/postcard/index.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { initiate } from '../../src/session/default-codec.js';
import type { Message } from '../../src/wire/message.js';
import { acceptOf, established, openOf, type RigOptions } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { bytes, callOf, cancelOf, grantOn, itemOn, resetOn } from '../support/traffic.js';

// The official Rust peer, scripted: rows 9.33 to 9.37 of what real peers do. Row 9.31 has a file of its own:
// test/session/pacing.test.ts.

const RUST: RigOptions = { peer: 'roam-rust-7' };

describe('emptyRejects (9.33)', () => {
  const entry = { key: 'why', value: 'no room', flags: 0n };
  const onConnection = () => ({ type: 'reject', metadata: [entry] }) as const;

  test.each([
    ['without it', {}, [entry]],
    ['with it', { emptyRejects: true }, []],
    ['with the preset for Rust', RUST, []],
    ['with the option before the preset', { ...RUST, emptyRejects: false }, [entry]],
  ] as const)('%s: what a Reject carries', async (_, options, metadata) => {
    const { rig } = await established({ onConnection, ...options });
    expect(await rig.say(openOf(2))).toEqual([{ type: 'ConnectionReject', connectionId: 2, metadata }]);
  });
});

describe('maxUnconsumed (9.34)', () => {
  const isItem = ({ type }: Message): boolean => type === 'ChannelMessage';

  /**
   * Counts the items, of 200, that have left at first and after each grant. Each grant has the size that the peer grants at
   * a time.
   */
  async function counts(options: RigOptions, credit: number): Promise<readonly number[]> {
    const { rig, session } = await established(options);
    const [tx, theirRx] = channel<Uint8Array>({ credit });
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [theirRx] }));
    for (const number of upTo(200)) rig.track(`${number}`, tx.send(bytes(number)));
    const left = [(await rig.heard()).filter(isItem).length];
    // The peer grants half of the initial credit as soon as it has consumed that much.
    const half = Math.max(1, Math.floor(credit / 2));
    for (let consumed = half; consumed <= (left.at(-1) as number) && left.length < 4; ) {
      left.push((left.at(-1) as number) + (await rig.say(grantOn(1, half))).filter(isItem).length);
      consumed += half;
    }
    return left;
  }

  test.each([
    ['nothing is held back without it', {}, 128, [128, 192, 200]],
    ['credit below it is as ever', RUST, 16, [16, 24, 32, 40]],
    ['at it', RUST, 64, [64, 96, 128, 160]],
    ['one above it', RUST, 65, [64, 96, 128, 160]],
    ['at twice as much', RUST, 128, [64, 128, 192]],
    ['another number', { ...RUST, maxUnconsumed: 3 }, 4, [3, 5, 7, 9]],
    ['no number', { ...RUST, maxUnconsumed: Number.POSITIVE_INFINITY }, 128, [128, 192, 200]],
  ] as const)('%s', async (_, options, credit, expected) => {
    expect((await counts(options, credit)).slice(0, expected.length)).toEqual(expected);
  });

  test('the ends that a handler takes are held back, too', async () => {
    const { rig, session } = await established(RUST);
    session.root.serve(({ channels: [offer] }) => {
      const tx = offer?.send({ credit: 100 });
      for (const number of upTo(100)) tx?.send(bytes(number));
      return bytes();
    });
    expect((await rig.say(callOf(2, bytes(), { channels: [2] }))).filter(isItem)).toHaveLength(64);
  });

  const define = (credit: number) =>
    service(
      'Wide',
      { fine: method(), sum: method({ args: t.args(t.u32, t.rx(t.i32, { credit })) }) },
      {
        codec: postcardPayload,
      },
    );
  const untyped = service('Loose', { sum: method<[], void>({ credit: 129 }) });
  const refusal = new InvalidArgument(
    'Wide.sum: the credit of the channel args[1] is 129, and a peer that holds 64 items (maxUnconsumed) takes at most 128',
  );

  test('a service with more than twice as much is refused by name when it is opened or served', async () => {
    const { rig, session } = await established(RUST);
    expect(() => define(129).client(session.root)).toThrow(refusal);
    await expect(session.open(define(129))).rejects.toThrow(refusal);
    const implementation = { fine: () => {}, sum: () => {} };
    expect(() => session.root.serve(define(129).handler(implementation as never))).toThrow(refusal);
    expect(() => untyped.client(session.root)).toThrow(
      'Loose.sum: the credit of its channels is 129, and a peer that holds 64 items (maxUnconsumed) takes at most 128',
    );
    // Nothing has left.
    expect(await rig.heard()).toEqual([]);
    define(128).client(session.root);
    session.root.serve(define(128).handler(implementation as never));
  });

  test('and not without the option', async () => {
    const { session } = await established();
    expect(() => define(129).client(session.root)).not.toThrow();
  });

  test.each([
    [0, 'maxUnconsumed must be an integer from 1 to 9007199254740991, or Infinity, not 0'],
    [1.5, 'maxUnconsumed must be an integer from 1 to 9007199254740991, or Infinity, not 1.5'],
    ['64', "maxUnconsumed must be an integer from 1 to 9007199254740991, or Infinity, not '64'"],
  ])('InvalidArgument for %j', async (maxUnconsumed, message) => {
    const [near] = memoryLinkPair();
    await expect(initiate(near, { maxUnconsumed } as never)).rejects.toThrow(new InvalidArgument(message));
  });
});

describe('a handler that sends on a channel that we have reset (9.35)', () => {
  test.each([
    ['its signal', async (_: number, controller: AbortController) => controller.abort()],
    [
      'its timeout',
      async (time: number, __: AbortController, advance: (time: number) => Promise<void>) => advance(time),
    ],
  ])('is freed by the Cancel of a call that is given up by %s', async (_, giveUp) => {
    const { rig, session } = await established(RUST);
    const controller = new AbortController();
    const [theirTx, rx] = channel<Uint8Array>();
    const options = { channels: [theirTx], signal: controller.signal, timeout: 100 };
    rig.track('call', session.root.caller().call(1n, bytes(), options));
    await rig.heard();
    await rig.say(itemOn(1, 1));
    rx.reset();
    expect(await rig.heard()).toEqual([resetOn(1)]);
    await giveUp(100, controller, (time) => rig.clock.advance(time));
    expect(await rig.heard()).toEqual([cancelOf(1)]);
  });
});

test('calls in flight on a connection that we close are settled by us (9.37)', async () => {
  const { rig, session } = await established(RUST);
  const opening = session.open();
  await rig.say(acceptOf(1));
  const connection = await opening;
  const [theirTx, rx] = channel<Uint8Array>();
  rig.track('call', connection.caller().call(1n, bytes(), { channels: [theirTx] }));
  rig.track('item', rx[Symbol.asyncIterator]().next());
  await rig.heard();
  await connection.close();
  await rig.heard();
  const closed = { name: 'ConnectionClosed', message: 'connection 1 was closed by us' };
  expect(rig.settled).toMatchObject({ call: closed, item: closed });
});
