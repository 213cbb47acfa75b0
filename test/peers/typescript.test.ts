import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { channel, type Tx } from '../../src/calls/channel.js';
import type { CallOptions } from '../../src/calls/outgoing-call.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { fail } from '../../src/service/handler.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import type { Call, ChannelMessage, Message, RequestMessage } from '../../src/wire/message.js';
import { Testbed } from '../service/testbed.js';
import { ScriptedPeer } from '../support/peer.js';
import { acceptOf, established, type Rig, type RigOptions } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';
import { bytes } from '../support/traffic.js';

// The official TypeScript peer is scripted here, by what it was seen to do: rows 9.01 to 9.18 of what real peers do. The
// frames in typescript-frames.json are from runs with it.

const TYPESCRIPT: RigOptions = { peer: 'roam-typescript-7' };

const request = (connectionId: number, id: number, body: RequestMessage['body']): Message => ({
  type: 'RequestMessage',
  connectionId,
  id,
  body,
});
const response = (connectionId: number, id: number, ...ret: number[]): Message =>
  request(connectionId, id, { type: 'Response', channels: [], metadata: [], ret: bytes(...ret) });
const onChannel = (connectionId: number, id: number, body: ChannelMessage['body']): Message => ({
  type: 'ChannelMessage',
  connectionId,
  id,
  body,
});

/** Returns the kind of a message, its id and its connection, without its content. */
function brief(message: Message): string {
  const { type, connectionId } = message;
  return type === 'RequestMessage' || type === 'ChannelMessage'
    ? `${message.body.type} ${message.id} on ${connectionId}`
    : `${type} on ${connectionId}`;
}

/** Applies `make` to every item, and returns the results. */
async function all<T, R>(rx: AsyncIterable<T>, make: (item: T) => R): Promise<readonly R[]> {
  const items: R[] = [];
  for await (const item of rx) items.push(make(item));
  return items;
}

/** Opens a virtual connection. The peer echoes our settings, our parity too: 9.06. */
async function opened({ rig, session }: { rig: Rig; session: Session }) {
  const opening = session.open();
  const [open] = await rig.heard();
  if (open?.type !== 'ConnectionOpen') throw new Error('no Open came');
  await rig.say({ ...acceptOf(open.connectionId), connectionSettings: open.connectionSettings } as Message);
  return opening;
}

