import { describe, expect, test } from '@jest/globals';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/base/limits.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { QUEUED_MESSAGE_COST } from '../../src/conduit/costs.js';
import { Outbox } from '../../src/conduit/outbox.js';
import type { Link } from '../../src/link/link.js';
import type { DataMessage, Message } from '../../src/wire/message.js';

/** An outbox over a link that holds its bytes until the test lets them leave. */
class World {
  readonly sent: Message[] = [];
  readonly told: string[] = [];
  buffered = 0;
  refusal: unknown;
  /** True if bytes leave as they are sent. */
  takesAll = false;
  readonly outbox: Outbox;

  constructor(limits: Partial<Limits> = {}, codec: Codec = messagePack, releasesSent = false) {
    const world = this;
    const nothing = (): void => {};
    const link: Link = {
      ...{ start: nothing, pause: nothing, resume: nothing, close: nothing, abort: nothing, releasesSent },
      get buffered() {
        return world.buffered;
      },
      send(bytes) {
        if (world.refusal !== undefined) throw world.refusal;
        world.sent.push(messagePack.decode(bytes, DEFAULT_LIMITS));
        if (!world.takesAll) world.buffered += bytes.length;
      },
    };
    const tell = (name: string) => () => void this.told.push(name);
    this.outbox = new Outbox(
      link,
      codec,
      { ...DEFAULT_LIMITS, ...limits },
      {
        ...{ filled: tell('filled'), progressed: tell('progressed'), drained: tell('drained') },
        ...{ overflowed: tell('overflowed'), unsendable: (error) => void this.told.push(String(error)) },
      },
    );
  }

  /** Lets all bytes leave but this many. */
  leave(left = 0): void {
    this.buffered = left;
    this.outbox.onDrained();
  }

  /** Sends an item, and notes how that ends. */
  send(id: number, connectionId = 0, length = 600): { end: unknown } {
    const result: { end: unknown } = { end: 'waits' };
    this.outbox.send(item(id, connectionId, length)).then(
      () => (result.end = 'sent'),
      (error: unknown) => (result.end = error),
    );
    return result;
  }

  /** The ids of the items on the link, and the connections of other messages. */
  get order(): readonly unknown[] {
    return this.sent.map((message) => ('id' in message ? message.id : [message.type, message.connectionId]));
  }
}

function item(id: number, connectionId: number, length: number): DataMessage {
  return { type: 'ChannelMessage', connectionId, id, body: { type: 'Item', item: new Uint8Array(length) } };
}

