import { describe, expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { Outbox } from '../../src/conduit/outbox.js';
import { PacedLink } from '../../src/conduit/paced-link.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import type { ConnectionOpen, DataMessage, Message } from '../../src/wire/message.js';

test('a frame that is held back is not given back when an Open behind it is withdrawn', () => {
  let sent = 0;
  const nothing = (): void => {};
  const inner: Link = {
    ...{ releasesSent: true, buffered: 0, start: nothing, pause: nothing, resume: nothing, close: nothing },
    ...{ abort: nothing, send: () => void sent++ },
  };
  const released: Uint8Array[] = [];
  const codec = { ...messagePack, release: (frame: Uint8Array) => void released.push(frame) };
  const paced = new PacedLink(inner, codec, DEFAULT_LIMITS, nothing);
  const events = {
    ...{ filled: nothing, progressed: nothing, drained: nothing, overflowed: nothing, unsendable: nothing },
  };
  const outbox = new Outbox(paced, codec, DEFAULT_LIMITS, events);
  paced.start({ message: nothing, drained: outbox.onDrained, ended: nothing, failed: nothing });
  const open = (connectionId: number, length: number): ConnectionOpen => ({
    type: 'ConnectionOpen',
    connectionId,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 1 },
    metadata: [{ key: 'k', value: 'x'.repeat(length), flags: 0n }],
  });
  const call = (id: number): DataMessage => ({
    type: 'RequestMessage',
    connectionId: 0,
    id,
    body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array(2000) },
  });
  outbox.transmit(open(1, 1));
  for (let id = 1; !paced.isHolding && id < 20; id += 2) void outbox.send(call(id));
  const before = sent;
  void outbox.send(call(101));
  expect(sent).toBe(before);
  outbox.transmit(open(3, 5000));
  outbox.transmit({ type: 'ConnectionClose', connectionId: 3, metadata: [] });
  expect(paced.buffered).toBeGreaterThan(2000);
  // The Open and the calls that have left, at most: not the call that is held.
  expect(released.length).toBeLessThan(before);
});

test('says of each moment if the link beneath releases frames: one that outlives its connections may change', () => {
  const nothing = (): void => {};
  const inner = {
    ...{ releasesSent: true, buffered: 0, start: nothing, pause: nothing, resume: nothing, close: nothing },
    ...{ abort: nothing, send: nothing },
  };
  const paced = new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing);
  expect(paced.releasesSent).toBe(true);
  inner.releasesSent = false;
  expect(paced.releasesSent).toBe(false);
});

test('tells of interruptions, and takes events that have no listener for them', () => {
  const nothing = (): void => {};
  let told: LinkEvents | undefined;
  const inner: Link = {
    ...{ buffered: 0, pause: nothing, resume: nothing, close: nothing, abort: nothing, send: nothing },
    start: (events) => {
      told = events;
    },
  };
  const needed = { message: nothing, drained: nothing, ended: nothing, failed: nothing };
  const heard: string[] = [];
  const heeding = { interrupted: () => void heard.push('interrupted'), restored: () => void heard.push('restored') };
  for (const more of [{}, heeding]) {
    new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing).start({ ...needed, ...more });
    told?.interrupted?.();
    told?.restored?.();
  }
  expect(heard).toEqual(['interrupted', 'restored']);
});

test('passes on what the link beneath tells, and what the session wants of it', () => {
  const nothing = (): void => {};
  const calls: unknown[] = [];
  const note = (name: string) => (value?: unknown) => void calls.push(value === undefined ? name : [name, value]);
  let told: LinkEvents | undefined;
  const inner: Link = {
    ...{ buffered: 0, pause: note('pause'), resume: note('resume'), close: nothing, abort: note('abort') },
    start: (events) => {
      told = events;
    },
    send: nothing,
  };
  const paced = new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing);
  const frameLimit = (): number => 7;
  const events = { drained: note('drained'), ended: note('ended'), failed: note('failed') };
  paced.start({ ...events, message: (bytes) => note('message')([...bytes]), frameLimit });
  expect(told?.frameLimit?.()).toBe(7);
  // No answer to the Ping is in this frame, and no message. The session is to say so.
  paced.transmit(new Uint8Array(1), { type: 'Ping', connectionId: 0, nonce: 1n });
  told?.message(Uint8Array.of(0xc1));
  told?.drained();
  paced.pause();
  paced.resume();
  const error = new Error('broken');
  told?.failed(error);
  told?.ended();
  paced.abort();
  const all = [['message', [0xc1]], 'drained', 'pause', 'resume', ['failed', error], 'ended', 'abort'];
  expect(calls).toEqual(all);
});

