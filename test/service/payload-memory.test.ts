// The memory of a payload is used again once its frame was sent. No payload that still waits may be overwritten by another.
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  accept,
  channel,
  initiate,
  messagePack,
  messagePackPayload,
  method,
  type Rx,
  service,
  type Tx,
} from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { streamLink } from '../../src/link/tcp.js';
import { postcard, postcardPayload, t } from '../../src/payload/postcard/index.js';

/**
 * The ends of a connection between two sockets. What one end writes stays where it is for some turns, and only then reaches
 * the other end.
 */
function slowPair(turns: number): [Socket, Socket] {
  const ends: Socket[] = [0, 1].map((side) =>
    Object.assign(new Socket(), {
      _read() {},
      _write(chunk: Uint8Array, _encoding: string, done: () => void) {
        let left = turns;
        const wait = (): void => {
          if (left-- > 0) {
            setImmediate(wait);
            return;
          }
          ends[1 - side]?.push(Buffer.from(chunk));
          done();
        };
        wait();
      },
      _writev: null,
      _final(done: () => void) {
        ends[1 - side]?.push(null);
        done();
      },
    }),
  );
  return ends as [Socket, Socket];
}

const SERVICES = {
  postcard: {
    codec: postcard,
    definition: service(
      'Bytes',
      {
        echo: method({ args: t.args(t.bytes), result: t.bytes }),
        down: method({ args: t.args(t.u32, t.u32, t.tx(t.bytes, { credit: 4 })) }),
      },
      { codec: postcardPayload },
    ),
  },
  MessagePack: {
    codec: messagePack,
    definition: service('Bytes', {
      echo: method<[Uint8Array], Uint8Array>(),
      down: method<[count: number, size: number, output: Tx<Uint8Array>]>({ credit: 4 }),
    }),
  },
};

/** Bytes that depend on their size and number, so that bytes of another payload differ. */
function bytesOf(size: number, number: number): Uint8Array {
  return new Uint8Array(size).fill((size * 31 + number * 7 + 1) % 256);
}

// Around the lengths from which a payload has memory of its own, from which memory is not used again, and small ones.
const size = fc.constantFrom(1, 100, 975, 984, 985, 1024, 1025, 3000, 3001, 8192, 16_384, 64_000, 70_000);

describe.each(Object.entries(SERVICES))('with %s', (_, { codec, definition }) => {
  test('each payload arrives as it was, however long its frame waits in the link', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 3 }),
        // Calls beyond this number wait for their turn.
        fc.constantFrom(2, 64),
        fc.array(fc.oneof(fc.record({ echo: size }), fc.record({ items: fc.integer({ min: 1, max: 12 }), size })), {
          minLength: 1,
          maxLength: 24,
          size: 'max',
        }),
        async (turns, maxConcurrentRequests, work) => {
          const [left, right] = slowPair(turns);
          const accepted = accept(streamLink(right), { codec, maxConcurrentRequests });
          const session = await initiate(streamLink(left), { codec });
          (await accepted).root.serve(
            definition.handler({
              // Half of the answers come a turn later, behind payloads that were written in the meantime.
              echo: async (bytes: Uint8Array) => {
                if ((bytes[0] as number) % 2 === 0) await new Promise(setImmediate);
                return bytes;
              },
              down: async (count: number, length: number, output: Tx<Uint8Array>) => {
                for (let number = 0; number < count; number++) void output.send(bytesOf(length, number));
                await output.close();
              },
            }),
          );
          const client = definition.client(session.root);
          const run = async (each: (typeof work)[number], number: number): Promise<void> => {
            if ('echo' in each) {
              const sent = bytesOf(each.echo, number);
              expect(Buffer.compare(await client.echo(sent), sent)).toBe(0);
              return;
            }
            const [output, input] = channel<Uint8Array>({ credit: 4 });
            const done = client.down(each.items, each.size, output);
            let received = 0;
            for await (const item of input) expect(Buffer.compare(item, bytesOf(each.size, received++))).toBe(0);
            expect(received).toBe(each.items);
            await done;
          };
          await Promise.all(work.map(run));
          session.shutdown();
          await session.closed;
        },
      ),
      { numRuns: 25 },
    );
  });
});