describe('answers on connection 0 (9.03)', () => {
  test('Responses find their calls, wherever those were made', async () => {
    const both = await established(TYPESCRIPT);
    const { rig, session } = both;
    const connections = [session.root, await opened(both), await opened(both)];
    const callers = connections.map((connection) => connection.caller());
    for (const round of upTo(2)) {
      for (const [index, caller] of callers.entries()) {
        rig.track(
          `${index}.${round}`,
          caller.call(1n, bytes(index, round)).then(({ ret }) => [...ret]),
        );
      }
    }
    const calls = (await rig.heard()) as (RequestMessage & { body: Call })[];
    expect(calls.map(brief)).toEqual([
      'Call 1 on 0',
      'Call 3 on 1',
      'Call 5 on 3',
      'Call 7 on 0',
      'Call 9 on 1',
      'Call 11 on 3',
    ]);
    await rig.say(...calls.toReversed().map(({ id, body }) => response(0, id, ...body.args)));
    for (const index of upTo(3)) {
      for (const round of upTo(2)) expect(rig.settled).toMatchObject({ [`${index}.${round}`]: [index, round] });
    }
  });

  test('items, credit and ends of channels find theirs', async () => {
    const both = await established(TYPESCRIPT);
    const { rig } = both;
    const connection = await opened(both);
    const [up, theirRx] = channel<Uint8Array>({ credit: 2 });
    const [theirTx, down] = channel<Uint8Array>({ credit: 2 });
    const options: CallOptions = { channels: [theirRx, theirTx] };
    rig.track(
      'call',
      connection
        .caller()
        .call(1n, bytes(), options)
        .then(({ ret }) => [...ret]),
    );
    for (const number of upTo(4)) rig.track(`send ${number}`, up.send(bytes(number)));
    expect((await rig.heard()).map(brief)).toEqual(['Call 1 on 1', 'Item 1 on 1', 'Item 1 on 1']);
    expect((await rig.say(onChannel(0, 1, { type: 'GrantCredit', additional: 2 }))).map(brief)).toEqual([
      'Item 1 on 1',
      'Item 1 on 1',
    ]);
    rig.track(
      'items',
      all(down, ([byte]) => byte),
    );
    await rig.say(
      onChannel(0, 3, { type: 'Item', item: bytes(7) }),
      onChannel(0, 3, { type: 'Item', item: bytes(8) }),
      onChannel(0, 3, { type: 'Close', metadata: [] }),
      response(0, 1, 9),
    );
    expect(rig.settled).toMatchObject({ items: [7, 8], call: [9] });
  });

  test('what comes too late for a call elsewhere is dropped, and stops nothing', async () => {
    const both = await established(TYPESCRIPT);
    const { rig, session } = both;
    const connection = await opened(both);
    const caller = connection.caller();
    const [tx, rx] = channel();
    rig.track('call', caller.call(1n, bytes(), { channels: [tx] }));
    await rig.heard();
    await connection.close();
    // 9.37: we settle the calls that were in flight.
    await expect(rx[Symbol.asyncIterator]().next()).rejects.toThrow('closed by us');
    expect(rig.settled).toMatchObject({ call: { name: 'ConnectionClosed' } });
    // These are more messages than an inbox holds. The application does not read the root.
    const late = [response(0, 1), onChannel(0, 1, { type: 'Item', item: bytes(1) })];
    await rig.say(...upTo(100).flatMap(() => late));
    const next = await opened(both);
    expect(next.id).toBe(3);
    expect(session.root.isConnected).toBe(true);
  });

  test('what the peer calls is the root’s, with any ids', async () => {
    const both = await established(TYPESCRIPT);
    const { rig, session } = both;
    session.root.serve(({ args }) => args);
    const connection = await opened(both);
    rig.track('call', connection.caller().call(1n, bytes(1)));
    await rig.heard();
    // 9.02: 1, 2, 3, … in both roles.
    const call: Call = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes(5) };
    expect((await rig.say(request(0, 1, call), request(0, 2, call))).map(brief)).toEqual([
      'Response 1 on 0',
      'Response 2 on 0',
    ]);
    expect(Object.keys(rig.settled)).toEqual(['start']);
  });

  test('without the option they find no call', async () => {
    const both = await established();
    const connection = await opened(both);
    both.rig.track('call', connection.caller().call(1n, bytes(1)));
    await both.rig.say(response(0, 1, 1));
    expect(Object.keys(both.rig.settled)).toEqual(['start']);
  });
});

describe('a Ping at least every 25 s (9.08, 9.09)', () => {
  test('leaves, and nothing waits for its Pong', async () => {
    const { rig, session } = await established(TYPESCRIPT);
    for (const nonce of [1n, 2n, 3n]) {
      await rig.clock.advance(24_999);
      expect(await rig.heard()).toEqual([]);
      await rig.clock.advance(1);
      expect(await rig.heard()).toEqual([{ type: 'Ping', connectionId: 0, nonce }]);
    }
    await rig.say({ type: 'Pong', connectionId: 0, nonce: 1n });
    await rig.clock.advance(600_000);
    expect(session.root.isConnected).toBe(true);
  });

  test('is as the user says, where the user says', async () => {
    const { rig } = await established({ ...TYPESCRIPT, keepalive: { pingInterval: 0, pongTimeout: 0 } });
    await rig.clock.advance(60_000);
    expect(await rig.heard()).toEqual([]);
  });
});

describe('channels that are over (9.13, 9.14)', () => {
  test('after our Reset it sends on, up to its credit: nothing is granted, and nothing said', async () => {
    const { rig, session } = await established(TYPESCRIPT);
    const [tx, rx] = channel({ credit: 4 });
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [tx] }));
    await rig.heard();
    await rig.say(onChannel(0, 1, { type: 'Item', item: bytes(0) }));
    rx.reset();
    expect((await rig.heard()).map(brief)).toEqual(['Reset 1 on 0']);
    const item = onChannel(0, 1, { type: 'Item', item: bytes(1) });
    expect(await rig.say(item, item, item, onChannel(0, 1, { type: 'Close', metadata: [] }), response(0, 1))).toEqual(
      [],
    );
    expect(session.root.isConnected).toBe(true);
  });

  test('after our Close nothing more leaves, though credit comes', async () => {
    const { rig, session } = await established(TYPESCRIPT);
    const [tx, rx] = channel({ credit: 1 });
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [rx] }));
    await tx.send(bytes(1));
    await tx.close();
    await tx.close();
    await expect(tx.send(bytes(2))).rejects.toThrow('closed');
    expect((await rig.heard()).map(brief)).toEqual(['Call 1 on 0', 'Item 1 on 0', 'Close 1 on 0']);
    expect(await rig.say(onChannel(0, 1, { type: 'GrantCredit', additional: 8 }), response(0, 1))).toEqual([]);
  });
});

