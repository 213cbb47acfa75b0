import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { startLink, whenFrameComes } from '../../src/conduit/first-frame.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import { VirtualClock } from '../support/clock.js';

/** Longer than sessions begin in one turn. */
const LONG = 15;

function busyFor(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

/** Links whose sessions take long to begin. */
class Crowd {
  /** The calls of the links and the events of their sessions, each with the number of its link. */
  readonly log: string[] = [];
  readonly events: LinkEvents[] = [];

  constructor(count: number, { limits = {}, authenticate, signal, clock }: Partial<CrowdOptions> = {}) {
    for (let index = 0; index < count; index++) {
      const note = (text: string): void => void this.log.push(`${index} ${text}`);
      const link: Link = {
        buffered: 0,
        start: (events) => void this.events.push(events),
        send() {},
        pause: () => note('pause'),
        resume: () => note('resume'),
        close() {},
        abort() {},
      };
      whenFrameComes(link, { limits: { ...DEFAULT_LIMITS, ...limits }, authenticate, signal, clock }, (isLate) => {
        note(isLate ? 'begins late' : 'begins');
        busyFor(LONG);
        startLink(link, {
          message: ([first]) => note(`message ${first}`),
          drained() {},
          ended: () => note('ended'),
          failed: ({ message }) => note(`failed: ${message}`),
          frameLimit: () => 5,
        });
      });
    }
  }

  say(index: number, message: number, length = 1): void {
    this.events[index]?.message(new Uint8Array(length).fill(message));
  }

  get begun(): number {
    return this.log.filter((line) => line.includes('begins')).length;
  }

  of(index: number): string[] {
    return this.log.filter((line) => line.startsWith(`${index} `)).map((line) => line.slice(2));
  }

  async all(): Promise<void> {
    while (this.begun < this.events.length) await turn();
    // The next test has a turn with all its time.
    await turn();
    await turn();
  }
}

interface CrowdOptions {
  limits: Partial<typeof DEFAULT_LIMITS>;
  authenticate: () => unknown;
  signal: AbortSignal;
  clock: VirtualClock;
}

describe('sessions whose first messages come all at once', () => {
  test('begin in order, over several turns of the event loop', async () => {
    const crowd = new Crowd(4);
    for (let index = 0; index < 4; index++) crowd.say(index, 7);
    const begun = [crowd.begun];
    while (crowd.begun < 4) {
      await turn();
      begun.push(crowd.begun);
    }
    expect(begun).toEqual([1, 2, 3, 4]);
    const waited = ['pause', 'resume', 'begins', 'message 7'];
    expect([0, 1, 2, 3].map((index) => crowd.of(index))).toEqual([['begins', 'message 7'], waited, waited, waited]);
    await crowd.all();
  });

  test('get all that came while they waited, in order, and their ends', async () => {
    const crowd = new Crowd(3);
    for (const [index, message] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 2],
    ] as const) {
      crowd.say(index, message);
    }
    crowd.events[1]?.ended();
    crowd.events[2]?.failed(new Error('reset'));
    expect(crowd.begun).toBe(1);
    await crowd.all();
    crowd.say(0, 3);
    expect([0, 1, 2].map((index) => crowd.of(index))).toEqual([
      ['begins', 'message 0', 'message 3'],
      ['pause', 'resume', 'begins', 'message 1', 'message 2', 'ended'],
      ['pause', 'resume', 'begins', 'message 1', 'message 2', 'failed: reset'],
    ]);
  });

  test('keep messages of their own: the memory that the link has read them into is not kept', async () => {
    const crowd = new Crowd(2);
    const read = new Uint8Array(64 * 1024).fill(1);
    crowd.say(0, 0);
    crowd.events[1]?.message(read.subarray(0, 10));
    read.fill(2);
    await crowd.all();
    expect(crowd.of(1).at(-1)).toBe('message 1');
  });

  test('begin once, and not late, if their time passes or their signal aborts while they wait', async () => {
    const controller = new AbortController();
    const crowd = new Crowd(3, { limits: { handshakeTimeout: LONG / 3 }, signal: controller.signal });
    for (let index = 0; index < 3; index++) crowd.say(index, 7);
    controller.abort();
    await crowd.all();
    expect(crowd.log.filter((line) => line.includes('begins'))).toEqual(['0 begins', '1 begins', '2 begins']);
  });

  test('of silent peers that all are given up begin over several turns, too', async () => {
    const controller = new AbortController();
    const crowd = new Crowd(3, { signal: controller.signal });
    controller.abort();
    expect(crowd.begun).toBe(1);
    await crowd.all();
    const late = new Crowd(3, { limits: { handshakeTimeout: 2 } });
    await late.all();
    expect([0, 1, 2].map((index) => late.of(index).at(-1))).toEqual(['begins late', 'begins late', 'begins late']);
  });

  test.each([
    ['any', undefined, 1_000],
    ['the first, if the peer has to say who it is', () => undefined, 10],
  ])('may get a second message as long as %s, while they wait', async (_, authenticate, longest) => {
    const crowd = new Crowd(2, { limits: { handshakeBytes: 10, frame: 1_000 }, ...(authenticate && { authenticate }) });
    const limit = () => crowd.events[1]?.frameLimit?.();
    const seen = [limit()];
    crowd.say(0, 0);
    crowd.say(1, 0);
    seen.push(limit());
    await crowd.all();
    expect([...seen, limit()]).toEqual([10, longest, 5]);
  });

  test('begin at once when more than 16 MiB wait', async () => {
    const half = 8 * 2 ** 20;
    const crowd = new Crowd(4);
    crowd.say(0, 0);
    crowd.say(1, 1, half);
    crowd.say(2, 2, half);
    expect(crowd.begun).toBe(1);
    crowd.say(3, 3);
    expect(crowd.of(3)).toEqual(['begins', 'message 3']);
    await crowd.all();
    expect(crowd.begun).toBe(4);
    // What waited counts no more.
    const next = new Crowd(2);
    next.say(0, 0);
    next.say(1, 1, half);
    expect(next.begun).toBe(1);
    await next.all();
  });

  test('begin at once when more than 64 messages of their link wait, also empty ones', async () => {
    const crowd = new Crowd(3);
    crowd.say(0, 0);
    crowd.say(2, 2);
    for (let count = 1; count <= 64; count++) crowd.say(1, count, 0);
    expect(crowd.begun).toBe(1);
    crowd.say(1, 65);
    crowd.say(1, 66);
    await crowd.all();
    expect(crowd.log.filter((line) => line.includes('begins'))).toEqual(['0 begins', '1 begins', '2 begins']);
    expect(crowd.of(1).slice(-3)).toEqual(['message undefined', 'message 65', 'message 66']);
    expect(crowd.of(1)).toHaveLength(3 + 66);
  });

  test('begin at once on a clock of their own', () => {
    const crowd = new Crowd(3, { clock: new VirtualClock() });
    for (let index = 0; index < 3; index++) crowd.say(index, 7);
    expect(crowd.log).toEqual([0, 1, 2].flatMap((index) => [`${index} begins`, `${index} message 7`]));
  });
});
