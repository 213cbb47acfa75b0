import { expect, test } from '@jest/globals';
import { type WsWebSocket, webSocketLink } from '../../src/link/websocket.js';
import { settle } from '../support/settle.js';

const WINDOW = 256 * 1024;

/** A WebSocket of `ws` whose buffer is in the test's hands. */
class HeldSocket implements WsWebSocket {
  readyState = 1;
  isPaused = false;
  bufferedAmount = 0;
  binaryType = '';
  readonly sent: number[] = [];
  readonly #callbacks: (() => void)[] = [];

  send(data: Uint8Array, sent?: (error?: Error) => void): void {
    this.sent.push(data.byteLength);
    this.bufferedAmount += data.byteLength;
    if (sent !== undefined) this.#callbacks.push(sent);
  }

  /** Empties the buffer as if all data had been sent. The callbacks of `send` run only at `tell`. */
  empty(): void {
    this.bufferedAmount = 0;
  }

  tell(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  close(): void {}
  terminate(): void {}
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  on(): void {}
  off(): void {}
}

test.each([
  ['a message', 1],
  ['an empty message', 0],
])('nothing overtakes %s that waits for the socket, though there is room for it again', async (_what, length) => {
  const socket = new HeldSocket();
  const link = webSocketLink(socket);
  link.start({ message() {}, drained() {}, ended() {}, failed() {} });
  link.send(new Uint8Array(WINDOW + 1));
  link.send(new Uint8Array(length));
  socket.empty();
  link.send(new Uint8Array(2));
  expect(socket.sent).toEqual([WINDOW + 1]);
  socket.tell();
  await settle();
  expect(socket.sent).toEqual([WINDOW + 1, length, 2]);
  expect(link.buffered).toBe(length + 2);
  link.abort();
});

test('a link that is paused as soon as it has been started stays paused', async () => {
  const socket = new HeldSocket();
  const link = webSocketLink(socket);
  link.start({ message() {}, drained() {}, ended() {}, failed() {} });
  link.pause();
  await settle();
  expect(socket.isPaused).toBe(true);
  link.resume();
  expect(socket.isPaused).toBe(false);
  link.abort();
});

test('a link that is aborted as soon as it has been started tells nothing, not even that its socket was gone', async () => {
  const socket = new HeldSocket();
  socket.readyState = 3;
  const link = webSocketLink(socket);
  const told: string[] = [];
  link.start({
    message: () => told.push('message'),
    drained: () => told.push('drained'),
    ended: () => told.push('ended'),
    failed: () => told.push('failed'),
  });
  link.abort();
  await settle();
  expect(told).toEqual([]);
});
