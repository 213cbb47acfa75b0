import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accept, type Caller, channel, initiate, type Session } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { settle } from '../support/settle.js';
import { bytes } from '../support/traffic.js';

// Calls and channels that are over must leave no memory behind, on either side: a session may live for years.

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** The most rounds. A leak shows in each of them; what the test runner notes meanwhile does not. */
const ROUNDS = 10;
/** As many as a connection allows, or fewer. */
const AT_A_TIME = 50;
/** Bytes per call: less than an object with its entry in a table. A leak would leave at least one of these for each call. */
const SMALLEST = 24;

/**
 * The first byte of the arguments tells the handler to fail or to wait. With any other byte it reads its channels and
 * answers.
 */
const FAIL = 1;
const WAIT = 2;

let sessions: [Session, Session];
let caller: Caller;

beforeAll(async () => {
  const [near, far] = memoryLinkPair();
  sessions = await Promise.all([initiate(near), accept(far, { onReport: () => {} })]);
  sessions[1].root.serve(async ({ args, signal, channels }) => {
    if (args[0] === FAIL) throw new Error('no');
    if (args[0] === WAIT) {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    for (const offered of channels) for await (const _ of offered.receive());
    return args;
  });
  caller = sessions[0].root.caller();
});

afterAll(async () => {
  for (const session of sessions) session.shutdown();
  await Promise.all(sessions.map(({ closed }) => closed));
});

/** Returns the bytes in use after garbage collection. The callbacks of the garbage collector have run by then. */
async function held(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await settle();
  }
  return process.memoryUsage().heapUsed;
}

/** Returns the least growth of the heap in a round, in bytes, once it is below `most`. A round calls `once` `times` times. */
async function growth(times: number, most: number, once: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let before = 0;
  // The first round also allocates things that are made once: code, and tables of a certain size.
  for (let round = 0; round <= ROUNDS && least >= most; round++) {
    for (let done = 0; done < times; done += AT_A_TIME) await Promise.all(Array.from({ length: AT_A_TIME }, once));
    const after = await held();
    if (round > 0) least = Math.min(least, after - before);
    before = after;
  }
  return least;
}

const { signal: shared } = new AbortController();

test.each<[what: string, times: number, once: () => Promise<unknown>]>([
  ['answered', 10_000, () => caller.call(1n, bytes())],
  [
    'answered in time, by a signal that many share',
    4_000,
    () => caller.call(1n, bytes(), { signal: shared, timeout: 60_000 }),
  ],
  ['failed', 4_000, () => caller.call(1n, bytes(FAIL)).catch(() => {})],
  [
    'aborted',
    4_000,
    () => {
      const controller = new AbortController();
      const answer = caller.call(1n, bytes(WAIT), { signal: controller.signal });
      controller.abort();
      return answer.catch(() => {});
    },
  ],
  [
    'answered, with a channel',
    2_000,
    async () => {
      const [tx, rx] = channel();
      const answer = caller.call(1n, bytes(), { channels: [rx] });
      await tx.send(bytes(1));
      await tx.close();
      return answer;
    },
  ],
])(
  'calls that are %s leave the heap as it was',
  async (_, times, once) => {
    const most = times * SMALLEST;
    expect(await growth(times, most, once)).toBeLessThan(most);
  },
  240_000,
);
