import { afterEach, describe, expect, test } from '@jest/globals';
import { ENVELOPE } from '../../src/conduit/costs.js';
import type { Session } from '../../src/index.js';
import { channel, InvalidArgument, Rx, Tx } from '../../src/index.js';
import type { Message } from '../../src/wire/message.js';
import type { MetadataEntry } from '../../src/wire/metadata.js';
import { take } from '../support/items.js';
import { established, HELLO_YOURSELF, NOTHING_LEFT, Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import {
  accusationIn,
  bytes,
  callOf,
  closeOn,
  grantOn,
  INVALID_PAYLOAD,
  itemOn,
  resetOn,
  responseOf,
} from '../support/traffic.js';

// Our ends of channels, and the messages that the peer may not send on a channel. The test plays the peer; our ids are odd,
// the peer's are even.

let rig: Rig;
let session: Session;

async function start(options: RigOptions = {}): Promise<void> {
  ({ rig, session } = await established(options));
}

/** Passes one end of channel 1 to the peer. The other end stays ours. */
async function passing(end: 'tx' | 'rx', credit?: number, options: RigOptions = {}): Promise<{ tx: Tx; rx: Rx }> {
  await start(options);
  const [tx, rx] = channel(credit === undefined ? {} : { credit });
  rig.track('call', session.root.caller().call(1n, bytes(), { channels: [end === 'tx' ? tx : rx] }));
  await settle();
  expect(rig.peer.take()).toEqual([callOf(1, bytes(), { channels: [1] })]);
  return { tx, rx };
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

// r[rpc.flow-control.credit.exhaustion]
describe('the sender', () => {
  // r[rpc.flow-control.credit.initial]
  test.each([0, 1, 4, 16])('with an initial credit of %i sends that many items, and then waits', async (credit) => {
    const { tx } = await passing('rx', credit);
    for (let at = 1; at <= credit + 1; at++) rig.track(`item ${at}`, tx.send(bytes(at)));
    expect(await rig.heard()).toEqual(Array.from({ length: credit }, (_, at) => itemOn(1, at + 1)));
    const { call: _, start: __, ...sent } = rig.settled;
    expect(Object.keys(sent)).toHaveLength(credit);
    expect(await rig.say(grantOn(1, 1))).toEqual([itemOn(1, credit + 1)]);
    expect(rig.settled).toHaveProperty(`item ${credit + 1}`);
  });

  // r[rpc.flow-control.credit.grant.additive]
  test('adds up what it is granted, and keeps the order of what waits', async () => {
    const { tx } = await passing('rx', 0);
    await rig.say(grantOn(1, 1), grantOn(1, 2));
    for (const at of [1, 2, 3, 4, 5]) void tx.send(bytes(at));
    expect(await rig.heard()).toEqual([itemOn(1, 1), itemOn(1, 2), itemOn(1, 3)]);
    expect(await rig.say(grantOn(1, 2 ** 32 - 1), grantOn(1, 2 ** 32 - 1))).toEqual([itemOn(1, 4), itemOn(1, 5)]);
  });

  test('sends an item as it was when it was given, and none before the Call that names its channel', async () => {
    await start();
    const [tx, rx] = channel({ credit: 1 });
    const item = bytes(1);
    const second = bytes(2);
    void tx.send(item);
    void tx.send(second);
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [rx] }));
    second[0] = 0;
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] }), itemOn(1, 1)]);
    expect(await rig.say(grantOn(1, 1))).toEqual([itemOn(1, 2)]);
  });

  test('takes an item that just fits limits.frame, and refuses a longer one', async () => {
    const { tx } = await passing('rx', 4, { limits: { frame: 4_096 } });
    const most = 4_096 - ENVELOPE;
    void tx.send(new Uint8Array(most));
    expect(() => tx.send(new Uint8Array(most + 1))).toThrow(
      new InvalidArgument(`an item of ${most + 1} bytes does not fit limits.frame: 4096`),
    );
    expect(await rig.heard()).toHaveLength(1);
  });

  test('that is closed twice while items wait sends one Close, and the second close waits for nothing', async () => {
    const { tx } = await passing('rx', 0);
    void tx.send(bytes(1));
    rig.track('close', tx.close());
    rig.track('again', tx.close());
    await settle();
    expect([Object.keys(rig.settled).includes('close'), Object.keys(rig.settled).includes('again')]).toEqual([
      false,
      true,
    ]);
    expect(await rig.say(grantOn(1, 1))).toEqual([itemOn(1, 1), closeOn(1)]);
    expect(Object.keys(rig.settled)).toContain('close');
  });

  // r[rpc.channel.close]
  test('closes after what waits, and sends nothing behind it', async () => {
    const { tx } = await passing('rx', 1);
    void tx.send(bytes(1));
    void tx.send(bytes(2));
    const metadata = [{ key: 'why', value: 'done', flags: 0n }];
    rig.track('close', tx.close({ metadata }));
    rig.track('late', tx.send(bytes(3)));
    expect(await rig.heard()).toEqual([itemOn(1, 1)]);
    expect(await rig.say(grantOn(1, 5))).toEqual([itemOn(1, 2), closeOn(1, metadata)]);
    rig.track('later', tx.send(bytes(4)));
    // The receiver sent these before it got the Close.
    expect(await rig.say(grantOn(1, 1), resetOn(1))).toEqual([]);
    expect(rig.settled).toMatchObject({
      close: undefined,
      late: { name: 'InvalidArgument' },
      later: { name: 'ChannelClosed' },
    });
  });

  // 9b.13: r[rpc.channel.reset]
  test('that waits for credit rejects at once on Reset, with its metadata', async () => {
    const { tx } = await passing('rx', 0);
    let error: unknown;
    tx.send(bytes(1)).catch((reason: unknown) => {
      error = reason;
    });
    // The peer's own text stays out of ours.
    const metadata = [{ key: 'reason', value: 'enough', flags: 0n }];
    expect(await rig.say(resetOn(1, metadata))).toEqual([]);
    const message = 'the receiver has reset the channel';
    expect(error).toMatchObject({ name: 'ChannelClosed', by: 'peer', message, metadata });
  });

  test.each([
    ['the reason beside other metadata', ['a', 'b'], ['reason', 'invalid payload'], true],
    ['that text under another key', ['other', 'invalid payload'], ['reason', 'no'], false],
  ])('hears of an item that the receiver could not decode by %s', async (_, first, second, isNamed) => {
    const { tx } = await passing('rx', 0);
    const metadata = [first, second].map(([key, value]) => ({ key, value, flags: 0n }) as MetadataEntry);
    rig.track('send', tx.send(bytes(1)));
    await rig.say(resetOn(1, metadata));
    const message = `the receiver has reset the channel${isNamed ? ': it could not make sense of an item' : ''}`;
    expect(rig.settled).toMatchObject({ send: { name: 'ChannelClosed', message } });
  });

  test('that is closed refuses a later item, and says that this side has closed it', async () => {
    const { tx } = await passing('rx', 1);
    await tx.close();
    const message = 'the channel is closed';
    await expect(tx.send(bytes(1))).rejects.toMatchObject({ name: 'ChannelClosed', by: 'local', message });
  });

  // 9b.13
  test('that waits for credit rejects at once when the connection ends', async () => {
    const { tx } = await passing('rx', 0);
    rig.track('send', tx.send(bytes(1)));
    session.shutdown();
    await session.closed;
    expect(rig.settled).toMatchObject({ send: { name: 'ConnectionClosed', cause: { name: 'SessionClosed' } } });
  });

  test('whose promises are not awaited holds no more than limits.waitingBytes', async () => {
    const { tx } = await passing('rx', 0, { limits: { waitingBytes: 300 } });
    const error = { name: 'LimitExceeded', limit: 'waitingBytes' };
    await expect(tx.send(new Uint8Array(45))).rejects.toMatchObject(error);
    const item = new Uint8Array(44);
    const sent = tx.send(item);
    await expect(tx.send(bytes(1))).rejects.toMatchObject(error);
    await rig.say(grantOn(1, 1));
    await sent;
    // There is room again.
    rig.track('next', tx.send(item));
    await expect(tx.send(bytes(1))).rejects.toMatchObject(error);
    expect(rig.settled).not.toHaveProperty('next');
  });

  test.each<[what: string, fits: unknown, isOver: unknown]>([
    ['bytes', new Uint8Array(2 ** 24 - 256), new Uint8Array(2 ** 24 - 255)],
    ['text', 'x'.repeat(2 ** 24 - 256), 'x'.repeat(2 ** 24 - 255)],
  ])(
    'of a channel that was not passed holds no more than limits.waitingBytes by default: %s',
    async (_, fits, isOver) => {
      await start();
      const [tx] = channel<unknown>();
      rig.track('over it', tx.send(isOver));
      rig.track('just it', tx.send(fits));
      rig.track('one more', tx.send(''));
      await settle();
      const message = 'more than limits.waitingBytes by default (16777216) wait for the channel to be passed';
      const error = { name: 'LimitExceeded', message };
      const { start: __, ...sent } = rig.settled;
      expect(sent).toEqual({ 'over it': error, 'one more': error });
    },
  );

  test('of a channel that was not passed counts what it can’t know the size of as an entry', async () => {
    await start();
    const [tx] = channel<unknown>();
    for (let at = 0; at < 2 ** 16; at++) void tx.send({ at });
    await expect(tx.send({})).rejects.toMatchObject({ name: 'LimitExceeded', limit: 'waitingBytes' });
  });

  test('of a channel that is passed late closes behind what there was room for, and has room again', async () => {
    await start({ limits: { outboxBytes: 2 ** 25 } });
    const [tx, rx] = channel({ credit: 17 });
    const item = new Uint8Array(2 ** 20 - 256);
    for (let at = 0; at < 16; at++) void tx.send(item);
    rig.track('one more', tx.send(bytes()));
    rig.track('close', tx.close());
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [rx] }));
    rig.track('late', tx.send(bytes()));
    const said = await rig.say();
    expect([said.length, said.at(-1)]).toEqual([18, closeOn(1)]);
    expect(rig.settled).toMatchObject({
      'one more': { name: 'LimitExceeded' },
      close: undefined,
      late: { name: 'ChannelClosed' },
    });
  });

  test('of a channel whose call came to nothing says so, however much is sent', async () => {
    await start();
    const [tx, rx] = channel();
    const signal = AbortSignal.abort();
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [rx], signal }));
    const item = new Uint8Array(2 ** 24 - 256);
    for (let at = 0; at < 3; at++) await expect(tx.send(item)).rejects.toMatchObject({ name: 'Cancelled' });
  });

  test('refuses at once what is no item', async () => {
    const { tx, rx } = await passing('rx');
    expect(() => tx.send('text' as never)).toThrow(new InvalidArgument('an item must be a Uint8Array'));
    expect(() => tx.send(new Uint8Array(2 ** 20))).toThrow(InvalidArgument);
    const passed = 'this end of the channel was passed to the peer: use the other one';
    expect(() => rx[Symbol.asyncIterator]()).toThrow(new InvalidArgument(passed));
  });
});

