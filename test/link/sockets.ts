import { connect, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, jest } from '@jest/globals';

/** Both ends of a TCP connection through `server`, which begins to listen. */
export async function socketPair(server: Server, options: { allowHalfOpen?: boolean } = {}): Promise<[Socket, Socket]> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect({ port, host: '127.0.0.1', ...options });
  await new Promise((resolve) => client.once('connect', resolve));
  return [client, await accepted];
}

/** A target of events that counts its listeners; for sockets and ports that a test plays. */
export class CountingTarget extends EventTarget {
  /** The number of listeners of each event. */
  readonly listeners: Record<string, number> = {};

  override addEventListener(type: string, listener: never): void {
    this.listeners[type] = (this.listeners[type] ?? 0) + 1;
    super.addEventListener(type, listener);
  }

  override removeEventListener(type: string, listener: never): void {
    this.listeners[type] = (this.listeners[type] ?? 0) - 1;
    super.removeEventListener(type, listener);
  }
}

/** Has the tests of a file run on fake timers, and leave none. */
export function playTimers(): void {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  });

  afterEach(() => {
    const timers = jest.getTimerCount();
    jest.useRealTimers();
    expect(timers).toBe(0);
  });
}
