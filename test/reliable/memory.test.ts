import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { QUEUED_MESSAGE_COST } from '../../src/conduit/costs.js';
import { Outbox } from '../../src/conduit/outbox.js';
import { accept, initiate, method, routes, service } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import type { DataMessage } from '../../src/wire/message.js';
import { settle } from '../support/settle.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const Echo = service('Echo', { echo: method<[bytes: Uint8Array], Uint8Array>() });
const SIZE = 100_000;

async function bytesHeld(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await settle();
    collect();
  }
  return process.memoryUsage().arrayBuffers;
}

/** A session over a reliable link. `kinds`: if the links beneath release what they have sent, one after the other. */
async function overLinks(...kinds: readonly boolean[]) {
  const acceptor = reliableAcceptor({
    onLink: async (link) =>
      void (await accept(link, { onConnection: routes([Echo.handler({ echo: (bytes) => bytes })]) })),
  });
  let current: Link | undefined;
  let links = 0;
  const link = await reliableLink({
    connect: async () => {
      const ends = memoryLinkPair().map((end) => releasing(end, kinds[Math.min(links, kinds.length - 1)] as boolean));
      links++;
      acceptor.take(ends[1] as Link);
      current = ends[0];
      return ends[0] as Link;
    },
  });
  const session = await initiate(link);
  const { echo } = await session.open(Echo);
  return { acceptor, session, echo, cut: () => current?.abort() };
}

/** A link in memory passes bytes on by reference. One that releases them passes copies, as a socket does. */
function releasing(link: Link, isReleasing: boolean): Link {
  if (!isReleasing) return link;
  const { send } = link;
  return Object.assign(link, { releasesSent: true, send: (bytes: Uint8Array) => send.call(link, bytes.slice()) });
}

test.each([
  ['that keep what they have sent', [false]],
  ['that release what they have sent', [true]],
  ['of which the later ones keep what they have sent', [true, false]],
  ['of which the later ones release what they have sent', [false, true]],
])('the memory of a session does not grow with its traffic, over links %s', async (_, kinds) => {
  const { acceptor, session, echo, cut } = await overLinks(...kinds);
  const bytes = new Uint8Array(SIZE);
  for (let call = 0; call < 20; call++) await echo(bytes);
  cut();
  for (let call = 0; call < 20; call++) await echo(bytes);
  const before = await bytesHeld();
  for (let call = 0; call < 300; call++) await echo(bytes);
  // 60 MB went each way.
  expect((await bytesHeld()) - before).toBeLessThan(40 * SIZE);
  session.shutdown();
  await session.closed;
  acceptor.close();
});

test.each([1, 16, 100, 1_000, 1_025, 5_000, 70_000])(
  'messages of %i bytes that wait in a full outbox hold at most three times what they count',
  async (size) => {
    const nothing = (): void => {};
    const link: Link = {
      ...{ releasesSent: true, buffered: 2 ** 30, start: nothing, pause: nothing, resume: nothing, close: nothing },
      ...{ abort: nothing, send: nothing },
    };
    const events = {
      ...{ filled: nothing, progressed: nothing, drained: nothing, overflowed: nothing, unsendable: nothing },
    };
    let counted = 0;
    const codec: Codec = {
      ...messagePack,
      encode: (message) => {
        const frame = messagePack.encode(message);
        counted += frame.length + QUEUED_MESSAGE_COST;
        return frame;
      },
    };
    const outbox = new Outbox(link, codec, DEFAULT_LIMITS, events);
    const call = (id: number): DataMessage => {
      const args = new Uint8Array(size);
      return {
        type: 'RequestMessage',
        connectionId: 0,
        id,
        body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args },
      };
    };
    // The first one fills the outbox. The others wait.
    void outbox.send(call(1));
    const before = await bytesHeld();
    counted = 0;
    let id = 3;
    for (; counted < DEFAULT_LIMITS.waitingBytes - 2 * (size + 1_000); id += 2) void outbox.send(call(id));
    expect((await bytesHeld()) - before).toBeLessThan(3 * counted);
    // And the outbox takes no more than that.
    const more = Array.from({ length: 20 }, (_, at) => outbox.send(call(id + 2 * at)));
    await expect(Promise.all(more)).rejects.toThrow(/waitingBytes/);
    outbox.dropAll(() => new Error('over'));
  },
);