// r[rpc.flow-control.credit.grant]
describe('the receiver', () => {
  // r[rpc.flow-control.credit.initial.zero]
  test.each([
    [1, 1],
    [4, 2],
    [5, 2],
    [16, 8],
  ])('with a window of %i grants %i at a time, as items are taken', async (credit, batch) => {
    const { rx } = await passing('tx', credit);
    await rig.say(...Array.from({ length: credit }, (_, at) => itemOn(1, at)));
    expect(await take(rx, batch - 1)).toHaveLength(batch - 1);
    expect(await rig.heard()).toEqual([]);
    await take(rx, 1);
    expect(await rig.heard()).toEqual([grantOn(1, batch)]);
  });

  test('with a window of 0 grants by hand alone', async () => {
    const { rx } = await passing('tx', 0, { conformance: 'strict' });
    rx.grant(2);
    expect(await rig.heard()).toEqual([grantOn(1, 2)]);
    await rig.say(itemOn(1, 1), itemOn(1, 2));
    expect(await take(rx, 2)).toEqual([1, 2]);
    expect(await rig.heard()).toEqual([]);
    rx.grant(2 ** 32 - 1);
    expect(await rig.heard()).toEqual([grantOn(1, 2 ** 32 - 1)]);
    for (const wrong of [0, -1, 1.5, 2 ** 32]) {
      const text = `additional must be an integer from 1 to 2^32 − 1, not ${wrong}`;
      expect(() => rx.grant(wrong)).toThrow(new InvalidArgument(text));
    }
  });

  test('reads on to the Close, and what came before it', async () => {
    const { rx } = await passing('tx');
    await rig.say(itemOn(1, 1), itemOn(1, 2), closeOn(1));
    const items: number[] = [];
    for await (const [item] of rx) items.push(item as number);
    expect(items).toEqual([1, 2]);
    expect(await rig.heard()).toEqual([]);
  });

  // r[rpc.channel.reset]
  test('that leaves its loop resets the channel, and what was under way is dropped', async () => {
    const { rx } = await passing('tx', undefined, { conformance: 'strict' });
    await rig.say(itemOn(1, 1), itemOn(1, 2));
    for await (const _ of rx) break;
    expect(await rig.heard()).toEqual([resetOn(1)]);
    expect(await rig.say(itemOn(1, 3), closeOn(1))).toEqual([]);
    expect(await take(rx, 1)).toEqual([]);
  });

  test('throws when the connection ends before the Close, after what it holds', async () => {
    const { rx } = await passing('tx');
    await rig.say(itemOn(1, 1), 'end');
    expect(await take(rx, 1)).toEqual([1]);
    await expect(take(rx, 1)).rejects.toMatchObject({ name: 'ConnectionClosed', by: 'session' });
  });

  // 9a.17: n − 1, n, n + 1
  test('takes what credit covers, and in strict mode not one item more', async () => {
    await passing('tx', 3, { conformance: 'strict' });
    for (const at of [1, 2, 3]) expect(await rig.say(itemOn(1, at))).toEqual([]);
    expect(accusationIn(await rig.say(itemOn(1, 4)))).toBe('rpc.flow-control.credit');
  });

  // 9a.17
  test('takes more while there is room in reference mode, and then resets: nothing is lost silently', async () => {
    const { rx } = await passing('tx', 1);
    expect(await rig.say(...Array.from({ length: 16 }, (_, at) => itemOn(1, at)))).toEqual([]);
    expect(await rig.say(itemOn(1, 16))).toEqual([resetOn(1)]);
    expect(await take(rx, 16)).toHaveLength(16);
    const message = 'the sender sent more than it had credit for, and more than there was room for';
    await expect(take(rx, 1)).rejects.toMatchObject({ name: 'LimitExceeded', limit: 'credit', message });
  });

  test('that is read late has items in memory of their own: they came in a view of much more', async () => {
    const { rx } = await passing('tx');
    const iterator = rx[Symbol.asyncIterator]();
    const early = iterator.next();
    await rig.say(itemOn(1, 1), itemOn(1, 2));
    const items = [(await early).value, (await iterator.next()).value];
    expect(items).toEqual([bytes(1), bytes(2)]);
    expect(items.map((item) => item?.buffer.byteLength === 1)).toEqual([false, true]);
  });

  test('that is not read stops the session reading once its items fill limits.inboxBytes', async () => {
    const { rx } = await passing('tx', 16, { limits: { inboxBytes: 1000 } });
    const ping: Message = { type: 'Ping', connectionId: 0, nonce: 1n };
    await rig.say(itemOn(1, 1, ...new Array(500)), itemOn(1, 2, ...new Array(500)));
    expect(await rig.say(ping)).toEqual([{ ...ping, type: 'Pong' }]);
    expect(await rig.say(itemOn(1, 3), ping)).toEqual([]);
    await take(rx, 1);
    expect(await rig.heard()).toEqual([{ ...ping, type: 'Pong' }]);
  });
});

