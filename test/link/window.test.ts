import { expect, test } from '@jest/globals';
import { type WsWebSocket, webSocketLink } from '../../src/link/websocket.js';
import { settle } from '../support/settle.js';

const WINDOW = 256 * 1024;

/** A WebSocket of `ws` whose buffer is in the test's hands. */
class HeldSocket implements WsWebSocket {
  readonly readyState = 1;
  bufferedAmount = 0;
  binaryType = '';
  readonly sent: number[] = [];
  readonly #callbacks: (() => void)[] = [];

  send(data: Uint8Array, sent?: (error?: Error) => void): void {
    this.sent.push(data.byteLength);
    this.bufferedAmount += data.byteLength;
    if (sent !== undefined) this.#callbacks.push(sent);
  }

  /** Everything has left, and nobody has been told yet. */
  empty(): void {
    this.bufferedAmount = 0;
  }

  tell(): void {
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  close(): void {}
  terminate(): void {}
  pause(): void {}
  resume(): void {}
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
