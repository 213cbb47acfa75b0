import { expect, test } from '@jest/globals';
import { accept, messagePack } from '../../src/index.js';
import { listenWebSocket } from '../../src/link/websocket-node.js';
import type { Message } from '../../src/wire/message.js';
import { frame, rawPeer } from '../link/peers.js';
import { HELLO, openOf, pingOf } from '../support/rig.js';

// A client's bytes may come in one packet with its HTTP upgrade, or later. The result must be the same.

const said = (...messages: Message[]): Uint8Array[] => messages.map((message) => frame(2, messagePack.encode(message)));

const TEXT = frame(1, Buffer.from('no'));
const CLOSE = frame(8, Uint8Array.of(3, 232));
const UNKNOWN = frame(5);
const MALFORMED = frame(2, Uint8Array.of(0xc1));

/** Returns the session's results with this client, and the bytes that the client gets. */
async function reactionTo(bytes: Uint8Array, isEarly: boolean): Promise<unknown> {
  const told: unknown[] = [];
  let over = (): void => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const listener = await listenWebSocket({ port: 0, closeTimeout: 50 }, async (link) => {
    try {
      const session = await accept(link, { conformance: 'strict', limits: { flushTimeout: 50 } });
      told.push('established');
      const { cause, error } = await session.closed;
      told.push([cause, error?.message]);
    } catch (error) {
      told.push((error as Error).message);
    }
    over();
  });
  const { socket, received } = await rawPeer(listener.port, isEarly ? bytes : undefined);
  if (!isEarly) socket.write(bytes);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  await ended;
  await listener.close();
  return { told, received: received().toString('hex') };
}

test.each<[what: string, bytes: Uint8Array[]]>([
  ['Hello', said(HELLO)],
  ['Hello, a Ping and an Open', said(HELLO, pingOf(1), openOf(2))],
  ['Hello and a text frame', [...said(HELLO), TEXT]],
  ['Hello and a close frame', [...said(HELLO), CLOSE]],
  ['Hello and a frame that is none', [...said(HELLO), UNKNOWN]],
  ['Hello and bytes that are no message', [...said(HELLO), MALFORMED]],
  ['Hello twice', said(HELLO, HELLO)],
  ['a text frame', [TEXT]],
  ['a close frame', [CLOSE]],
  ['bytes that are no message', [MALFORMED]],
])('%s that come with the upgrade get the same reaction as those that come after it', async (_what, parts) => {
  const bytes = Buffer.concat(parts);
  const [early, late] = [await reactionTo(bytes, true), await reactionTo(bytes, false)];
  expect(early).toEqual(late);
});