describe('what the peer may not say on a channel', () => {
  const wrongs: [string, string, 'tx' | 'rx', Message][] = [
    // 9a.19
    ['Close as the receiver', 'rpc.channel.close', 'rx', closeOn(1)],
    ['an Item as the receiver', 'rpc.channel.item', 'rx', itemOn(1, 1)],
    ['Reset as the sender', 'rpc.channel.reset', 'tx', resetOn(1)],
    ['GrantCredit as the sender', 'rpc.flow-control.credit.grant', 'tx', grantOn(1, 1)],
    // 9a.18
    ['a message on a channel of ours that was never named', 'rpc.channel.lifecycle', 'tx', itemOn(3, 1)],
    ['a message on a channel of its own that no Call named', 'rpc.channel.lifecycle', 'tx', itemOn(2, 1)],
    ['a message on channel 0', 'rpc.channel.lifecycle', 'tx', grantOn(0, 1)],
  ];

  test.each(wrongs.filter(([name]) => name !== 'Reset as the sender'))(
    '%s is overlooked',
    async (_, _rule, end, message) => {
      const { tx, rx } = await passing(end);
      expect(await rig.say(message)).toEqual([]);
      if (end === 'rx') {
        void tx.send(bytes(1));
        expect(await rig.heard()).toEqual([itemOn(1, 1)]);
      } else {
        await rig.say(itemOn(1, 1));
        expect(await take(rx, 1)).toEqual([1]);
      }
    },
  );

  test('Reset as the sender ends the receiver’s loop, behind what was received, with ChannelClosed by the peer', async () => {
    const { rx } = await passing('tx');
    await rig.say(itemOn(1, 1));
    expect(await rig.say(resetOn(1), itemOn(1, 2), closeOn(1))).toEqual([]);
    expect(await take(rx, 1)).toEqual([1]);
    const message = 'the sender has reset the channel before its end';
    await expect(take(rx, 1)).rejects.toMatchObject({ name: 'ChannelClosed', by: 'peer', message });
  });

  test.each(wrongs)('%s is a violation in strict mode', async (_, rule, end, message) => {
    await passing(end, undefined, { conformance: 'strict' });
    expect(accusationIn(await rig.say(message))).toBe(rule);
  });

  test.each<[string, 'tx' | 'rx', Message, (ends: { tx: Tx; rx: Rx }) => Promise<unknown>]>([
    ['a sender that waits for credit', 'rx', closeOn(1), ({ tx }) => tx.send(bytes(1))],
    ['a receiver that waits for an item', 'tx', resetOn(1), ({ rx }) => take(rx, 1)],
  ])('%s hears at once that the session is over', async (_, end, message, wait) => {
    const ends = await passing(end, 0, { conformance: 'strict' });
    rig.track('wait', wait(ends));
    await rig.say(message);
    expect(rig.settled).toMatchObject({ wait: { name: 'ConnectionClosed', cause: { name: 'SessionClosed' } } });
  });

  // 9a.18
  test('an Item before the Call that names its channel waits for it in reference mode', async () => {
    await start();
    let rx: Rx | undefined;
    session.root.serve(({ channels }) => {
      rx = channels[0]?.receive();
      return bytes();
    });
    expect(await rig.say(itemOn(2, 1))).toEqual([]);
    await rig.say(callOf(2, bytes(), { channels: [2] }));
    expect(await take(rx as Rx, 1)).toEqual([1]);
  });

  // 9a.18
  test('channels with early items may be named in any order, and count once among limits.channels', async () => {
    await start({ limits: { channels: 3 } });
    const rxs: Rx[] = [];
    session.root.serve(({ channels }) => {
      for (const channel of channels) rxs.push(channel.receive());
      return bytes();
    });
    await rig.say(itemOn(2, 1), callOf(2, bytes(), { channels: [4] }), itemOn(4, 2));
    expect(await rig.say(callOf(4, bytes(), { channels: [2] }))).toEqual([responseOf(4, bytes())]);
    expect(await Promise.all(rxs.map((rx) => take(rx, 1)))).toEqual([[2], [1]]);
    // There is room for one more. The sender of another one is told to stop. Any other message is dropped.
    expect(await rig.say(itemOn(6, 1), itemOn(8, 1), closeOn(10), grantOn(12, 1))).toEqual([resetOn(8)]);
    await rig.say(closeOn(2), closeOn(4));
    expect(await rig.say(callOf(6, bytes(), { channels: [14, 16] }))).toEqual([responseOf(6, bytes())]);
  });

  // r[rpc.channel.close]
  test('a message behind the Close of its channel is a violation in strict mode', async () => {
    await start({ conformance: 'strict' });
    session.root.serve(({ channels }) => {
      for (const channel of channels) channel.receive();
      return bytes();
    });
    await rig.say(callOf(2, bytes(), { channels: [2] }), closeOn(2));
    expect(accusationIn(await rig.say(itemOn(2, 1)))).toBe('rpc.channel.close');
  });

  test('an Item on channel 0 takes no place in reference mode', async () => {
    await start({ limits: { channels: 1 } });
    session.root.serve(({ channels }) => {
      for (const channel of channels) channel.receive();
      return bytes();
    });
    expect(await rig.say(itemOn(0, 1))).toEqual([]);
    expect(await rig.say(callOf(2, bytes(), { channels: [2] }))).toEqual([responseOf(2, bytes())]);
  });

  test('in reference mode a wrong id in a Call spoils no other id', async () => {
    await start();
    const taken: number[] = [];
    session.root.serve(({ channels }) => {
      for (const channel of channels) taken.push(channel.id);
      return bytes();
    });
    expect(await rig.say(callOf(2, bytes(), { channels: [9] }))).toEqual([responseOf(2, bytes())]);
    expect(await rig.say(itemOn(2, 1), callOf(4, bytes(), { channels: [2] }))).toMatchObject([
      responseOf(4, bytes()),
      resetOn(2),
    ]);
    expect(taken).toEqual([9, 2]);
  });

  test('our own channels count among limits.channels as long as they are open', async () => {
    const { tx } = await passing('rx', 16, { limits: { channels: 1 } });
    session.root.serve(({ channels }) => {
      channels[0]?.receive();
      return bytes();
    });
    expect(await rig.say(callOf(2, bytes(), { channels: [2] }))).toEqual([responseOf(2, INVALID_PAYLOAD)]);
    await tx.close();
    expect(await rig.say(callOf(4, bytes(), { channels: [4] }))).toEqual([closeOn(1), responseOf(4, bytes())]);
  });

  test('a Close before the Call that names its channel waits for it, too: with an item before it, and with none', async () => {
    await start();
    const rxs: Rx[] = [];
    session.root.serve(({ channels }) => {
      for (const channel of channels) rxs.push(channel.receive());
      return bytes();
    });
    await rig.say(itemOn(2, 1), closeOn(2), closeOn(4), callOf(2, bytes(), { channels: [2, 4] }));
    expect(await Promise.all(rxs.map((rx) => take(rx, 9)))).toEqual([[1], []]);
  });

  // r[rpc.channel.allocation]
  test.each<[string, boolean, number[], number[]]>([
    ['of our parity', false, [1], []],
    ['0', true, [0], []],
    ['that is alive', true, [2], [2]],
    ['that is over', false, [6], [6]],
    ['twice', true, [2, 2], []],
  ])(
    'a Call that names a channel %s breaks a rule in strict mode; fails alone in reference mode: %p',
    async (_, isRefused, named, before) => {
      for (const conformance of ['reference', 'strict'] as const) {
        await start({ conformance });
        session.root.serve(({ channels }) => {
          for (const channel of channels) channel.receive();
          return bytes();
        });
        await rig.say(
          callOf(2, bytes(), { channels: before }),
          ...before.filter((id) => id === 6).map((id) => closeOn(id)),
        );
        const answers = await rig.say(callOf(4, bytes(), { channels: named }));
        if (conformance === 'strict') expect(accusationIn(answers)).toBe('rpc.channel.allocation');
        else expect(answers).toEqual([responseOf(4, isRefused ? INVALID_PAYLOAD : bytes())]);
        session.shutdown();
        await session.closed;
      }
    },
  );
});

