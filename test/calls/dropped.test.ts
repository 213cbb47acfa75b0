import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { IncomingRequest, Rx, Session, Tx } from '../../src/index.js';
import { channel } from '../../src/index.js';
import type { Message } from '../../src/wire/message.js';
import { established, NOTHING_LEFT, type Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, closeOn, grantOn, itemOn, resetOn, responseOf } from '../support/traffic.js';

// Ends of channels that the garbage collector has taken. Our channel ids are odd, the peer's are even.

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const ABORTED = [{ key: 'aborted', value: 1n, flags: 0n }];

let rig: Rig;
let session: Session;

async function start(options: RigOptions = {}): Promise<void> {
  ({ rig, session } = await established(options));
}

/**
 * Returns the messages that we send after garbage collection. Finalizers may run late, and the code that ran last may still
 * hold references, hence up to ten tries.
 */
async function collected(): Promise<readonly Message[]> {
  const said: Message[] = [];
  for (let tries = 0; said.length === 0 && tries < 10; tries++) {
    await settle();
    collectGarbage();
    await settle();
    said.push(...rig.peer.take());
  }
  return said;
}

/** The peer calls, and names channel 2; the handler does as the test says, and returns at once. */
async function answering(use: (request: IncomingRequest) => void): Promise<void> {
  session.root.serve((request) => {
    use(request);
    return bytes();
  });
  expect((await rig.say(callOf(2, bytes(), { channels: [2] }))).at(-1)).toEqual(responseOf(2, bytes()));
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

// r[rpc.channel.lifecycle]
describe('a receiver that is not reachable any more', () => {
  test('is reset, and what it has not read is dropped', async () => {
    await start({ limits: { inboxBytes: 1000 } });
    await answering(({ channels }) => void channels[0]?.receive());
    const ping: Message = { type: 'Ping', connectionId: 0, nonce: 1n };
    await rig.say(itemOn(2, 1, ...new Array(500)), itemOn(2, 2, ...new Array(500)), itemOn(2, 4), ping);
    expect(await collected()).toEqual([resetOn(2), { ...ping, type: 'Pong' }]);
    expect(await rig.say(itemOn(2, 3), closeOn(2))).toEqual([]);
  });

  test('makes room for another channel', async () => {
    await start({ limits: { channels: 1 } });
    await answering(({ channels }) => void channels[0]?.receive());
    expect(await collected()).toEqual([resetOn(2)]);
    expect(await rig.say(callOf(4, bytes(), { channels: [4] }))).toEqual([responseOf(4, bytes())]);
    expect(await collected()).toEqual([resetOn(4)]);
  });

  test('is kept by a reference to it, outliving its call', async () => {
    await start();
    let held: Rx | undefined;
    await answering(({ channels }) => {
      held = channels[0]?.receive();
    });
    expect(await collected()).toEqual([]);
    await rig.say(itemOn(2, 7));
    expect((await held?.[Symbol.asyncIterator]().next())?.value).toEqual(bytes(7));
  });

  test.each<[string, (rx: Rx) => () => Promise<unknown>]>([
    [
      'a loop of its that waits',
      (rx) => {
        const first = (async () => {
          for await (const item of rx) return item;
          return undefined;
        })();
        return () => first;
      },
    ],
    [
      'its iterator',
      (rx) => {
        const iterator = rx[Symbol.asyncIterator]();
        return async () => (await iterator.next()).value;
      },
    ],
    [
      'its stream',
      (rx) => {
        const { readable } = rx;
        return async () => (await readable.getReader().read()).value;
      },
    ],
  ])('is kept by %s', async (_, use) => {
    await start();
    let first: (() => Promise<unknown>) | undefined;
    await answering(({ channels }) => {
      first = use(channels[0]?.receive() as Rx);
    });
    expect(await collected()).toEqual([]);
    await rig.say(itemOn(2, 7));
    expect(await first?.()).toEqual(bytes(7));
  });

  test('before its channel has even left is reset behind the Call that names it', async () => {
    await start();
    rig.link.hold();
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [channel()[0]] }));
    expect(await collected()).toEqual([]);
    rig.link.take();
    await settle();
    expect(rig.peer.take()).toEqual([callOf(1, bytes(), { channels: [1] }), resetOn(1)]);
  });
});

describe('a sender that is not reachable any more', () => {
  test('gives its channel up, after what waits for credit', async () => {
    await start();
    await answering(({ channels }) => {
      const tx = channels[0]?.send({ credit: 1 }) as Tx;
      void tx.send(bytes(1));
      void tx.send(bytes(2));
    });
    expect(await collected()).toEqual([]);
    expect(await rig.say(grantOn(2, 5))).toEqual([itemOn(2, 2), closeOn(2, ABORTED)]);
  });

  test('gives its channel up also where a user could not say so: the metadata is over the limit', async () => {
    await start({ limits: { metadataBytes: 8 } });
    await answering(({ channels }) => void channels[0]?.send());
    expect(await collected()).toEqual([closeOn(2, ABORTED)]);
  });

  test('has nothing more to say when it was closed', async () => {
    await start();
    await answering(({ channels }) => void channels[0]?.send().close());
    expect(await collected()).toEqual([]);
  });

  test('is kept by its stream', async () => {
    await start();
    let writable: WritableStream<Uint8Array> | undefined;
    await answering(({ channels }) => {
      writable = channels[0]?.send().writable;
    });
    expect(await collected()).toEqual([]);
    await writable?.getWriter().write(bytes(1));
    await settle();
    expect(rig.peer.take()).toEqual([itemOn(2, 1)]);
  });
});

test('an end that was passed is the peer’s: it is nothing to the channel that ours of it is gone', async () => {
  await start();
  let tx: Tx | undefined;
  rig.track(
    'call',
    session.root.caller().call(1n, bytes(), {
      channels: (() => {
        const [ours, rx] = channel();
        tx = ours;
        return [rx];
      })(),
    }),
  );
  expect(await collected()).toEqual([callOf(1, bytes(), { channels: [1] })]);
  await tx?.close();
  await settle();
  expect(rig.peer.take()).toEqual([closeOn(1)]);
});
