// Over real sockets, the memory of frames is reused while other frames are still on their way.
import { expect, test } from '@jest/globals';
import { deferred } from '../../src/base/promise.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { upTo } from '../support/sequence.js';

const ITEMS = 600;
const LENGTHS = [9_000, 16_384, 16_400, 40_000, 65_000, 100, 70_000];

/**
 * Returns the bytes of the item with this number, which both ends know. They differ from those of the item that had the same
 * memory before.
 */
function bytesOf(number: number, salt: number): Buffer {
  const bytes = Buffer.alloc(LENGTHS[(number * 5 + salt) % LENGTHS.length] ?? 0, (number * 7 + salt) % 251);
  bytes.writeUInt32BE(number, 0);
  bytes.writeUInt32BE(number, bytes.length - 4);
  return bytes;
}

async function sendAll(connection: Connection, salt: number): Promise<void> {
  for (const number of upTo(ITEMS)) {
    await connection.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item: bytesOf(number, salt) } });
  }
}

/** Counts the items that came as they were sent. Reads slower than the peer sends, so that items lie in the sockets. */
async function countRight(connection: Connection, salt: number): Promise<number> {
  let count = 0;
  for await (const { body } of connection) {
    if (body.type === 'Item' && Buffer.compare(body.item, bytesOf(count, salt)) === 0) count++;
    if (count === ITEMS) break;
    if (count % 50 === 0) await new Promise(setImmediate);
  }
  return count;
}

test('every item arrives as it was sent, both ways at once, while the memory of those before it is used again', async () => {
  let released = 0;
  const codec: Codec = {
    ...messagePack,
    release: (frame) => {
      released++;
      messagePack.release?.(frame);
    },
  };
  const accepted = deferred<Session>();
  const listener = await listenWebSocket({ port: 0 }, async (link) => accepted.resolve(await accept(link, { codec })));
  const near = await initiate(await connectWebSocket(listener.url), { codec });
  const far = await accepted.promise;
  const right = Promise.all([countRight(near.root, 1), countRight(far.root, 2)]);
  await Promise.all([sendAll(near.root, 2), sendAll(far.root, 1)]);
  expect(await right).toEqual([ITEMS, ITEMS]);
  expect(released).toBeGreaterThan(ITEMS);
  near.shutdown();
  await Promise.all([near.closed, far.closed]);
  await listener.close();
});