// r[rpc.channel.allocation]
describe('a Response that names a channel which its sender may not name', () => {
  test.each([
    ['0', [0]],
    ['one of ours', [1]],
    ['one twice', [2, 2]],
    ['one of ours behind a good one', [2, 1]],
  ])('ends a strict session before its call hears of it: %s', async (_what, ids) => {
    await start({ conformance: 'strict' });
    rig.track('call', session.root.caller().call(1n, bytes()));
    await rig.heard();
    expect(accusationIn(await rig.say(responseOf(1, bytes(), ids)))).toBe('rpc.channel.allocation');
    expect(rig.settled).toMatchObject({ call: { name: 'ConnectionClosed', cause: { name: 'SessionClosed' } } });
  });

  test('is ignored in reference mode where no caller waits for it', async () => {
    await start();
    const controller = new AbortController();
    rig.track('call', session.root.caller().call(1n, bytes(), { signal: controller.signal }));
    await rig.heard();
    controller.abort();
    await rig.heard();
    expect(await rig.say(responseOf(1, bytes(), [2, 0]))).toEqual([]);
    expect(await rig.say(itemOn(2, 1))).toEqual([resetOn(2)]);
    expect(session.root.isConnected).toBe(true);
  });

  test('is tolerated in reference mode', async () => {
    await start();
    rig.track('call', session.root.caller().call(1n, bytes()));
    await rig.heard();
    await rig.say(responseOf(1, bytes(), [0]));
    expect(rig.settled).toMatchObject({ call: { channels: [], metadata: [] } });
  });
});

