import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { authority, checkBytes, Newcomer, Newcomers } from '../../src/link/listen.js';
import { cutWhatStaysPending } from '../../src/link/websocket-node.js';

/** Sockets whose first message is not whole, of which at most 1000 bytes are held, and the names of those that were cut. */
function held() {
  const all = new Newcomers(1_000);
  const cut: string[] = [];
  const why: string[] = [];
  const socket = (name: string, address: string | undefined, cost = 0): Newcomer => {
    const newcomer = new Newcomer(all, address, (text) => {
      cut.push(name);
      why.push(text);
    });
    if (cost > 0) newcomer.count(cost);
    return newcomer;
  };
  return { socket, cut, why };
}

describe('the bytes of first messages that are not whole', () => {
  test('may be as many as the limit; beyond it the oldest socket of the network that has most is cut', () => {
    const { socket, cut, why } = held();
    socket('idle', '10.0.0.2');
    socket('a', '10.0.0.1', 400);
    socket('b', '10.0.0.2', 200);
    socket('c', '10.0.0.2', 300);
    const last = socket('d', '10.0.0.3', 100);
    expect(cut).toEqual([]);
    last.count(1);
    expect(cut).toEqual(['b']);
    expect(why).toEqual(['first messages that are not whole took more than 1000 bytes (pendingBytes)']);
    // 801 are left, of which the first network has most.
    last.count(199);
    expect(cut).toEqual(['b']);
    last.count(1);
    expect(cut).toEqual(['b', 'a']);
  });

  test('count no more once the message is whole, or the socket is cut or gone', () => {
    const { socket, cut } = held();
    const [a, b] = [socket('a', '10.0.0.1', 600), socket('b', '10.0.0.1', 300)];
    a.settle();
    a.settle();
    a.count(5_000);
    b.count(700);
    expect(cut).toEqual([]);
    b.count(1);
    expect(cut).toEqual(['b']);
    b.count(5_000);
    socket('c', '10.0.0.2', 1_000);
    expect(cut).toEqual(['b']);
    socket('d', '10.0.0.1', 1);
    expect(cut).toEqual(['b', 'c']);
  });

  test('of one IPv6 network count together, and so do those of sockets without an address', () => {
    const { socket, cut } = held();
    socket('a', '2001:db8:0:1::1', 300);
    socket('b', '2001:db8:0:2::1', 350);
    socket('c', '2001:db8:0:1:ffff::2', 300);
    socket('d', undefined, 51);
    expect(cut).toEqual(['a']);
    socket('e', undefined, 300);
    expect(cut).toEqual(['a', 'd']);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('have no limit of %p', (most) => {
    expect(() => new Newcomers(most)).toThrow(
      new InvalidArgument(`pendingBytes must be an integer from 1 to ${2 ** 53 - 1}, not ${most}`),
    );
  });

  test('are 16 MiB by default', () => {
    const all = new Newcomers();
    const cut: string[] = [];
    const socket = new Newcomer(all, '10.0.0.1', () => cut.push('a'));
    socket.count(2 ** 24);
    expect(cut).toEqual([]);
    socket.count(1);
    expect(cut).toEqual(['a']);
  });
});

test('an address and its port are as in a URL', () => {
  expect([authority('127.0.0.1', 80), authority('::1', 80), authority('host', 0)]).toEqual([
    '127.0.0.1:80',
    '[::1]:80',
    'host:0',
  ]);
});

test('a number of bytes is an integer from 1 to its limit', () => {
  for (const value of [1, 5, 10]) checkBytes('size', value, 10);
  for (const value of [0, 11, 1.5, Number.NaN]) {
    expect(() => checkBytes('size', value, 10)).toThrow(
      new InvalidArgument(`size must be an integer from 1 to 10, not ${value}`),
    );
  }
});

describe('a connection that is no WebSocket yet', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  class FakeSocket extends EventEmitter {
    isDestroyed = false;
    destroy(): void {
      this.isDestroyed = true;
    }
  }

  function connected(count: number) {
    const server = new EventEmitter();
    const pending = cutWhatStaysPending(server as Server, 100);
    const sockets = Array.from({ length: count }, () => new FakeSocket());
    for (const socket of sockets) server.emit('connection', socket);
    return { pending, sockets, destroyed: () => sockets.map(({ isDestroyed }) => isDestroyed) };
  }

  test('is cut when its time has passed, unless it has become one or is gone', () => {
    const { pending, sockets, destroyed } = connected(3);
    pending.settle(sockets[1] as never);
    sockets[2]?.emit('close');
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(99);
    expect(destroyed()).toEqual([false, false, false]);
    jest.advanceTimersByTime(1);
    expect([destroyed(), jest.getTimerCount()]).toEqual([[true, false, false], 0]);
  });

  test('is cut when its server closes, unless it has become one or is gone', () => {
    const { pending, sockets, destroyed } = connected(3);
    pending.settle(sockets[1] as never);
    sockets[2]?.emit('close');
    pending.cut();
    expect(destroyed()).toEqual([true, false, false]);
  });
});
