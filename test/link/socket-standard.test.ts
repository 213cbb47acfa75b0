import { describe, expect, jest, test } from '@jest/globals';
import { LinkError } from '../../src/base/errors.js';
import type { Link } from '../../src/link/link.js';
import { type StandardWebSocket, webSocketLink } from '../../src/link/websocket.js';
import { turns } from './contract.js';
import { type Recorder, record } from './recorder.js';
import { CountingTarget, playTimers } from './sockets.js';

// A link over a browser's WebSocket, which the test plays.

class FakeSocket extends CountingTarget implements StandardWebSocket {
  readyState = 1;
  bufferedAmount = 0;
  binaryType = 'blob';
  /** Messages that were sent, by their lengths, and ends, in order. */
  readonly done: unknown[] = [];

  send(data: Uint8Array): void {
    this.done.push(data.length);
    this.bufferedAmount += data.length;
  }

  close(code?: number, reason?: string): void {
    this.done.push([code, reason]);
  }

  tell(type: string, fields: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

async function started(): Promise<{ socket: FakeSocket; link: Link; events: Recorder }> {
  const socket = new FakeSocket();
  const link = webSocketLink(socket, { closeTimeout: 100 });
  const events = record(link);
  await turns(1);
  return { socket, link, events };
}

const bytes = (length: number) => new Uint8Array(length);

playTimers();

describe("a link over a browser's WebSocket", () => {
  test('takes messages as ArrayBuffers, also those of another realm', async () => {
    const { socket, link, events } = await started();
    expect(socket.binaryType).toBe('arraybuffer');
    const { buffer } = Uint8Array.of(1, 2, 3);
    socket.tell('message', { data: buffer });
    expect(events.messages).toEqual([Uint8Array.of(1, 2, 3)]);
    link.abort();
  });

  test.each([
    ['a text', 'text', 'a text message'],
    ['a Blob', new Blob([]), 'a message that is no ArrayBuffer'],
  ])('fails at %s, with a code that a browser allows, when the WebSocket is closed', async (_, data, what) => {
    const { socket, events } = await started();
    socket.tell('message', { data });
    expect([socket.done, events.ends]).toEqual([[[4003, 'only binary messages are taken']], []]);
    socket.tell('close', { code: 4003, reason: '' });
    expect(events.ends).toEqual([new LinkError(`the peer sent ${what}; only binary messages are taken`)]);
  });

  test.each([
    [1000, '', 'ended'],
    [1006, '', new LinkError('the connection was lost without a closing handshake')],
    [4000, 'aborted', new LinkError('the peer closed the WebSocket with code 4000: "aborted"')],
    [4000, '', new LinkError('the peer closed the WebSocket with code 4000')],
  ])('tells an end with code %i and the reason %j, and leaves no listener', async (code, reason, end) => {
    const { socket, events } = await started();
    socket.tell('error');
    socket.tell('close', { code, reason });
    expect([events.ends, socket.listeners]).toEqual([[end], { message: 0, close: 0, error: 0 }]);
  });

  test('is over from the start if its WebSocket is closed', async () => {
    const socket = Object.assign(new FakeSocket(), { readyState: 3 });
    expect(await record(webSocketLink(socket)).end()).toEqual(
      new LinkError('the connection was lost without a closing handshake'),
    );
  });

  test('ends in order with code 1000, after closeTimeout at the latest', async () => {
    const { socket, link, events } = await started();
    link.close();
    expect(socket.done).toEqual([[1000, '']]);
    jest.advanceTimersByTime(99);
    expect(events.ends).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(socket.done.slice(1)).toEqual([[4000, 'aborted']]);
    expect(events.ends).toEqual([new LinkError('the peer did not complete the closing handshake within 100 ms')]);
  });

  test('that is aborted has nothing buffered, no listener and no timer, and tells nothing', async () => {
    const { socket, link, events } = await started();
    link.send(bytes(1_000));
    expect([link.buffered, jest.getTimerCount()]).toEqual([1_000, 1]);
    link.abort();
    expect([link.buffered, jest.getTimerCount(), socket.done]).toEqual([0, 0, [1_000, [4000, 'aborted']]]);
    socket.tell('message', { data: new ArrayBuffer(1) });
    socket.tell('close', { code: 4000, reason: 'aborted' });
    expect([events.events, socket.listeners]).toEqual([0, { message: 0, close: 0, error: 0 }]);
  });

  test('loses what is sent while the connection ends', async () => {
    const { socket, link, events } = await started();
    socket.readyState = 2;
    link.send(bytes(1));
    socket.tell('close', { code: 1000, reason: '' });
    expect([socket.done, events.ends]).toEqual([[], ['ended']]);
  });

  test('looks every 16 ms, while something is buffered, if bytes have left', async () => {
    const { socket, link, events } = await started();
    link.send(bytes(1_000));
    jest.advanceTimersByTime(15);
    socket.bufferedAmount = 999;
    expect(events.drains).toBe(0);
    jest.advanceTimersByTime(1);
    expect([events.drains, jest.getTimerCount()]).toEqual([1, 1]);
    jest.advanceTimersByTime(16);
    expect(events.drains).toBe(1);
    // What is sent meanwhile has not left, and needs no timer of its own.
    link.send(bytes(500));
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(16);
    expect(events.drains).toBe(1);
    socket.bufferedAmount = 0;
    jest.advanceTimersByTime(16);
    expect([events.drains, jest.getTimerCount()]).toEqual([2, 0]);
    jest.advanceTimersByTime(160);
    expect(events.drains).toBe(2);
  });

  test('sets no timer for a message that leaves at once', async () => {
    const { socket, link } = await started();
    socket.send = () => {};
    link.send(bytes(1_000));
    expect(jest.getTimerCount()).toBe(0);
    link.abort();
  });
});
