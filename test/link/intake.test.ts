import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { Intake } from '../../src/link/listen.js';
import { Pace } from '../../src/link/pace.js';
import { streamLink } from '../../src/link/stream.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';

/** Longer than an intake takes sockets in one turn. */
const LONG = 15;

function busyFor(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

function crowdOf(count: number): {
  readonly intake: Intake;
  readonly sockets: PassThrough[];
  readonly taken: number[];
} {
  const intake = new Intake();
  const taken: number[] = [];
  const sockets = Array.from({ length: count }, () => new PassThrough());
  for (const [index, socket] of sockets.entries()) {
    intake.add(socket, () => {
      taken.push(index);
      busyFor(LONG);
    });
  }
  return { intake, sockets, taken };
}

test('sockets that come all at once are taken in order, and other work gets its turn between them', async () => {
  const { taken } = crowdOf(4);
  const seen = [[...taken]];
  while (taken.length < 4) {
    await turn();
    seen.push([...taken]);
  }
  expect(seen).toEqual([[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]);
});

test('a socket that fails while it waits is not taken, and ends no process', async () => {
  const { sockets, taken } = crowdOf(3);
  sockets[1]?.destroy(new Error('reset'));
  while (taken.length < 2) await turn();
  expect(taken).toEqual([0, 2]);
  expect(sockets.map((socket) => socket.listenerCount('error'))).toEqual([0, 0, 0]);
});

test('sockets that still wait when the listener closes are ended, and not taken', async () => {
  const { intake, sockets, taken } = crowdOf(3);
  intake.drop();
  await turn();
  await turn();
  expect([taken, sockets.map(({ destroyed }) => destroyed)]).toEqual([[0], [false, true, true]]);
});

test('a socket that comes in a later turn is taken at once', async () => {
  const intake = new Intake();
  let count = 0;
  for (let more = 0; more < 3; more++) {
    intake.add(new PassThrough(), () => {
      count++;
      busyFor(LONG);
    });
    expect(count).toBe(more + 1);
    await turn();
    await turn();
  }
});

test('the request of a client is not read before its turn has come', async () => {
  const waiting: (readonly [socket: Socket, take: () => void])[] = [];
  const add = jest.spyOn(Intake.prototype, 'add').mockImplementation((socket, take) => {
    waiting.push([socket as Socket, take]);
  });
  const listener = await listenWebSocket({ port: 0 }, (link) => link.abort());
  const connecting = connectWebSocket(listener.url);
  while (waiting.length === 0) await turn();
  for (let turns = 0; turns < 20; turns++) await turn();
  const [[socket, take]] = waiting as [(typeof waiting)[number]];
  expect([waiting.length, socket.bytesRead]).toEqual([1, 0]);
  add.mockRestore();
  take();
  (await connecting).abort();
  await listener.close();
});

test('links that all end at once say so in order, over several turns', async () => {
  const ended: number[] = [];
  const streams = Array.from({ length: 4 }, (_, index) => {
    const stream = new PassThrough();
    const end = (): void => {
      ended.push(index);
      busyFor(LONG);
    };
    streamLink(stream).start({ message() {}, drained() {}, ended: end, failed: end });
    return stream;
  });
  await turn();
  await turn();
  for (const stream of streams) stream.destroy();
  const seen: number[] = [];
  while (ended.length < 4) {
    await turn();
    if (seen.at(-1) !== ended.length) seen.push(ended.length);
  }
  expect([ended, seen]).toEqual([
    [0, 1, 2, 3],
    [1, 2, 3, 4],
  ]);
});

test('work that brings more work does not do it within itself', async () => {
  const pace = new Pace();
  const done: string[] = [];
  let depth = 0;
  const work = (name: string, then?: () => void) => () => {
    depth++;
    done.push(`${name} at depth ${depth}`);
    then?.();
    depth--;
  };
  pace.add(work('first', () => pace.add(work('second', () => pace.add(work('third'))))));
  expect(done).toEqual(['first at depth 1', 'second at depth 1', 'third at depth 1']);
});

test('work that throws holds up no other work', async () => {
  const pace = new Pace();
  const done: number[] = [];
  expect(() =>
    pace.add(() => {
      pace.add(() => void done.push(1));
      throw new Error('broken');
    }),
  ).toThrow('broken');
  pace.add(() => void done.push(2));
  await turn();
  expect(done).toEqual([1, 2]);
});

test('a link that is closed when its end waits for its turn keeps no timer and takes no message', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] });
  try {
    const seen: string[] = [];
    const [busy, other] = [new PassThrough(), new PassThrough()];
    const [first, second] = [streamLink(busy), streamLink(other)];
    first.start({ message() {}, drained() {}, ended() {}, failed: () => busyFor(LONG) });
    second.start({
      message: () => void seen.push('message'),
      drained() {},
      ended: () => void seen.push('ended'),
      failed: () => void seen.push('failed'),
    });
    await turn();
    await turn();
    busy.destroy();
    other.once('close', () => {
      second.close();
      expect(() => second.send(Uint8Array.of(1))).toThrow('the link is closed');
      expect([seen, jest.getTimerCount()]).toEqual([[], 0]);
      seen.push('closed');
    });
    other.destroy();
    for (let turns = 0; turns < 4; turns++) await turn();
    expect([seen, jest.getTimerCount()]).toEqual([['closed', 'failed'], 0]);
  } finally {
    jest.useRealTimers();
  }
});