describe('InvalidArgument', () => {
  test.each([
    [
      { peer: 'roam-typescript-7', conformance: 'strict' },
      "peer 'roam-typescript-7' breaks rules that conformance 'strict' enforces: leave conformance out, or make it 'reference'",
    ],
    [
      { peer: 'roam-swift-7', conformance: 'strict' },
      "peer 'roam-swift-7' breaks rules that conformance 'strict' enforces: leave conformance out, or make it 'reference'",
    ],
    [
      { peer: 'roam-typescript-7', parity: 'even' },
      "peer 'roam-typescript-7' always takes even parity itself, and ignores that of Hello: leave parity out, or make it 'odd'",
    ],
    [
      { peer: 'roam-swift-7', parity: 'even' },
      "peer 'roam-swift-7' always takes even parity itself, and ignores that of Hello: leave parity out, or make it 'odd'",
    ],
    [
      { answersOnRoot: true, conformance: 'strict' },
      "answersOnRoot is for peers that break rules: with it, conformance must be 'reference'",
    ],
    [{ answersOnRoot: 'yes' }, "answersOnRoot must be true or false, not 'yes'"],
    [
      { peer: 'roam-rust-7', keepalive: { pingInterval: 1, pongTimeout: Number.POSITIVE_INFINITY } },
      'awaitAnswers waits for Pongs: with it, keepalive.pongTimeout must be finite',
    ],
    [
      { keepalive: { pingInterval: Number.POSITIVE_INFINITY, pongTimeout: 1 } },
      'keepalive.pingInterval must be a number of milliseconds up to 2^31 − 1, not Infinity',
    ],
  ])('for %j', async (options, message) => {
    const [near] = memoryLinkPair();
    await expect(initiate(near, options as never)).rejects.toThrow(new InvalidArgument(message));
  });
});

// ---- Recorded -----------------------------------------------------------------------------------------------------

interface Frame {
  readonly by: 'us' | 'peer';
  readonly hex: string;
}

const recorded = JSON.parse(readFileSync(new URL('typescript-frames.json', import.meta.url), 'utf8')) as Readonly<
  Record<'weInitiate' | 'theyInitiate', readonly Frame[]>
>;

const LIMITS = { metadataEntries: 64, metadataBytes: 16_384 };
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const toHex = (message: Message): string => Buffer.from(postcard.encode(message)).toString('hex');
const messageIn = ({ hex }: Frame): Message => postcard.decode(fromHex(hex), LIMITS);

/** Sends the peer's recorded messages, each once we have sent the message before it in the recording. */
class Replay {
  readonly #frames: readonly Frame[];
  readonly #peer: ScriptedPeer;
  #next = 0;
  /** Our messages that differ from the recorded ones. */
  readonly different: string[] = [];
  /** Our messages that have no recorded counterpart. */
  readonly unexpected: string[] = [];

  constructor(link: Link, frames: readonly Frame[]) {
    this.#frames = frames;
    this.#peer = new ScriptedPeer(link, { codec: postcard, onHeard: (heard) => this.#hear(heard) });
    this.#say();
  }

  get isOver(): boolean {
    return this.#next === this.#frames.length;
  }

  end(): void {
    this.#peer.say('end');
  }

  #hear(heard: Message | Uint8Array | 'end'): void {
    if (heard === 'end' || heard instanceof Uint8Array) return;
    const frame = this.#frames[this.#next];
    const then = frame === undefined ? undefined : messageIn(frame);
    if (then !== undefined && subject(then) === subject(heard)) {
      if (frame?.hex !== toHex(heard)) this.different.push(brief(heard));
      this.#next++;
      this.#say();
      // The sizes of grants depend on the time at which items are taken, so they are not compared.
    } else if (heard.type !== 'ChannelMessage' || heard.body.type !== 'GrantCredit') {
      this.unexpected.push(brief(heard));
    }
  }

  #say(): void {
    for (; this.#frames[this.#next]?.by === 'peer'; this.#next++) {
      this.#peer.say(fromHex((this.#frames[this.#next] as Frame).hex));
    }
  }
}