describe('a channel that is used before the peer hears of it', () => {
  const ABORTED = [{ key: 'aborted', value: 1n, flags: 0n }];

  /** Passes the receiver's end by a call that waits its turn until call 1 is answered. Acts on the sender's end. */
  async function waiting(act: (tx: Tx, rx: Rx) => unknown): Promise<void> {
    rig = new Rig();
    const settings = { parity: 'even', maxConcurrentRequests: 1 } as const;
    rig.peer.say({ ...HELLO_YOURSELF, connectionSettings: settings } as Message);
    session = await rig.starting;
    const [tx, rx] = channel();
    const caller = session.root.caller();
    rig.track('first', caller.call(1n, bytes()));
    rig.track('call', caller.call(1n, bytes(), { channels: [rx] }));
    act(tx, rx);
    await rig.heard();
  }

  test('and aborted is aborted for the peer, too, when it is passed, and takes no item', async () => {
    await start();
    const [tx, rx] = channel();
    rig.track('before', tx.send(bytes(1)));
    tx.abort();
    tx.abort();
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [rx] }));
    rig.track('after', tx.send(bytes(2)));
    await expect(tx.send(bytes(3))).rejects.toMatchObject({ by: 'local' });
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] }), closeOn(1, ABORTED)]);
    const error = { name: 'ChannelClosed', message: 'the channel was aborted' };
    expect(rig.settled).toMatchObject({ before: error, after: error });
  });

  test('and aborted while its call waits its turn is aborted for the peer behind the Call', async () => {
    await waiting((tx) => {
      void tx.send(bytes(1));
      tx.abort();
    });
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(3, bytes(), { channels: [1] }), closeOn(1, ABORTED)]);
  });

  test('sends what was sent while its call waits its turn, and closes behind that', async () => {
    await waiting((tx) => {
      void tx.send(bytes(1));
      void tx.close();
    });
    const said = await rig.say(responseOf(1, bytes()));
    expect(said).toEqual([callOf(3, bytes(), { channels: [1] }), itemOn(1, 1), closeOn(1)]);
  });

  test('and reset tells the sender to stop, behind the Call', async () => {
    await start();
    const [tx, rx] = channel();
    const metadata = [{ key: 'why', value: 'enough', flags: 0n }];
    rx.reset({ metadata });
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [tx] }));
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] }), resetOn(1, metadata)]);
    expect(await take(rx, 1)).toEqual([]);
  });

  test('and granted credit passes that on, behind the Call', async () => {
    await start();
    const [tx, rx] = channel({ credit: 0 });
    rx.grant(3);
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [tx] }));
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] }), grantOn(1, 3)]);
  });

  test('and reset with metadata that can’t be sent tells its reader so, and the sender to stop', async () => {
    await start();
    const [tx, rx] = channel();
    rx.reset({ metadata: [{ key: 'k', value: 7, flags: 0n }] as never });
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [tx] }));
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] }), resetOn(1)]);
    await expect(take(rx, 1)).rejects.toMatchObject({ name: 'InvalidArgument' });
  });

  test('and whose call still waits its turn when the time of a drain is over says so, though the call leaves', async () => {
    await waiting((tx) => rig.track('send', tx.send(bytes(1))));
    rig.track('drained', session.drain({ timeout: 0 }));
    await rig.clock.advance(0);
    expect(rig.settled).toMatchObject({ send: { name: 'Unavailable', message: 'this session is being drained' } });
    rig.peer.take();
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(3, bytes(), { channels: [1] })]);
    await rig.say(responseOf(3, bytes(7)));
    expect(rig.settled).toMatchObject({ call: { ret: bytes(7) } });
  });

  test('and that an answer names which comes too late ends with the session, at the latest', async () => {
    await start();
    const [tx, rx] = channel();
    let answer: (reply: { ret: Uint8Array; channels: Rx[] }) => void = () => {};
    const later = new Promise<{ ret: Uint8Array; channels: Rx[] }>((resolve) => {
      answer = resolve;
    });
    session.root.serve(() => later);
    await rig.say(callOf(2, bytes()));
    session.root.markFailure(2, 'the binding failed');
    rig.track('send', tx.send(bytes(1)));
    answer({ ret: bytes(), channels: [rx] });
    await rig.heard();
    session.shutdown();
    await session.closed;
    expect(rig.settled).toMatchObject({ send: { name: 'ConnectionClosed' } });
  });

  test('and whose call waits its turn stays as it is when a wrong answer names it, too', async () => {
    let end: Rx | undefined;
    await waiting((tx, rx) => {
      end = rx;
      rig.track('send', tx.send(bytes(1)));
    });
    session.root.serve((() => ({ ret: 'text', channels: [end] })) as never);
    await rig.say(callOf(2, bytes()));
    expect(rig.settled).not.toHaveProperty('send');
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(3, bytes(), { channels: [1] }), itemOn(1, 1)]);
  });

  test('and whose call still waits its turn when the session ends says so at both ends of it', async () => {
    await waiting((tx) => rig.track('send', tx.send(bytes(1))));
    session.shutdown();
    await session.closed;
    const error = { name: 'ConnectionClosed', message: 'connection 0 was closed by the end of the session' };
    expect(rig.settled).toMatchObject({ call: error, send: error });
  });
});

