import { afterEach, describe, expect, test } from '@jest/globals';
import type { Handler, OfferedChannel, Rx, ServeOptions, Session, Tx } from '../../src/index.js';
import { channel, InvalidArgument } from '../../src/index.js';
import type { Message } from '../../src/wire/message.js';
import { take } from '../support/items.js';
import { established, NOTHING_LEFT, type Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import {
  accusationIn,
  bytes,
  callOf,
  cancelOf,
  closeOn,
  grantOn,
  INVALID_PAYLOAD,
  itemOn,
  resetOn,
  responseOf,
} from '../support/traffic.js';

// Channels that a Call or a Response names, until the application takes an end of them. The test plays the peer; the peer's
// ids are even.

let rig: Rig;
let session: Session;

async function start(options: RigOptions = {}): Promise<void> {
  ({ rig, session } = await established(options));
}

/** The peer names channel 2 in a call. The handler passes the channel to `use`. */
async function offered(
  use: (channel: OfferedChannel) => void,
  options: RigOptions = {},
  serving: ServeOptions = {},
): Promise<void> {
  await start(options);
  const handler: Handler = ({ channels, signal }) => {
    use(channels[0] as OfferedChannel);
    // The call lasts until it is aborted.
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(bytes()));
    });
  };
  session.root.serve(handler, serving);
  await rig.say(callOf(2, bytes(), { channels: [2] }));
}

/** The peer's items 0, 1, … on its channel 2. */
const itemsOn2 = (count: number): Message[] => Array.from({ length: count }, (_, at) => itemOn(2, at));

