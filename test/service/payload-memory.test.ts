// The memory of a payload is used again once its frame was sent. No payload that still waits may be overwritten by another.
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accept, channel, initiate, messagePack, method, service, type Tx } from '../../src/index.js';
import { streamLink } from '../../src/link/tcp.js';
import { postcard, postcardPayload, t } from '../../src/payload/postcard/index.js';

/** Two ends of a stream. What one end writes stays where it is for some turns, and only then reaches the other end. */
function slowPair(turns: number): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        read() {},
        write(chunk: Uint8Array, _encoding, done) {
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
        final(done) {
          ends[1 - side]?.push(null);
          done();
        },
      }),
  );
  return ends as [Duplex, Duplex];
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