describe('messages that are held back', () => {
  const open = (connectionId: number): ConnectionOpen => ({
    type: 'ConnectionOpen',
    connectionId,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 1 },
    metadata: [],
  });
  const accept = (connectionId: number): Message => ({ ...open(connectionId), type: 'ConnectionAccept' });
  const close = (connectionId: number): Message => ({ type: 'ConnectionClose', connectionId, metadata: [] });
  const item = (id: number): DataMessage => ({
    type: 'ChannelMessage',
    connectionId: 0,
    id,
    body: { type: 'Item', item: new Uint8Array(8) },
  });

  /** A paced link over one that notes what it is told. */
  class World {
    /** What the link beneath was told, in order: messages in short, and `close`. */
    readonly told: string[] = [];
    drained = 0;
    readonly paced: PacedLink;
    #events: LinkEvents | undefined;

    constructor() {
      const nothing = (): void => {};
      const inner: Link = {
        ...{ buffered: 0, pause: nothing, resume: nothing, abort: nothing },
        start: (events) => {
          this.#events = events;
        },
        send: (bytes) => {
          const message = messagePack.decode(bytes, DEFAULT_LIMITS);
          this.told.push('id' in message ? `item ${message.id}` : `${message.type} ${message.connectionId}`);
        },
        close: () => void this.told.push('close'),
      };
      this.paced = new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing);
      this.paced.start({ message: nothing, drained: () => this.drained++, ended: nothing, failed: nothing });
    }

    /** Sends messages as an outbox does. */
    send(...messages: Message[]): void {
      for (const message of messages) {
        const bytes = messagePack.encode(message);
        if (message.type === 'ChannelMessage') this.paced.send(bytes);
        else this.paced.transmit(bytes, message);
      }
    }

    /** The peer says something. Returns what the link beneath is told for that. */
    say(message: Message): readonly string[] {
      const before = this.told.length;
      this.#events?.message(messagePack.encode(message));
      return this.told.slice(before);
    }
  }

  const ping = (nonce: number): Message => ({ type: 'Ping', connectionId: 0, nonce: BigInt(nonce) });
  const pong = (nonce: number): Message => ({ ...ping(nonce), type: 'Pong' }) as Message;
  const lengthOf = (message: Message): number => messagePack.encode(message).length;

  test('count in what the link buffers until they leave, and an Open that is withdrawn counts no more', () => {
    const world = new World();
    world.send(open(1), item(1));
    expect(world.paced.buffered).toBe(0);
    world.send(item(2), open(3), item(3));
    const items = lengthOf(item(2)) + lengthOf(item(3));
    expect(world.paced.buffered).toBe(items + lengthOf(open(3)));
    world.send(close(3));
    expect([world.paced.buffered, world.drained]).toEqual([items, 1]);
    expect(world.paced.retained).toBe(items + lengthOf(open(3)));
    expect(world.say(accept(1))).toEqual(['item 2', 'item 3']);
    expect([world.paced.buffered, world.paced.retained]).toEqual([0, 0]);
  });

  test('are told of as drained when some have left, and not by an answer that lets none leave', () => {
    const world = new World();
    world.send(open(1), item(1), item(2));
    // The peer could otherwise make a full outbox look as if it made progress, for ever.
    for (const id of [3, 5, 7]) expect(world.say(accept(id))).toEqual([]);
    expect(world.drained).toBe(0);
    expect(world.say(accept(1))).toEqual(['item 2']);
    expect(world.drained).toBe(1);
  });

  test('leave before the link beneath is closed, which is closed once', () => {
    const world = new World();
    world.send(open(1), item(1), open(3), item(2), item(3));
    world.paced.close();
    expect(world.say(accept(1))).toEqual(['ConnectionOpen 3', 'item 2']);
    expect(world.say(accept(3))).toEqual(['item 3', 'close']);
    const other = new World();
    other.send(open(1));
    other.paced.close();
    expect(other.say(accept(1))).toEqual([]);
    expect(other.told).toEqual(['ConnectionOpen 1', 'close']);
  });

  test('are no longer withdrawn once they have left: the Close of such an Open leaves, too', () => {
    const world = new World();
    world.send(open(1), item(1), open(3));
    expect(world.say(accept(1))).toEqual(['ConnectionOpen 3']);
    world.send(close(3));
    expect(world.told.at(-1)).toBe('ConnectionClose 3');
  });

  test('are not withdrawn by a Close of another kind of id: a Ping with the number of a connection stays', () => {
    const world = new World();
    world.send(open(1), item(1), ping(3), close(3));
    expect(world.say(accept(1))).toEqual(['Ping 0', 'ConnectionClose 3']);
    world.send(ping(5), open(5));
    expect(world.say(pong(3))).toEqual(['Ping 0', 'ConnectionOpen 5']);
  });

  test('may still be withdrawn when a Ping with the number of their connection has left', () => {
    const world = new World();
    world.send(open(1), item(1), ping(3), item(2), open(3));
    expect(world.say(accept(1))).toEqual(['Ping 0', 'item 2']);
    world.send(close(3));
    expect(world.say(pong(3))).toEqual([]);
    world.send(item(3));
    expect(world.told.slice(4)).toEqual(['item 3']);
  });

  test('are dropped when the link is aborted', () => {
    const world = new World();
    world.send(open(1), item(1), item(2), open(3));
    world.paced.abort();
    expect(world.paced.buffered).toBe(0);
    expect(world.say(accept(1))).toEqual([]);
    world.send(close(3));
    expect(world.told).toEqual(['ConnectionOpen 1', 'item 1', 'ConnectionClose 3']);
  });
});