/** 9a.17: checks the answer to one item more than there is credit and room for. */
function expectOverrun(answers: readonly Message[], conformance: 'reference' | 'strict'): void {
  if (conformance === 'reference') expect(answers).toEqual([resetOn(2)]);
  else expect(accusationIn(answers)).toBe('rpc.flow-control.credit');
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

// r[rpc.channel.lifecycle]
describe('a channel that the peer names', () => {
  test('may be spoken on before the handler takes its end, up to the initial credit', async () => {
    let channel_: OfferedChannel | undefined;
    await offered((channel) => {
      channel_ = channel;
    });
    await rig.say(itemOn(2, 1), itemOn(2, 2), closeOn(2));
    const rx = channel_?.receive();
    expect(await take(rx as Rx, 3)).toEqual([1, 2]);
    expect(() => channel_?.receive()).toThrow(new InvalidArgument('channel 2 is bound already, or over'));
  });

  // 9a.17, r[rpc.flow-control.credit.initial]: n − 1, n, n + 1
  test.each([undefined, 0, 1, 4, 16, 40])(
    'keeps a credit of %s before anybody takes it, and no item more',
    async (credit) => {
      const agreed = credit ?? 16;
      for (const conformance of ['reference', 'strict'] as const) {
        for (const count of [agreed - 1, agreed, agreed + 1]) {
          if (count < 0) continue;
          let channel_: OfferedChannel | undefined;
          const keep = (channel: OfferedChannel): void => {
            channel_ = channel;
          };
          await offered(keep, { conformance }, credit === undefined ? {} : { credit });
          const answers = await rig.say(...itemsOn2(count));
          if (count > agreed) expectOverrun(answers, conformance);
          else {
            expect(answers).toEqual([]);
            expect(await take(channel_?.receive() as Rx, count)).toEqual(Array.from({ length: count }, (_, at) => at));
          }
          session.shutdown();
          await session.closed;
        }
      }
    },
  );

  test('has the credit that is said of its method, whichever end is taken', async () => {
    let channel_: OfferedChannel | undefined;
    const keep = (channel: OfferedChannel): void => {
      channel_ = channel;
    };
    await offered(keep, {}, { credit: (methodId) => (methodId === 1n ? 2 : 16) });
    const tx = channel_?.send() as Tx;
    for (const at of [1, 2, 3]) void tx.send(bytes(at));
    expect(await rig.heard()).toEqual([itemOn(2, 1), itemOn(2, 2)]);
  });

  test('has 16 where what the handler says of its method makes no sense, which is reported', async () => {
    await offered(() => {}, {}, { credit: () => -1 });
    expect(await rig.say(...itemsOn2(16))).toEqual([]);
    expect(await rig.say(itemOn(2, 16))).toEqual([resetOn(2)]);
    const message = 'the credit of method 1 on connection 0 is not known';
    expect(rig.reports).toMatchObject([
      { kind: 'handler-failed', id: 0, message, error: { code: 'invalid-argument' } },
    ]);
    expect(() => session.root.serve(() => bytes(), { credit: 1.5 })).toThrow(InvalidArgument);
  });

  test('stops the session reading once what is kept on it fills limits.inboxBytes, until its end is taken and read', async () => {
    let channel_: OfferedChannel | undefined;
    const keep = (channel: OfferedChannel): void => {
      channel_ = channel;
    };
    await offered(keep, { limits: { inboxBytes: 1000 } });
    const ping: Message = { type: 'Ping', connectionId: 0, nonce: 1n };
    await rig.say(itemOn(2, 1, ...new Array(500)), itemOn(2, 2, ...new Array(500)));
    expect(await rig.say(itemOn(2, 3), ping)).toEqual([]);
    const rx = channel_?.receive() as Rx;
    expect(await rig.heard()).toEqual([]);
    // The item that waited for room comes behind those that were kept.
    expect(await take(rx, 3)).toEqual([1, 2, 3]);
    expect(await rig.heard()).toEqual([{ ...ping, type: 'Pong' }]);
  });

  test('lets the session read on when what is kept on it is given up', async () => {
    await offered(() => {}, { limits: { inboxBytes: 1000 } });
    await rig.say(itemOn(2, 1, ...new Array(400)), itemOn(2, 2, ...new Array(400)));
    const ping: Message = { type: 'Ping', connectionId: 0, nonce: 1n };
    rig.peer.say(ping);
    session.root.markFailure(2, 'enough');
    expect((await rig.heard()).map(({ type }) => type)).toEqual(['RequestMessage', 'ChannelMessage', 'Pong']);
  });

  test('is taken with options that are an object', async () => {
    let channel_: OfferedChannel | undefined;
    await offered((channel) => {
      channel_ = channel;
    });
    const error = new InvalidArgument('options must be an object, not 5');
    expect(() => channel_?.receive(5 as never)).toThrow(error);
    expect(() => channel_?.send(5 as never)).toThrow(error);
  });

  test('gives its sender what was granted before', async () => {
    let channel_: OfferedChannel | undefined;
    await offered((channel) => {
      channel_ = channel;
    });
    await rig.say(grantOn(2, 1), grantOn(2, 1));
    const tx = channel_?.send({ credit: 0 }) as Tx;
    for (const at of [1, 2, 3]) void tx.send(bytes(at));
    expect(await rig.heard()).toEqual([itemOn(2, 1), itemOn(2, 2)]);
  });

  test('and that its receiver has reset meanwhile takes nothing any more', async () => {
    let channel_: OfferedChannel | undefined;
    await offered((channel) => {
      channel_ = channel;
    });
    await rig.say(resetOn(2));
    await expect(channel_?.send().send(bytes(1))).rejects.toMatchObject({ name: 'ChannelClosed', by: 'peer' });
    expect(await rig.heard()).toEqual([]);
  });

  // r[rpc.cancel.channels]
  test('outlives its call: neither its answer nor its Cancel ends it', async () => {
    let rx: Rx | undefined;
    await offered((channel) => {
      rx = channel.receive();
    });
    await rig.say(cancelOf(2), itemOn(2, 7));
    expect(await take(rx as Rx, 1)).toEqual([7]);
  });

  // 9a.21
  test('and that was not taken when the call is answered is declined as soon as its direction is known', async () => {
    await start();
    session.root.serve(() => bytes());
    await rig.say(callOf(2, bytes(), { channels: [2, 4] }));
    expect(await rig.say(itemOn(2, 1), itemOn(2, 2), grantOn(4, 1))).toEqual([resetOn(2), closeOn(4)]);
  });

  // r[rpc.channel.binding]
  test('in a Response is offered to the caller', async () => {
    await start();
    const calling = session.root.caller().call(1n, bytes());
    await settle();
    await rig.say(responseOf(1, bytes(), [2]), itemOn(2, 5));
    const rx = (await calling).channels[0]?.receive() as Rx;
    expect(await take(rx, 1)).toEqual([5]);
  });

  // r[rpc.flow-control.credit.initial]: n, n + 1
  test.each(['reference', 'strict'] as const)(
    'in a Response that comes too late is declined: its sender is told to stop, and it makes room (%s)',
    async (conformance) => {
      await start({ conformance, limits: { channels: 1 } });
      const caller = session.root.caller();
      for (const [id, named] of [
        [1, 2],
        [3, 4],
      ] as const) {
        const controller = new AbortController();
        rig.track(`call ${id}`, caller.call(1n, bytes(), { signal: controller.signal }));
        await settle();
        controller.abort();
        await rig.heard();
        expect(await rig.say(responseOf(id, bytes(), [named]), itemOn(named, 1), itemOn(named, 2))).toEqual([
          resetOn(named),
        ]);
        expect(await rig.say(closeOn(named))).toEqual([]);
      }
      rig.track('another', caller.call(1n, bytes()));
      await settle();
      await rig.say(responseOf(5, bytes(), [6]));
      expect(rig.settled['another']).toMatchObject({ channels: [{ id: 6 }] });
    },
  );

  test.each([0, 4, 40])('in a Response has the credit that its call was made with: %i', async (credit) => {
    for (const conformance of ['reference', 'strict'] as const) {
      for (const count of [credit, credit + 1]) {
        await start({ conformance });
        const calling = session.root.caller().call(1n, bytes(), { credit });
        await settle();
        rig.peer.take();
        const answers = await rig.say(responseOf(1, bytes(), [2]), ...itemsOn2(count));
        if (count > credit) expectOverrun(answers, conformance);
        else {
          expect(answers).toEqual([]);
          const rx = (await calling).channels[0]?.receive() as Rx;
          expect(await take(rx, count)).toHaveLength(count);
        }
        session.shutdown();
        await session.closed;
      }
    }
  });

  test('by us, in a Response, is the caller’s', async () => {
    await start();
    const [tx, rx] = channel();
    session.root.serve(() => ({ ret: bytes(), channels: [rx] }));
    void tx.send(bytes(1));
    expect(await rig.say(callOf(2, bytes()))).toEqual([responseOf(2, bytes(), [1]), itemOn(1, 1)]);
  });

  test.each(['reference', 'strict'] as const)(
    'is one of no more than limits.channels: the call that names more fails alone (%s)',
    async (conformance) => {
      await start({ conformance, limits: { channels: 2 } });
      const taken: Rx[] = [];
      session.root.serve(({ channels }) => {
        taken.push(...channels.map((channel) => channel.receive()));
        return bytes();
      });
      await rig.say(callOf(2, bytes(), { channels: [2] }), callOf(4, bytes(), { channels: [4] }));
      expect(await rig.say(callOf(6, bytes(), { channels: [6] }))).toEqual([responseOf(6, INVALID_PAYLOAD)]);
      // The peer sent these before it got the refusal.
      expect(await rig.say(itemOn(6, 1), itemOn(6, 2), closeOn(6))).toEqual([resetOn(6)]);
      expect(taken).toHaveLength(2);
      await rig.say(closeOn(2));
      expect(await rig.say(callOf(8, bytes(), { channels: [8] }))).toEqual([responseOf(8, bytes())]);
      expect(taken).toHaveLength(3);
    },
  );
});