test('a payload that passes through streams by reference is as it was', async () => {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const kept: Uint8Array[] = [];
  const Keeper = service('Keeper', { keep: method<[bytes: Uint8Array], number>() });
  const accepted = accept(streamLink({ readable: up, writable: down }));
  const session = await initiate(streamLink({ readable: down, writable: up }));
  (await accepted).root.serve(Keeper.handler({ keep: (bytes) => kept.push(bytes) }));
  const client = Keeper.client(session.root);
  for (const number of [1, 2, 3]) await client.keep(new Uint8Array(3000).fill(number));
  expect(kept.map((bytes) => [bytes[0], bytes.at(-1)])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  session.shutdown();
  await session.closed;
});

describe('bytes of the application', () => {
  test.each([500, 3000])('of %i bytes leave as they were when the call was made', async (length) => {
    const [left, right] = slowPair(1);
    const accepted = accept(streamLink(right));
    const session = await initiate(streamLink(left));
    (await accepted).root.serve(({ args }) => args.slice());
    const args = messagePackPayload.encode([new Uint8Array(length).fill(7)]);
    const before = args.slice();
    const answer = session.root.caller().call(1n, args);
    args.fill(9);
    expect(Buffer.compare((await answer).ret, before)).toBe(0);
    session.shutdown();
    await session.closed;
  });

  test('are an answer that a handler around that of a service keeps', async () => {
    const Numbers = service('Numbers', { get: method<[number: number], Uint8Array>() });
    const inner = Numbers.handler({ get: (number) => new Uint8Array(3000).fill(number) });
    const [left, right] = slowPair(0);
    const accepted = accept(streamLink(right));
    const session = await initiate(streamLink(left));
    const kept = new Map<string, Awaited<ReturnType<typeof inner>>>();
    const cached: typeof inner = Object.assign(async (...[request, connection]: Parameters<typeof inner>) => {
      const key = Buffer.from(request.args).toString('hex');
      const known = kept.get(key) ?? (await inner(request, connection));
      kept.set(key, known);
      return known;
    }, inner);
    (await accepted).root.serve(cached);
    const client = Numbers.client(session.root);
    const seen: unknown[] = [];
    for (const number of [1, 2, 3, 1, 2, 3]) seen.push((await client.get(number))[0]);
    expect(seen).toEqual([1, 2, 3, 1, 2, 3]);
    session.shutdown();
    await session.closed;
  });
});

// An encoder allocates for the longest text that an argument may be. What waits is copied to memory of its own length.
describe('texts that wait', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const TEXT = 'x'.repeat(500_000);
  const WAITING = 16 * 2 ** 20;

  const Texts = service('Texts', { take: method<[text: string], void>(), read: method<[texts: Rx<string>], void>() });

  /** The bytes outside the heap that are in use. */
  async function held(): Promise<number> {
    for (let round = 0; round < 5; round++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().arrayBuffers;
  }

  async function texts() {
    const [near, far] = memoryLinkPair();
    const [session, server] = await Promise.all([initiate(near), accept(far, { maxConcurrentRequests: 1 })]);
    // An end that is garbage-collected is reset.
    const unread: unknown[] = [];
    const keep = (arg: unknown) => new Promise<never>(() => unread.push(arg));
    server.root.serve(Texts.handler({ take: keep, read: keep }));
    return { client: Texts.client(session.root), unread, end: () => session.shutdown() };
  }

  test('for their turn hold about as many bytes as they count', async () => {
    const { client, end } = await texts();
    client.take('at work').catch(() => {});
    const before = await held();
    const failed: unknown[] = [];
    const count = Math.floor(WAITING / TEXT.length);
    for (let at = 0; at < count; at++) client.take(TEXT).catch((error: unknown) => void failed.push(error));
    expect((await held()) - before).toBeLessThan(1.25 * WAITING);
    expect(failed).toEqual([]);
    client.take(TEXT).catch(({ limit }) => void failed.push(limit));
    await held();
    expect(failed).toEqual(['waitingBytes']);
    end();
  });

  test('for credit hold about as many bytes as they count', async () => {
    const { client, unread, end } = await texts();
    const [tx, rx] = channel<string>();
    client.read(rx).catch(() => {});
    for (let at = 0; at < 16; at++) await tx.send('credit');
    const before = await held();
    const failed: unknown[] = [];
    const count = Math.floor(WAITING / TEXT.length);
    for (let at = 0; at < count; at++) tx.send(TEXT).catch((error: unknown) => void failed.push(error));
    expect((await held()) - before).toBeLessThan(1.25 * WAITING);
    expect(failed).toEqual([]);
    tx.send(TEXT).catch(({ limit }) => void failed.push(limit));
    await held();
    expect([failed, unread.length]).toEqual([['waitingBytes'], 1]);
    end();
  });
});
