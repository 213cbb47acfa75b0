import { afterEach, describe, expect, test } from '@jest/globals';
import { InvalidArgument, LinkError } from '../../src/errors.js';
import type { Link } from '../../src/link/link.js';
import { Recorder, record, recorders } from './recorder.js';

/** Lets the event loop turn a number of times. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Numbered messages of a size. */
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

export interface Pair {
  readonly left: Link;
  readonly right: Link;
  /** Ends what the pair stands on. */
  dispose(): Promise<void>;
}

/** What a browser's WebSocket, or a stream that is not TCP, can't do. */
export interface Abilities {
  /** The right end can be paused. */
  readonly pauses?: boolean;
  /** The left end can drop what it sent before `close()`. */
  readonly cuts?: boolean;
  /** An end can tell the other one that it was no orderly end. */
  readonly resets?: boolean;
}

/** What every link must do. */
export function describeLink(
  name: string,
  connect: () => Promise<Pair>,
  { pauses = true, cuts = true, resets = true }: Abilities = {},
): void {
  describe(`${name} keeps the contract of a link`, () => {
    let pair: Pair | undefined;

    async function links(): Promise<[Link, Link]> {
      pair = await connect();
      return [pair.left, pair.right];
    }

    afterEach(async () => {
      pair?.left.abort();
      pair?.right.abort();
      await pair?.dispose();
      pair = undefined;
      for (const { ends } of recorders.splice(0)) expect(ends.length).toBeLessThanOrEqual(1);
    });

    test('one send is one message, in order, both ways', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      for (const bytes of numbered(1000)) left.send(bytes);
      for (const bytes of numbered(500)) right.send(bytes);
      await Promise.all([atRight.received(1000), atLeft.received(500)]);
      expect(numbersOf(atRight.messages)).toEqual(upTo(1000));
      expect(numbersOf(atLeft.messages)).toEqual(upTo(500));
    });

    test('an empty message arrives as an empty message', async () => {
      const [left, right] = await links();
      record(left);
      const atRight = record(right);
      for (const length of [0, 3, 0]) left.send(new Uint8Array(length));
      await atRight.received(3);
      expect(atRight.messages.map((bytes) => bytes.byteLength)).toEqual([0, 3, 0]);
    });

    test('a message of a mebibyte arrives whole', async () => {
      const [left, right] = await links();
      record(left);
      const atRight = record(right);
      const big = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index * 7);
      left.send(big.slice());
      await atRight.received(1);
      expect(Buffer.compare(atRight.messages[0] as Uint8Array, big)).toBe(0);
    });

    test('a view into a bigger buffer sends the view only', async () => {
      const [left, right] = await links();
      record(left);
      const atRight = record(right);
      left.send(Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 3));
      await atRight.received(1);
      expect([...(atRight.messages[0] as Uint8Array)]).toEqual([1, 2]);
    });

    test('what arrives before start is kept until then', async () => {
      const [left, right] = await links();
      record(left);
      for (const bytes of numbered(100)) left.send(bytes);
      await turns(20);
      const atRight = record(right);
      left.send(Uint8Array.of(0, 0, 0, 100));
      await atRight.received(101);
      expect(numbersOf(atRight.messages)).toEqual(upTo(101));
    });

    test('an end that comes before start is told after it', async () => {
      const [left, right] = await links();
      const atLeft = record(left);
      for (const bytes of numbered(3)) right.send(bytes);
      left.send(new Uint8Array(1));
      left.close();
      await turns(20);
      const atRight = record(right);
      expect(atRight.ends).toEqual([]);
      expect(await atRight.end()).toBe('ended');
      expect(atRight.messages).toHaveLength(1);
      expect(await atLeft.end()).toBe('ended');
      expect(atLeft.messages).toHaveLength(3);
    });

    test('nothing is told from within a method of the link', async () => {
      const [left, right] = await links();
      const atLeft = record(left);
      right.start(new Recorder());
      const silent = (act: () => void): void => {
        const before = atLeft.events;
        act();
        expect(atLeft.events).toBe(before);
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

    test('an answer from within a message handler arrives, without recursion', async () => {
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
      expect(deepest).toBe(1);
    });

    test('buffered counts what has not left, and drained tells when it falls', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      if (pauses) right.pause();
      const total = 512;
      for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
      expect(left.buffered).toBeGreaterThan(1024 * 1024);
      const before = left.buffered;
      right.resume();
      await atLeft.until(() => atLeft.drains > 0 && left.buffered < before);
      await atRight.received(total);
      await atLeft.until(() => left.buffered === 0);
      expect(numbersOf(atRight.messages)).toEqual(upTo(total));
    });

    test('who waits for drained while more than 64 KiB are buffered never waits in vain', async () => {
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
      expect(numbersOf(atRight.messages)).toEqual(upTo(messages.length));
    });

    test.each([1, 1_000, 40_000])(
      'who waits until nothing is buffered, %i bytes each time, never waits in vain',
      async (size) => {
        const [left, right] = await links();
        const [atLeft, atRight] = [record(left), record(right)];
        for (const bytes of numbered(30, size + 4)) {
          left.send(bytes);
          await atLeft.until(() => left.buffered === 0);
        }
        await atRight.received(30);
        expect(numbersOf(atRight.messages)).toEqual(upTo(30));
      },
    );

    (pauses ? test : test.skip)('drained is told for little that stuck in a full link, too', async () => {
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

    (pauses ? test : test.skip)('pause stops reading, resume goes on where it was', async () => {
      const [left, right] = await links();
      const atRight = new Recorder();
      atRight.onMessage = () => void (atRight.messages.length === 1 && right.pause());
      right.start(atRight);
      record(left);
      const total = 512;
      for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
      await atRight.received(1);
      await turns(100);
      // What one read of the socket had brought may still come.
      expect(atRight.messages.length).toBeLessThan(4);
      expect(left.buffered).toBeGreaterThan(0);
      right.resume();
      await atRight.received(total);
      expect(numbersOf(atRight.messages)).toEqual(upTo(total));
    });

    test('close lets what was sent arrive, then both ends hear ended', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      for (const bytes of numbered(300, 10_000)) left.send(bytes);
      left.close();
      expect(await Promise.all([atLeft.end(), atRight.end()])).toEqual(['ended', 'ended']);
      expect(numbersOf(atRight.messages)).toEqual(upTo(300));
      expect([left.buffered, right.buffered]).toEqual([0, 0]);
    });

    (pauses ? test : test.skip)('close waits for a peer that reads late', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      right.pause();
      for (const bytes of numbered(200, 64 * 1024)) left.send(bytes);
      left.close();
      await turns(50);
      expect([atLeft.ends, atRight.ends]).toEqual([[], []]);
      right.resume();
      expect(await Promise.all([atLeft.end(), atRight.end()])).toEqual(['ended', 'ended']);
      expect(numbersOf(atRight.messages)).toEqual(upTo(200));
    });

    test('close of an end that is paused comes through', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      left.pause();
      left.close();
      expect(await Promise.all([atLeft.end(), atRight.end()])).toEqual(['ended', 'ended']);
    });

    test('what the peer had sent by then arrives after close', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      for (const bytes of numbered(50)) right.send(bytes);
      left.close();
      expect(await Promise.all([atLeft.end(), atRight.end()])).toEqual(['ended', 'ended']);
      expect(numbersOf(atLeft.messages)).toEqual(upTo(50));
    });

    test('both ends may close at once', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      left.close();
      right.close();
      expect(await Promise.all([atLeft.end(), atRight.end()])).toEqual(['ended', 'ended']);
    });

    test('abort tells its own end nothing more, and the peer that the link failed, or at least ended', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      right.send(new Uint8Array(1));
      left.send(new Uint8Array(1));
      left.abort();
      const end = await atRight.end();
      if (resets) expect(end).toBeInstanceOf(LinkError);
      await turns(10);
      expect(atLeft.events).toBe(0);
      expect(left.buffered).toBe(0);
    });

    test('abort in the middle of what arrives stops it', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      atRight.onMessage = () => void (atRight.messages.length === 5 && right.abort());
      for (const bytes of numbered(20)) left.send(bytes);
      const end = await atLeft.end();
      if (resets) expect(end).toBeInstanceOf(LinkError);
      expect([atRight.messages.length, atRight.ends]).toEqual([5, []]);
    });

    test('abort in the middle of what arrived before start stops it', async () => {
      const [left, right] = await links();
      record(left);
      for (const bytes of numbered(20)) left.send(bytes);
      await turns(20);
      const atRight = new Recorder();
      atRight.onMessage = () => void (atRight.messages.length === 5 && right.abort());
      right.start(atRight);
      await turns(20);
      expect([atRight.messages.length, atRight.ends]).toEqual([5, []]);
    });

    (pauses ? test : test.skip)('a link that nobody has started reads nothing, or next to nothing', async () => {
      const [left, right] = await links();
      record(left);
      const total = 512;
      for (const bytes of numbered(total, 64 * 1024)) left.send(bytes);
      await turns(100);
      expect(left.buffered).toBeGreaterThan(0);
      await record(right).received(total);
    });

    (cuts ? test : test.skip)('abort after close ends at once', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      for (const bytes of numbered(200, 64 * 1024)) left.send(bytes);
      left.close();
      left.abort();
      expect(await atRight.end()).toBeInstanceOf(LinkError);
      expect(atRight.messages.length).toBeLessThan(200);
      expect(atLeft.ends).toEqual([]);
    });

    test('after an end, send throws a LinkError and the other methods do nothing', async () => {
      const [left, right] = await links();
      const [atLeft, atRight] = [record(left), record(right)];
      left.close();
      expect(() => left.send(new Uint8Array(1))).toThrow(LinkError);
      await Promise.all([atLeft.end(), atRight.end()]);
      for (const link of [left, right]) {
        expect(() => link.send(new Uint8Array(1))).toThrow(LinkError);
        link.pause();
        link.resume();
        link.close();
        link.abort();
        link.abort();
        expect(() => link.send(new Uint8Array(1))).toThrow(LinkError);
      }
      await turns(10);
      expect([atLeft.ends, atRight.ends]).toEqual([['ended'], ['ended']]);
    });

    test('start is called once, and only bytes are sent', async () => {
      const [left, right] = await links();
      record(left);
      record(right);
      expect(() => left.start(new Recorder())).toThrow(InvalidArgument);
      expect(() => left.send('text' as unknown as Uint8Array)).toThrow(InvalidArgument);
    });

    test('an end leaves no timer, handle or socket behind', async () => {
      await turns(10);
      const before = process.getActiveResourcesInfo().sort();
      for (const end of ['close', 'abort'] as const) {
        const [left, right] = await links();
        const [atLeft, atRight] = [record(left), record(right)];
        left.send(new Uint8Array(200_000));
        await atRight.received(1);
        left[end]();
        await atRight.end();
        if (end === 'close') await atLeft.end();
        await pair?.dispose();
        await turns(10);
        expect(process.getActiveResourcesInfo().sort()).toEqual(before);
      }
    });
  });
}
