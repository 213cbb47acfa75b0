import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  accept,
  type Caller,
  channel,
  type Handler,
  initiate,
  proxyConnections,
  type Session,
  type Tx,
} from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { settle } from '../support/settle.js';
import { bytes } from '../support/traffic.js';

// Calls and channels through a proxy, which knows nothing of either: caller ⇄ proxy ⇄ handler, all strict.

let sessions: Session[];
let caller: Caller;
let serve: (handler: Handler) => void;

beforeEach(async () => {
  const [near, left] = memoryLinkPair();
  const [right, far] = memoryLinkPair();
  const options = {
    conformance: 'strict',
    onReport: ({ message }: { message: string }) => {
      throw new Error(message);
    },
  } as const;
  sessions = await Promise.all([
    initiate(near, options),
    accept(left, options),
    initiate(right, options),
    accept(far, options),
  ]);
  const [ours, front, back, theirs] = sessions as [Session, Session, Session, Session];
  void proxyConnections(front.root, back.root);
  caller = ours.root.caller();
  serve = (handler) => theirs.root.serve(handler);
});

afterEach(async () => {
  for (const session of sessions) session.shutdown();
  const reasons = await Promise.all(sessions.map(({ closed }) => closed));
  expect(reasons.filter(({ error }) => error !== undefined)).toEqual([]);
});

test('a call is answered, and its payload is what it was', async () => {
  serve(({ args }) => args);
  const payload = new Uint8Array(100_000).map((_, at) => at);
  expect((await caller.call(1n, payload)).ret).toEqual(payload);
});

test('a call that is given up is cancelled at the handler, too', async () => {
  const reasons: unknown[] = [];
  serve(
    ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          resolve(bytes());
        });
      }),
  );
  const controller = new AbortController();
  const calling = caller.call(1n, bytes(), { signal: controller.signal });
  await settle();
  controller.abort();
  await expect(calling).rejects.toMatchObject({ name: 'Cancelled', by: 'local' });
  await settle();
  expect(reasons).toMatchObject([{ name: 'Cancelled', by: 'peer' }]);
});

test('a channel flows both ways at the reader’s pace: an unread one takes its credit, and no more', async () => {
  let sent = 0;
  serve(async ({ channels }) => {
    const tx = channels[0]?.send({ credit: 4 }) as Tx;
    for (; sent < 20; sent++) await tx.send(bytes(sent));
    await tx.close();
    return bytes(sent);
  });
  const [tx, rx] = channel({ credit: 4 });
  const calling = caller.call(1n, bytes(), { channels: [tx] });
  await settle();
  expect(sent).toBe(4);
  const items: number[] = [];
  for await (const [item] of rx) items.push(item as number);
  expect(items).toEqual(Array.from({ length: 20 }, (_, at) => at));
  expect((await calling).ret).toEqual(bytes(20));
});

test('a Reset reaches the sender behind the proxy', async () => {
  let error: unknown;
  serve(async ({ channels }) => {
    const tx = channels[0]?.send() as Tx;
    try {
      for (;;) await tx.send(bytes(1));
    } catch (reason) {
      error = reason;
    }
    return bytes();
  });
  const [tx, rx] = channel();
  const calling = caller.call(1n, bytes(), { channels: [tx] });
  for await (const _ of rx) break;
  await calling;
  expect(error).toMatchObject({ name: 'ChannelClosed', by: 'peer' });
});