/** Returns the kind and id of a message, on any connection. */
const subject = (message: Message): string => brief({ ...message, connectionId: 0 } as Message);

test('recorded: what it called us with is answered as it was then', async () => {
  const [near, far] = memoryLinkPair({ capacity: 1024 });
  const replay = new Replay(far, recorded.theyInitiate);
  const session = await accept(near, { codec: postcard, peer: 'roam-typescript-7' });
  const none = () => {
    throw new Error('was not called');
  };
  const implementation = {
    ...Object.fromEntries(Object.keys(Testbed.methods).map((name) => [name, none])),
    echo: (text: string) => text,
    divide: () => fail({ tag: 'DivisionByZero' }),
    sum: async (rx: AsyncIterable<number>) => {
      let sum = 0n;
      for await (const item of rx) sum += BigInt(item);
      return sum;
    },
    generate: async (count: number, tx: Tx<number>) => {
      for (const number of upTo(count)) await tx.send(number);
      await tx.close();
    },
  };
  session.root.serve(Testbed.handler(implementation as never));
  await settle();
  expect(replay.isOver).toBe(true);
  // In the recorded run we sent three errors, on a connection that does not exist, and all credit at once.
  expect(replay.different).toEqual([
    'HelloYourself on 0',
    'Response 3 on 0',
    'Response 4 on 0',
    'Response 5 on 0',
    'GrantCredit 1 on 0',
  ]);
  expect(replay.unexpected).toEqual([]);
  replay.end();
  expect(await session.closed).toMatchObject({ by: 'peer' });
});

test('recorded: it answers what we call as it did then', async () => {
  const isPing = (frame: Frame): boolean => frame.by === 'us' && messageIn(frame).type === 'Ping';
  const frames = recorded.weInitiate.slice(0, recorded.weInitiate.findIndex(isPing));
  const [near, far] = memoryLinkPair({ capacity: 1024 });
  const replay = new Replay(far, frames);
  const metadata = [{ key: 'client', value: 'probe', flags: 0n }];
  const session = await initiate(near, { codec: postcard, peer: 'roam-typescript-7', metadata });
  const testbed = Testbed.client(session.root);
  const caller = session.root.caller();
  const trace = [{ key: 'trace', value: 2n ** 64n - 1n, flags: 2n }];
  expect(await testbed.echo('hello', { metadata: trace })).toBe('hello');
  expect(await testbed.divide(-(2n ** 63n), 2n)).toBe(-(2n ** 62n));
  await expect(testbed.divide(1n, 0n)).rejects.toMatchObject({ error: { tag: 'DivisionByZero' } });
  expect(await testbed.lookup(1)).toEqual({ name: 'Alice', age: 30, email: 'alice@example.com' });
  expect(await caller.call(0xdeadn, bytes())).toMatchObject({ ret: bytes(1, 1) });
  expect(await caller.call(Testbed.ids.echo, bytes(5, 0x61))).toMatchObject({ ret: bytes(1, 2) });

  const [items, theirItems] = channel<number>();
  const sum = testbed.sum(theirItems);
  for (const number of upTo(9)) await items.send(-(number + 1));
  await items.close();
  expect(await sum).toBe(-45n);

  const [theirNumbers, numbers] = channel<number>();
  const generated = testbed.generate(20, theirNumbers);
  expect(await all(numbers, (item) => item)).toEqual(upTo(20));
  await generated;

  const [words, theirWords] = channel<string>();
  const [theirBack, back] = channel<string>();
  const transformed = testbed.transform(theirWords, theirBack);
  await words.send('añb');
  await words.close();
  expect(await all(back, (item) => item)).toEqual(['añb']);
  await transformed;

  expect(replay.isOver).toBe(true);
  expect(replay.different).toEqual([]);
  expect(replay.unexpected).toEqual([]);
  session.shutdown();
  expect(await session.closed).toMatchObject({ cause: 'shutdown' });
});