describe('ends of channels', () => {
  test('are named by their index where one is none, or is passed twice', async () => {
    await start();
    const [[tx, rx], [other]] = [channel(), channel()];
    const attempt =
      (...channels: unknown[]) =>
      () => {
        void session.root.caller().call(1n, bytes(), { channels: channels as never });
      };
    for (const wrong of [{}, null, undefined, 5, 'text', Object.create(tx)]) {
      const text = 'channels[1] must be an end of a channel, as channel() gives';
      expect(attempt(other, wrong)).toThrow(new InvalidArgument(text));
    }
    expect(attempt(other, tx, rx)).toThrow(new InvalidArgument('channels[2] belongs to the channel of one before it'));
    await settle();
    expect(rig.peer.take()).toEqual([]);
  });

  test('are made by channel() alone, show their credit in JSON, and take options that are objects', () => {
    const text = 'an end of a channel is made by channel()';
    for (const End of [Tx, Rx]) expect(() => new End({} as never)).toThrow(new InvalidArgument(text));
    const [tx, rx] = channel({ credit: 7 });
    expect(JSON.parse(JSON.stringify([tx, rx, ...channel()]))).toEqual([7, 7, 16, 16].map((credit) => ({ credit })));
    const notOptions = new InvalidArgument('options must be an object, not 5');
    for (const attempt of [() => channel(5 as never), () => tx.close(5 as never), () => rx.reset(5 as never)]) {
      expect(attempt).toThrow(notOptions);
    }
  });

  test('that were passed do nothing here any more', async () => {
    const { rx } = await passing('rx');
    expect(() => rx.reset()).toThrow(InvalidArgument);
    session.shutdown();
    await session.closed;
    const { tx } = await passing('tx');
    const text = 'this end of the channel was passed to the peer: use the other one';
    for (const attempt of [() => tx.send(bytes(1)), () => tx.close(), () => tx.abort()]) {
      expect(attempt).toThrow(new InvalidArgument(text));
    }
  });

  test('of a call that came to nothing say why, whichever of them is used, and however', async () => {
    await start();
    const signal = AbortSignal.abort();
    const [[tx, passedRx], [passedTx, rx]] = [channel(), channel()];
    const options = { channels: [passedRx, passedTx], signal };
    rig.track('call', session.root.caller().call(1n, bytes(), options));
    for (const used of [tx.send(bytes(1)), tx.close(), take(rx, 1)]) {
      await expect(used).rejects.toMatchObject({ name: 'Cancelled', by: 'local' });
    }
    expect(await rig.heard()).toEqual([]);
  });

  test('end their loop when that is left by hand', async () => {
    const { rx } = await passing('tx');
    const iterator = rx[Symbol.asyncIterator]();
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await rig.heard()).toEqual([resetOn(1)]);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test('are passed once', async () => {
    await start();
    const [tx, rx] = channel();
    const caller = session.root.caller();
    rig.track('first', caller.call(1n, bytes(), { channels: [rx] }));
    for (const end of [tx, rx]) {
      expect(() => caller.call(1n, bytes(), { channels: [end] })).toThrow(
        new InvalidArgument('channels[0] belongs to a channel that was passed before'),
      );
    }
    const [, twice] = channel();
    expect(() => caller.call(1n, bytes(), { channels: [twice, twice] })).toThrow(InvalidArgument);
    expect(() => caller.call(1n, bytes(), { credit: -1 })).toThrow(InvalidArgument);
    expect(() => channel({ credit: -1 })).toThrow(
      new InvalidArgument('credit must be an integer from 0 to 2^32 − 1, not -1'),
    );
  });

  // r[rpc.caller.liveness.last-drop-closes-connection]
  test('that are bound keep a connection open when its last caller is gone', async () => {
    await start();
    const opening = session.open();
    const connectionSettings = { parity: 'even', maxConcurrentRequests: 1 } as const;
    await rig.say({ type: 'ConnectionAccept', connectionId: 1, connectionSettings, metadata: [] });
    const connection = await opening;
    const caller = connection.caller();
    const [tx, rx] = channel();
    rig.track('call', caller.call(1n, bytes(), { channels: [rx] }));
    caller.release();
    await rig.say({ ...responseOf(1, bytes()), connectionId: 1 });
    expect(connection.isConnected).toBe(true);
    void tx.close();
    expect(await rig.heard()).toMatchObject([
      { type: 'ChannelMessage', body: { type: 'Close' } },
      { type: 'ConnectionClose' },
    ]);
  });
});
