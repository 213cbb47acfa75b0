import { describe, expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { MESSAGE_COST } from '../../src/conduit/costs.js';
import type { Connection, Rx } from '../../src/index.js';
import type { DataMessage, Message } from '../../src/wire/message.js';
import { closeOf, established, itemOf, NOTHING_LEFT, openOf, pingOf, type Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, closeOn, itemOn } from '../support/traffic.js';

// Unread messages of connections that are over. The peer opens 2, 4, …, and names channel 2 on each.

const LIMIT = 600;
const KINDS = ['messages', 'items', 'items of a closed channel'] as const;
type Kind = (typeof KINDS)[number];

/** Returns the cost of an item of one byte. A message counts with its frame, an item on a channel without. */
const costs = (kind: Kind): number =>
  MESSAGE_COST + (kind === 'messages' ? messagePack.encode({ ...itemOn(2, 1), connectionId: 2 }).length : 1);

/** An item that counts for `cost`, and begins with `value`. */
function item(kind: Kind, id: number, value: number, cost: number): DataMessage {
  return { ...itemOn(2, value, ...new Array(cost - costs(kind)).fill(0)), connectionId: id };
}

/** The peer opens a connection, and names a channel. */
function opening(kind: Kind, id: number): Message[] {
  if (kind === 'messages') return [openOf(id)];
  return [openOf(id), { ...callOf(2, bytes(), { channels: [2] }), connectionId: id }];
}

/** The peer opens a connection, sends 1 and 2 on it, which together count for `cost`, and closes it. */
function round(kind: Kind, id: number, cost: number): Message[] {
  const items = [item(kind, id, 1, 240), item(kind, id, 2, cost - 240)];
  const close = kind === 'items of a closed channel' ? [{ ...closeOn(2), connectionId: id }] : [];
  return [...opening(kind, id), ...items, ...close, closeOf(id)];
}

let rig: Rig;
/** The objects to read from, by their connection's id. */
let held: Map<number, Connection | Rx>;

/** Starts a session that keeps its connections and channels, and reads nothing. */
async function keeping(kind: Kind): Promise<() => Promise<void>> {
  held = new Map();
  const setup = (connection: Connection): void => {
    if (kind === 'messages') held.set(connection.id, connection);
    else {
      connection.serve(({ channels }) => {
        held.set(connection.id, channels[0]?.receive() as Rx);
        return bytes();
      });
    }
  };
  const onConnection = () => ({ type: 'accept', setup }) as const;
  const { session, ...started } = await established({ limits: { inboxBytes: LIMIT }, onConnection });
  ({ rig } = started);
  return async () => {
    session.shutdown();
    await session.closed;
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  };
}

/** Reads `count` of the messages or items that a connection left. */
async function read(id: number, count: number): Promise<(number | undefined)[]> {
  const iterator = (held.get(id) as Connection | Rx)[Symbol.asyncIterator]();
  const values: (number | undefined)[] = [];
  while (values.length < count) {
    const { value } = await iterator.next();
    if (value instanceof Uint8Array) values.push(value[0]);
    else values.push(value?.body.type === 'Item' ? value.body.item[0] : undefined);
  }
  return values;
}

/** Returns true if the session takes one message more, on the root. The Pong to a Ping behind the message shows it. */
async function reads(): Promise<boolean> {
  const answers = await rig.say(itemOf(0, 0), pingOf(1));
  return answers.some(({ type }) => type === 'Pong');
}

describe.each(KINDS)('what a connection that is over has left, as %s,', (kind) => {
  test('can be read, in order, and stops nothing that comes on another one', async () => {
    const finish = await keeping(kind);
    await rig.say(...round(kind, 2, LIMIT - 1));
    // There is as much room as without the unread messages.
    await rig.say(...round(kind, 4, LIMIT - 1).slice(0, -1));
    expect(await reads()).toBe(true);
    expect(await read(4, 2)).toEqual([1, 2]);
    expect(await read(2, 2)).toEqual([1, 2]);
    await finish();
  });

  // n − 1, n
  test.each([2 * LIMIT - 1, 2 * LIMIT])(
    'is bounded with what waits elsewhere, for a peer that opens, fills and closes again and again: %i bytes',
    async (total) => {
      const finish = await keeping(kind);
      await rig.say(...round(kind, 2, LIMIT - 10), ...round(kind, 4, LIMIT - 180));
      await rig.say(...opening(kind, 6), item(kind, 6, 1, total - 2 * LIMIT + 190));
      const isFull = total === 2 * LIMIT;
      expect(await reads()).toBe(!isFull);
      expect(await read(2, 1)).toEqual([1]);
      await settle();
      expect(rig.peer.take()).toMatchObject(isFull ? [{ type: 'Pong' }] : []);
      await finish();
    },
  );

  test('is bounded also when it has taken all there is: what is closed or reset makes room', async () => {
    const finish = await keeping(kind);
    await rig.say(...round(kind, 2, LIMIT - 1), ...round(kind, 4, LIMIT - 1), ...round(kind, 6, LIMIT - 1));
    expect(await reads()).toBe(false);
    expect(held.size).toBe(3);
    const first = held.get(2) as Connection | Rx;
    if ('reset' in first) first.reset();
    else await first.close();
    await settle();
    expect(rig.peer.take().at(-1)).toEqual({ ...pingOf(1), type: 'Pong' });
    expect(await read(6, 2)).toEqual([1, 2]);
    await finish();
  });
});