const settings = { connectionSettings: { parity: 'odd', maxConcurrentRequests: 1 }, metadata: [] } as const;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an outbox', () => {
  test('that was full tells that it is empty, though the link takes all that waits at once', () => {
    const world = new World({ outboxBytes: 1_000 });
    world.buffered = 2_000;
    for (let id = 0; id < 3; id++) world.send(id);
    let empty = 0;
    world.outbox.onEmpty = () => empty++;
    expect(world.outbox.isEmpty).toBe(false);
    world.takesAll = true;
    world.leave();
    expect([world.outbox.isEmpty, empty]).toEqual([true, 1]);
  });

  test('is full from outboxBytes on, and then lets the messages of the application wait in their order', async () => {
    const world = new World({ outboxBytes: 1_000 });
    const ends = [1, 2, 3, 4, 5].map((id) => world.send(id));
    await turn();
    expect(ends.map(({ end }) => end)).toEqual(['sent', 'sent', 'waits', 'waits', 'waits']);
    expect([world.order, world.told]).toEqual([[1, 2], ['filled']]);
    world.leave(999);
    expect([world.order, world.told]).toEqual([
      [1, 2, 3],
      ['filled', 'progressed'],
    ]);
    world.leave(1_000);
    expect(world.order).toEqual([1, 2, 3]);
    world.leave();
    world.leave();
    await turn();
    expect(ends.map(({ end }) => end)).toEqual(['sent', 'sent', 'sent', 'sent', 'sent']);
    expect(world.order).toEqual([1, 2, 3, 4, 5]);
    expect(world.told.at(-1)).toBe('drained');
    const rest = world.send(6);
    await turn();
    expect(rest.end).toBe('sent');
  });

  test('refuses a message whose frame is larger than limits.frame, and sends one that is as large', () => {
    const frame = messagePack.encode(item(1, 0, 600)).length;
    expect(() => new World({ frame: frame - 1 }).send(1)).toThrow(
      new InvalidArgument(`the message takes ${frame} bytes, more than limits.frame: ${frame - 1}`),
    );
    const world = new World({ frame });
    world.send(1);
    expect(world.order).toEqual([1]);
  });

  test('refuses what would wait beyond limits.waitingBytes, and takes what waits within', async () => {
    const frame = messagePack.encode(item(1, 0, 600)).length + QUEUED_MESSAGE_COST;
    for (const [waitingBytes, isTaken] of [
      [2 * frame, true],
      [2 * frame - 1, false],
    ] as const) {
      const world = new World({ outboxBytes: 1, waitingBytes });
      const [, second, third] = [world.send(1), world.send(2), world.send(3)];
      await turn();
      expect([world.order, second.end]).toEqual([[1], 'waits']);
      if (isTaken) expect(third.end).toBe('waits');
      else expect(third.end).toMatchObject({ name: 'LimitExceeded', limit: 'waitingBytes' });
      world.leave();
      await turn();
      expect(second.end).toBe('sent');
    }
  });

  test('drops what waits for one connection, in the order of the others, and asks for no error if there is nothing', async () => {
    const world = new World({ outboxBytes: 1 });
    let made = 0;
    const makeError = () => new Error(`closed ${++made}`);
    const ends = [world.send(1), world.send(2, 3), world.send(3, 5), world.send(4, 3), world.send(5, 7)];
    world.outbox.transmit({ type: 'ConnectionClose', connectionId: 5, metadata: [] });
    world.outbox.drop(9, makeError);
    expect(made).toBe(0);
    world.outbox.drop(3, makeError);
    world.outbox.drop(3, makeError);
    world.outbox.release();
    await turn();
    expect(world.order).toEqual([1, 3, 5, ['ConnectionClose', 5]]);
    expect(ends.map(({ end }) => String(end))).toEqual(['sent', 'Error: closed 1', 'sent', 'Error: closed 1', 'sent']);
  });

  test('lets a Close go behind what waits for its connection only, and drops it with that', () => {
    const world = new World({ outboxBytes: 1 });
    for (const [id, connectionId] of [
      [1, 0],
      [2, 3],
      [3, 5],
    ] as const)
      world.send(id, connectionId);
    for (const connectionId of [3, 5, 7]) {
      world.outbox.transmit({ type: 'ConnectionClose', connectionId, metadata: [] });
    }
    world.outbox.transmitLast({ type: 'ConnectionReject', connectionId: 9, metadata: [] });
    world.outbox.drop(3, () => new Error('closed'));
    world.outbox.release();
    expect(world.order).toEqual([1, ['ConnectionClose', 7], 3, ['ConnectionClose', 5], ['ConnectionReject', 9]]);
    world.outbox.transmitLast({ type: 'ConnectionReject', connectionId: 11, metadata: [] });
    expect(world.order.at(-1)).toEqual(['ConnectionReject', 11]);
  });

  test('lets a Close wait as long as a message of its connection does, and no longer', () => {
    const world = new World({ outboxBytes: 1 });
    for (const [id, connectionId] of [
      [1, 0],
      [2, 3],
      [3, 3],
      [4, 5],
      [5, 5],
    ] as const)
      world.send(id, connectionId);
    world.leave();
    expect(world.order).toEqual([1, 2]);
    const close = (connectionId: number) =>
      world.outbox.transmit({ type: 'ConnectionClose', connectionId, metadata: [] });
    close(3);
    expect(world.order).toEqual([1, 2]);
    for (let count = 0; count < 3; count++) world.leave();
    expect(world.order).toEqual([1, 2, 3, 4, 5]);
    world.leave();
    close(5);
    expect(world.order.slice(5)).toEqual([
      ['ConnectionClose', 3],
      ['ConnectionClose', 5],
    ]);
    world.send(6, 7);
    world.send(7, 9);
    world.send(8, 11);
    world.leave();
    world.leave();
    // Item 7 has left. Item 8 still waits.
    close(9);
    expect(world.order.slice(7)).toEqual([6, 7, ['ConnectionClose', 9]]);
  });

  test('lets replies to the peer go at once, also on a connection of which messages wait', () => {
    const world = new World({ outboxBytes: 1 });
    world.send(1, 3);
    world.send(2, 3);
    world.outbox.transmit({ type: 'ConnectionAccept', ...settings, connectionId: 3 });
    expect(world.order).toEqual([1, ['ConnectionAccept', 3]]);
  });

  test('is not empty while messages wait, although the link has nothing left and has not told so yet', () => {
    const world = new World({ outboxBytes: 1 });
    world.send(1);
    world.send(2);
    world.buffered = 0;
    expect(world.outbox.isEmpty).toBe(false);
    world.outbox.onDrained();
    world.leave();
    expect(world.outbox.isEmpty).toBe(true);
  });

  test('gives the codec the memory of a long frame back as soon as the link tells that it has left', () => {
    const released: number[] = [];
    const codec = { ...messagePack, release: (frame: Uint8Array) => void released.push(frame.length) };
    const world = new World({}, codec, true);
    world.send(1, 0, 20_000);
    const { buffered } = world;
    world.leave(1);
    expect(released).toEqual([]);
    world.leave();
    expect(released).toEqual([buffered]);
  });

  test('drops a Close that waits when the link refuses it', () => {
    const world = new World({ outboxBytes: 1 });
    world.send(1, 3);
    const second = world.send(2, 3);
    world.outbox.transmit({ type: 'ConnectionClose', connectionId: 3, metadata: [] });
    world.refusal = new LinkError('gone');
    world.leave();
    world.outbox.release();
    expect([world.order, world.told[1], second.end]).toEqual([[1], 'LinkError: gone', 'waits']);
    expect(world.outbox.isBroken).toBe(true);
  });

  test('rejects all that waits when the session is cut, each with an error of its own', async () => {
    const world = new World({ outboxBytes: 1 });
    const ends = [world.send(1), world.send(2), world.send(3, 3)];
    world.outbox.transmit({ type: 'ConnectionClose', connectionId: 3, metadata: [] });
    world.outbox.dropAll(() => new Error('cut'));
    await turn();
    expect(ends.map(({ end }) => String(end))).toEqual(['sent', 'Error: cut', 'Error: cut']);
    expect(ends[1]?.end).not.toBe(ends[2]?.end);
    world.outbox.release();
    expect(world.order).toEqual([1]);
  });

  test.each([
    ['an error', new RangeError('no'), 'RangeError: no', 'the link refused a message: no'],
    ['a text', 'no', 'Error: no', 'the link refused a message: no'],
    ['an error of links', new LinkError('gone'), 'LinkError: gone', 'gone'],
  ])(
    'gives the link no more when that has refused a message with %s, and rejects with it',
    async (_, refusal, told, text) => {
      const world = new World({ outboxBytes: 1 });
      const [first, second] = [world.send(1), world.send(2)];
      expect(world.outbox.isBroken).toBe(false);
      world.refusal = refusal;
      world.leave();
      world.refusal = undefined;
      const third = world.send(3);
      world.outbox.transmit({ type: 'ConnectionClose', connectionId: 3, metadata: [] });
      await turn();
      expect(world.outbox.isBroken).toBe(true);
      expect(first.end).toBe('sent');
      expect((second.end as LinkError).message).toBe(text);
      expect(second.end).toBeInstanceOf(LinkError);
      expect(third.end).toBe(second.end);
      expect([world.order, world.told.filter((name) => name.includes(':'))]).toEqual([[1], [told]]);
    },
  );

  test('overflows when replies take more than replyBytes beyond what the link held when it became full', () => {
    const reply: Message = { type: 'ConnectionClose', connectionId: 3, metadata: [] };
    const cost = messagePack.encode(reply).length + QUEUED_MESSAGE_COST;
    const world = new World({ outboxBytes: 1_000, replyBytes: 3 * cost });
    world.send(1);
    world.send(2);
    for (let count = 0; count < 3; count++) world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled']);
    world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled', 'overflowed']);
  });

  test('takes nothing from replyBytes for the replies that lay in the link when a message filled it', () => {
    const reply: Message = { type: 'ConnectionClose', connectionId: 3, metadata: [] };
    const cost = messagePack.encode(reply).length + QUEUED_MESSAGE_COST;
    const world = new World({ outboxBytes: 1_800, replyBytes: 3 * cost });
    for (let count = 0; count < 5; count++) world.outbox.transmit(reply);
    world.send(1);
    expect(world.told).toEqual(['filled']);
    for (let count = 0; count < 3; count++) world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled']);
    world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled', 'overflowed']);
  });

  test('fills by replies alone, and counts those that have left no more', () => {
    const reply: Message = { type: 'ConnectionClose', connectionId: 3, metadata: [] };
    const cost = messagePack.encode(reply).length + QUEUED_MESSAGE_COST;
    const world = new World({ outboxBytes: 3 * cost, replyBytes: 2 * cost });
    for (let count = 0; count < 10; count++) {
      world.outbox.transmit(reply);
      world.outbox.transmit(reply);
      world.leave();
    }
    expect(world.told).toEqual([]);
    for (let count = 0; count < 3; count++) world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled']);
    for (let count = 0; count < 2; count++) world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled']);
    world.outbox.transmit(reply);
    expect(world.told).toEqual(['filled', 'overflowed']);
    world.leave();
    expect(world.told.at(-1)).toBe('drained');
  });

  test('shows its messages to each watcher until that stops, also those that wait', () => {
    const world = new World({ outboxBytes: 1 });
    const seen: (readonly [string, number])[] = [];
    const watch = (name: string) => world.outbox.watch((message) => seen.push([name, message.id]));
    const [stopOne, stopOther] = [watch('one'), watch('other')];
    world.send(1);
    world.send(2);
    stopOne();
    world.send(3);
    stopOther();
    stopOther();
    world.send(4);
    expect(seen).toEqual([
      ['one', 1],
      ['other', 1],
      ['one', 2],
      ['other', 2],
      ['other', 3],
    ]);
  });
});
