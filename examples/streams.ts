// Streaming both ways with backpressure: a stream of text goes through a service that changes it, and comes back. No stage
// reads faster than the far end takes the result.
import assert from 'node:assert/strict';
import { accept, channel, initiate, method, type Rx, routes, service, type Tx } from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';

const Loud = service('Loud', {
  shout: method<[from: Rx<string>, to: Tx<string>], number>({ credit: 4 }),
});

const handler = Loud.handler({
  shout: async (from, to) => {
    let count = 0;
    const louder = new TransformStream<string, string>({
      transform: (line, controller) => {
        count++;
        controller.enqueue(line.toUpperCase());
      },
    });
    await from.readable.pipeThrough(louder).pipeTo(to.writable);
    return count;
  },
});

const [link, peerLink] = memoryLinkPair();
const accepting = accept(peerLink, { onConnection: routes([handler]) });
const session = await initiate(link);
const loud = await session.open(Loud);

/** The number of lines that were read from the source, which is endless. */
let asked = 0;
const lines = new ReadableStream<string>(
  { pull: (controller) => controller.enqueue(`line ${asked++}`) },
  { highWaterMark: 0 },
);

const [up, from] = channel<string>();
const [to, down] = channel<string>();
const shouted = loud.shout(from, to).catch((error: unknown) => error);
const sending = lines.pipeTo(up.writable).catch((error: unknown) => error);

let taken = 0;
for await (const line of down) {
  assert.equal(line, `LINE ${taken++}`);
  if (taken === 100) break;
}
console.log(`${taken} lines were taken, ${asked} were asked for`);
// The lines under way: the credit of both channels, and the buffers of the streams between them.
assert(asked - taken < 20);

// Leaving the loop has reset the channel: the streams behind it end, one after the other, up to the source of the lines.
console.log(`the source ended: ${await sending}`);
console.log(`the call ended: ${await shouted}`);

session.shutdown();
await (await accepting).closed;
