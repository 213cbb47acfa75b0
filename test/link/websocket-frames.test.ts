import type { Writable } from 'node:stream';
import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import type { Link } from '../../src/link/link.js';
import { frameLength, writeFrame } from '../../src/link/websocket-frames.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { record } from './recorder.js';

const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

/** Lengths around the steps of the header and of masking by four bytes, and any other up to 70 000. */
const lengths = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 33, 34, 35, 36, 125, 126, 127, 65_534, 65_535),
  fc.nat({ max: 2_000 }),
);

const message = lengths.map((length) => Uint8Array.from({ length }, (_, index) => index * 31 + length));

/** The messages that `ws` reads from these bytes. */
function readByWs(bytes: Uint8Array, isMasked: boolean): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const receiver = new Receiver({ isServer: isMasked });
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(true);
    messages.push(Uint8Array.from(data));
  });
  receiver.write(Buffer.from(bytes));
  return messages;
}

test('`ws` reads the messages that were written to one memory, from any index on, masked or not', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.boolean(), fc.nat({ max: 9 }), (messages, isMasked, start) => {
      const size = messages.reduce((sum, { length }) => sum + frameLength(length, isMasked), 0);
      // The memory starts at any address, too.
      const memory = new Uint8Array(new ArrayBuffer(size + start + 12), start % 4, size + start);
      let at = start;
      for (const each of messages) at = writeFrame(each, isMasked, memory, at);
      expect(at).toBe(start + size);
      const read = readByWs(memory.subarray(start), isMasked);
      expect(read.map(({ length }) => length)).toEqual(messages.map(({ length }) => length));
      expect(Buffer.concat(read).equals(Buffer.concat(messages))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

/** Two links over real sockets. */
async function pair(): Promise<{ client: Link; server: Link; close(): Promise<void> }> {
  const accepted: Link[] = [];
  const listener = await listenWebSocket({ port: 0 }, (link) => void accepted.push(link));
  const client = await connectWebSocket(listener.url);
  const [server] = accepted as [Link];
  const close = async () => {
    client.abort();
    server.abort();
    await listener.close();
  };
  return { client, server, close };
}

test('links over `ws` frame what they mask, and what is short', async () => {
  const { client, server, close } = await pair();
  const send = jest.spyOn(ws.WebSocket.prototype, 'send');
  const [atServer, atClient] = [record(server), record(client)];
  for (const length of [0, 8_192, 8_193, 65_535, 65_536]) {
    client.send(new Uint8Array(length));
    server.send(new Uint8Array(length));
  }
  await Promise.all([atServer.received(5), atClient.received(5)]);
  const lengths = send.mock.calls.map(([data]) => (data as Uint8Array).length);
  jest.restoreAllMocks();
  expect(lengths.sort((a, b) => a - b)).toEqual([8_193, 65_535, 65_536, 65_536]);
  await close();
});

test.each(['client', 'server'] as const)(
  'no frame of the %s is overwritten while a slow peer lets it wait',
  async (sender) => {
    const { client, server, close } = await pair();
    const [from, to] = sender === 'client' ? [client, server] : [server, client];
    record(from);
    const received = record(to);
    to.pause();
    const expected: Buffer[] = [];
    // 24 MB, far more than the system's buffers take.
    for (let tick = 0; tick < 400; tick++) {
      for (const length of [3, 40, 700, 5_000, 9_000, 48_000]) {
        const message = Buffer.alloc(length, `${tick} ${length}`);
        expected.push(message);
        from.send(Uint8Array.from(message));
      }
      await new Promise(setImmediate);
    }
    expect(from.buffered).toBeGreaterThan(2 ** 20);
    to.resume();
    await received.received(expected.length);
    expect(Buffer.concat(received.messages).equals(Buffer.concat(expected))).toBe(true);
    await close();
  },
);

test('a write that the system takes in part keeps its bytes while another link writes', async () => {
  const [slow, other] = [await pair(), await pair()];
  for (const link of [slow.client, other.client, other.server]) record(link);
  const received = record(slow.server);
  slow.server.pause();
  let count = 0;
  while (slow.client.buffered === 0) {
    slow.client.send(new Uint8Array(60_000).fill(1));
    count++;
    await new Promise(setImmediate);
  }
  other.client.send(new Uint8Array(65_000).fill(2));
  await new Promise(setImmediate);
  slow.server.resume();
  await received.received(count);
  expect(Buffer.concat(received.messages).equals(Buffer.alloc(60_000 * count, 1))).toBe(true);
  await Promise.all([slow.close(), other.close()]);
});

test('each frame has a mask of its own', () => {
  const masks = new Set<string>();
  const memory = new Uint8Array(64);
  for (let count = 0; count < 3_000; count++) {
    writeFrame(new Uint8Array(4), true, memory, 0);
    masks.add(memory.subarray(2, 6).join());
  }
  // Four random bytes meet again once in some thousand times.
  expect(masks.size).toBeGreaterThan(2_990);
});
