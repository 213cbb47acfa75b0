import { InvalidArgument, LinkError } from '../base/errors.js';
import type { Link } from '../link/link.js';
import { equal, isA, ok, type SuiteCase, throws } from './assert.js';
import { Recorder } from './link-recorder.js';

/** The two ends of one link, for {@link testLink}. */
export interface LinkPair {
  readonly left: Link;
  readonly right: Link;
  /** Closes the base of the pair, such as a server. Called when the case is over, and both ends were aborted. */
  dispose?(): unknown;
}

/** Options of {@link testLink}. */
export interface TestLinkOptions {
  /** Returns two linked ends that were not started. Called once or twice for each case. */
  connect(): LinkPair | Promise<LinkPair>;
  /**
   * True if the right end stops reading while it is paused. A browser's WebSocket can't.
   *
   * @defaultValue true
   */
  readonly pauses?: boolean;
  /**
   * True if the left end can drop messages that it sent before `close()`.
   *
   * @defaultValue true
   */
  readonly cuts?: boolean;
  /**
   * True if an end can tell the other one that its end was not orderly. A stream that is not TCP can't.
   *
   * @defaultValue true
   */
  readonly resets?: boolean;
}

/** The tools of a case. */
interface Place {
  links(): Promise<[Link, Link]>;
  /** Starts a link, and records its events. */
  record(link: Link): Recorder;
  dispose(): Promise<void>;
}

interface Host {
  readonly process?: { getActiveResourcesInfo?(): string[] };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly setTimeout?: (callback: () => void, time: number) => unknown;
}

/** Waits for a number of turns of the event loop. */
export async function turns(count: number): Promise<void> {
  const { setImmediate, setTimeout } = globalThis as Host;
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => {
      if (setImmediate === undefined) setTimeout?.(resolve, 0);
      else setImmediate(resolve);
    });
  }
}

/** Returns numbered messages of a size. */
export function numbered(count: number, size = 4): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, index);
    return bytes;
  });
}

export function numbersOf(messages: readonly Uint8Array[]): number[] {
  return messages.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/**
 * Returns the cases that every link has to pass: order, both kinds of end, `buffered` and `drained`, pauses, and silence
 * after the end. The links of this library pass the same cases.
 *
 * @example
 * for (const { name, run } of testLink({ connect: () => myLinkPair() })) test(name, run);
 */
export function testLink({
  connect,
  pauses = true,
  cuts = true,
  resets = true,
}: TestLinkOptions): readonly SuiteCase[] {
  if (typeof connect !== 'function') throw new InvalidArgument('connect must be a function that gives a pair of links');
  const cases: SuiteCase[] = [];
  const add = (name: string, body: (place: Place) => Promise<void>): void => {
    cases.push({ name, run: () => within(connect, body) });
  };

  add('one send is one message, in order, both ways', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    for (const bytes of numbered(1000)) left.send(bytes);
    for (const bytes of numbered(500)) right.send(bytes);
    await Promise.all([atRight.received(1000), atLeft.received(500)]);
    equal(numbersOf(atRight.messages), upTo(1000));
    equal(numbersOf(atLeft.messages), upTo(500));
  });

  add('an empty message arrives as an empty message', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    const atRight = record(right);
    for (const length of [0, 3, 0]) left.send(new Uint8Array(length));
    await atRight.received(3);
    equal(
      atRight.messages.map((bytes) => bytes.byteLength),
      [0, 3, 0],
    );
  });

  add('a message of a mebibyte arrives whole', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    const atRight = record(right);
    const big = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index * 7);
    left.send(big.slice());
    await atRight.received(1);
    equal(atRight.messages[0], big);
  });

  add('a view into a bigger buffer sends the view only', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    const atRight = record(right);
    left.send(Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 3));
    await atRight.received(1);
    equal([...(atRight.messages[0] as Uint8Array)], [1, 2]);
  });

  add('what arrives before start is kept until then', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    for (const bytes of numbered(100)) left.send(bytes);
    await turns(20);
    const atRight = record(right);
    left.send(Uint8Array.of(0, 0, 0, 100));
    await atRight.received(101);
    equal(numbersOf(atRight.messages), upTo(101));
  });

  add('an end that comes before start is told after it', async ({ links, record }) => {
    const [left, right] = await links();
    const atLeft = record(left);
    for (const bytes of numbered(3)) right.send(bytes);
    left.send(new Uint8Array(1));
    left.close();
    await turns(20);
    const atRight = record(right);
    equal(atRight.ends, []);
    equal(await atRight.end(), 'ended');
    equal(atRight.messages.length, 1);
    equal(await atLeft.end(), 'ended');
    equal(atLeft.messages.length, 3);
  });

  add('nothing is told from within a method of the link', async ({ links, record }) => {
    const [left, right] = await links();
    const atLeft = record(left);
    right.start(new Recorder());
    const silent = (act: () => void): void => {
      const before = atLeft.events;
      act();
      equal(atLeft.events, before);
    };
    right.send(new Uint8Array(1));
    await atLeft.received(1);
    right.send(new Uint8Array(1));
    silent(() => left.send(new Uint8Array(100_000)));
    silent(() => left.pause());
    silent(() => left.resume());
    silent(() => left.close());
    await atLeft.end();
    silent(() => left.abort());
  });

  add('an answer from within a message handler arrives, without recursion', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    let depth = 0;
    let deepest = 0;
    const answer = (link: Link) => (bytes: Uint8Array) => {
      deepest = Math.max(deepest, ++depth);
      link.send(bytes.slice());
      depth -= 1;
    };
    atRight.onMessage = answer(right);
    atLeft.onMessage = (bytes) => void (atLeft.messages.length < 2000 && answer(left)(bytes));
    left.send(new Uint8Array(8));
    await atLeft.received(2000);
    equal(deepest, 1);
  });

  add('buffered counts what has not left, and drained tells when it falls', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    if (pauses) right.pause();
    const total = 512;
    for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
    ok(left.buffered > 1024 * 1024, 'left.buffered is not above 1024 * 1024');
    const before = left.buffered;
    right.resume();
    await atLeft.until(() => atLeft.drains > 0 && left.buffered < before);
    await atRight.received(total);
    await atLeft.until(() => left.buffered === 0);
    equal(numbersOf(atRight.messages), upTo(total));
  });

  add('who waits for drained while more than 64 KiB are buffered never waits in vain', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    let next = 0;
    const messages = numbered(3000, 5000);
    while (next < messages.length) {
      left.send(messages[next++] as Uint8Array);
      if (left.buffered > 64 * 1024) {
        const { drains } = atLeft;
        await atLeft.until(() => atLeft.drains > drains);
      }
    }
    await atRight.received(messages.length);
    equal(numbersOf(atRight.messages), upTo(messages.length));
  });

  for (const size of [1, 1_000, 40_000]) {
    add(
      `who waits until nothing is buffered, ${size} bytes each time, never waits in vain`,
      async ({ links, record }) => {
        const [left, right] = await links();
        const [atLeft, atRight] = [record(left), record(right)];
        for (const bytes of numbered(30, size + 4)) {
          left.send(bytes);
          await atLeft.until(() => left.buffered === 0);
        }
        await atRight.received(30);
        equal(numbersOf(atRight.messages), upTo(30));
      },
    );
  }

  if (pauses)
    add('drained is told for little that stuck in a full link, too', async ({ links, record }) => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      right.pause();
      let sent = 0;
      for (; left.buffered === 0; sent++) {
        left.send(numbered(sent + 1, 8_000)[sent] as Uint8Array);
        await turns(2);
      }
      const { drains } = atLeft;
      right.resume();
      await atLeft.until(() => left.buffered === 0 && atLeft.drains > drains);
      await atRight.received(sent);
    });

  if (pauses)
    add('pause stops reading, resume goes on where it was', async ({ links, record }) => {
      const [left, right] = await links();
      const atRight = new Recorder();
      atRight.onMessage = () => void (atRight.messages.length === 1 && right.pause());
      right.start(atRight);
      record(left);
      const total = 512;
      for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
      await atRight.received(1);
      await turns(100);
      // The messages from one read of the socket may still come.
      ok(atRight.messages.length < 4, 'atRight.messages.length is not below 4');
      ok(left.buffered > 0, 'left.buffered is not above 0');
      right.resume();
      await atRight.received(total);
      equal(numbersOf(atRight.messages), upTo(total));
    });

  add('close lets what was sent arrive, then both ends hear ended', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    for (const bytes of numbered(300, 10_000)) left.send(bytes);
    left.close();
    equal(await Promise.all([atLeft.end(), atRight.end()]), ['ended', 'ended']);
    equal(numbersOf(atRight.messages), upTo(300));
    equal([left.buffered, right.buffered], [0, 0]);
  });

  if (pauses)
    add('close waits for a peer that reads late', async ({ links, record }) => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      right.pause();
      for (const bytes of numbered(200, 64 * 1024)) left.send(bytes);
      left.close();
      await turns(50);
      equal([atLeft.ends, atRight.ends], [[], []]);
      right.resume();
      equal(await Promise.all([atLeft.end(), atRight.end()]), ['ended', 'ended']);
      equal(numbersOf(atRight.messages), upTo(200));
    });

  add('close of an end that is paused comes through', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    left.pause();
    left.close();
    equal(await Promise.all([atLeft.end(), atRight.end()]), ['ended', 'ended']);
  });

  add('what the peer had sent by then arrives after close', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    for (const bytes of numbered(50)) right.send(bytes);
    left.close();
    equal(await Promise.all([atLeft.end(), atRight.end()]), ['ended', 'ended']);
    equal(numbersOf(atLeft.messages), upTo(50));
  });

  add('both ends may close at once', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    left.close();
    right.close();
    equal(await Promise.all([atLeft.end(), atRight.end()]), ['ended', 'ended']);
  });

  add(
    'abort tells its own end nothing more, and the peer that the link failed, or at least ended',
    async ({ links, record }) => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      right.send(new Uint8Array(1));
      left.send(new Uint8Array(1));
      left.abort();
      const end = await atRight.end();
      if (resets) isA(end, LinkError);
      await turns(10);
      equal(atLeft.events, 0);
      equal(left.buffered, 0);
    },
  );

  add('abort in the middle of what arrives stops it', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    atRight.onMessage = () => void (atRight.messages.length === 5 && right.abort());
    for (const bytes of numbered(20)) left.send(bytes);
    const end = await atLeft.end();
    if (resets) isA(end, LinkError);
    equal([atRight.messages.length, atRight.ends], [5, []]);
  });

  add('abort in the middle of what arrived before start stops it', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    for (const bytes of numbered(20)) left.send(bytes);
    await turns(20);
    const atRight = new Recorder();
    atRight.onMessage = () => void (atRight.messages.length === 5 && right.abort());
    right.start(atRight);
    await turns(20);
    equal([atRight.messages.length, atRight.ends], [5, []]);
  });

  if (pauses)
    add('a link that is not started reads nothing, or next to nothing', async ({ links, record }) => {
      const [left, right] = await links();
      record(left);
      const total = 512;
      for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
      await turns(100);
      ok(left.buffered > 0, 'left.buffered is not above 0');
      await record(right).received(total);
    });

  if (cuts)
    add('abort after close ends at once', async ({ links, record }) => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      for (const bytes of numbered(200, 64 * 1024)) left.send(bytes);
      left.close();
      left.abort();
      isA(await atRight.end(), LinkError);
      ok(atRight.messages.length < 200, 'atRight.messages.length is not below 200');
      equal(atLeft.ends, []);
    });

  add('after an end, send throws a LinkError and the other methods do nothing', async ({ links, record }) => {
    const [left, right] = await links();
    const [atLeft, atRight] = [record(left), record(right)];
    left.close();
    throws(() => left.send(new Uint8Array(1)), LinkError);
    await Promise.all([atLeft.end(), atRight.end()]);
    for (const link of [left, right]) {
      throws(() => link.send(new Uint8Array(1)), LinkError);
      link.pause();
      link.resume();
      link.close();
      link.abort();
      link.abort();
      throws(() => link.send(new Uint8Array(1)), LinkError);
    }
    await turns(10);
    equal([atLeft.ends, atRight.ends], [['ended'], ['ended']]);
  });

  add('start is called once, and only bytes are sent', async ({ links, record }) => {
    const [left, right] = await links();
    record(left);
    record(right);
    throws(() => left.start(new Recorder()), InvalidArgument);
    throws(() => left.send('text' as unknown as Uint8Array), InvalidArgument);
  });

  add(
    'asks for the limit of each message, and ends at one that is longer than twice that',
    async ({ links, record }) => {
      const [left, right] = await links();
      const atLeft = record(left);
      const atRight = new Recorder();
      atRight.limit = 100;
      right.start(atRight);
      left.send(new Uint8Array(200));
      await atRight.received(1);
      atRight.limit = 10_000;
      left.send(new Uint8Array(20_000));
      await atRight.received(2);
      atRight.limit = 5_000;
      left.send(new Uint8Array(10_001));
      isA(await atRight.end(), LinkError);
      await atLeft.end();
      equal(atRight.messages.length, 2);
    },
  );

  const { getActiveResourcesInfo } = (globalThis as Host).process ?? {};
  if (getActiveResourcesInfo !== undefined) {
    add('an end leaves no timer, handle or socket behind', async ({ links, record, dispose }) => {
      await turns(10);
      const before = getActiveResourcesInfo().sort();
      for (const end of ['close', 'abort'] as const) {
        const [left, right] = await links();
        const [atLeft, atRight] = [record(left), record(right)];
        left.send(new Uint8Array(200_000));
        await atRight.received(1);
        left[end]();
        await atRight.end();
        if (end === 'close') await atLeft.end();
        await dispose();
        await turns(10);
        equal(getActiveResourcesInfo().sort(), before, 'what keeps the process alive');
      }
    });
  }

  return cases;
}

/** Runs one case and ends everything that it made. Checks that each end reported one end at most. */
async function within(connect: TestLinkOptions['connect'], body: (place: Place) => Promise<void>): Promise<void> {
  let pair: LinkPair | undefined;
  const recorders: Recorder[] = [];
  const place: Place = {
    async links() {
      pair = await connect();
      return [pair.left, pair.right];
    },
    record(link) {
      const recorder = new Recorder();
      recorders.push(recorder);
      link.start(recorder);
      return recorder;
    },
    async dispose() {
      pair?.left.abort();
      pair?.right.abort();
      await pair?.dispose?.();
      pair = undefined;
    },
  };
  try {
    await body(place);
  } finally {
    await place.dispose();
  }
  for (const { ends } of recorders) ok(ends.length <= 1, `a link told ${ends.length} ends`);
}
