import { expect, jest, test } from '@jest/globals';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectTcp, listenTcp } from '../../src/link/tcp.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { Recorder } from '../../src/testing/link-recorder.js';
import { describeLink, numbered, numbersOf, type Pair } from '../link/contract.js';

// A dialer that was aborted does not come back, so its session ends when its grace is over.
const SHORT = { grace: 300 };

/** Two ends of a reliable link over links in memory. */
async function overMemory(swap: boolean): Promise<Pair> {
  const accepted: Link[] = [];
  const acceptor = reliableAcceptor({ ...SHORT, onLink: (link) => void accepted.push(link) });
  const dialer = await reliableLink({
    connect: async () => {
      const [ours, theirs] = memoryLinkPair();
      acceptor.take(theirs);
      return ours;
    },
  });
  return pairOf(dialer, accepted[0] as Link, swap, () => acceptor.close());
}

async function overTcp(swap: boolean): Promise<Pair> {
  const accepted: Link[] = [];
  const acceptor = reliableAcceptor({ ...SHORT, onLink: (link) => void accepted.push(link) });
  const listener = await listenTcp({ port: 0 }, (link, socket) => acceptor.take(link, socket));
  const dialer = await reliableLink({ connect: (signal) => connectTcp({ port: listener.port, signal }) });
  return pairOf(dialer, accepted[0] as Link, swap, async () => {
    acceptor.close();
    await listener.close();
  });
}

function pairOf(dialer: Link, accepted: Link, swap: boolean, dispose: () => unknown): Pair {
  return swap ? { left: accepted, right: dialer, dispose } : { left: dialer, right: accepted, dispose };
}

describeLink('a reliable link in memory, sent from the dialer,', () => overMemory(false));
describeLink('a reliable link in memory, sent from the acceptor,', () => overMemory(true));
describeLink('a reliable link over TCP, sent from the dialer,', () => overTcp(false));
describeLink('a reliable link over TCP, sent from the acceptor,', () => overTcp(true));

test.each([
  [
    'message',
    (recorder: Recorder, fail: () => void) => {
      recorder.onMessage = () => {
        if (numbersOf(recorder.messages).at(-1) === 1) fail();
      };
    },
  ],
  ['interrupted', (recorder: Recorder, fail: () => void) => Object.assign(recorder, { interrupted: fail })],
  ['drained', (recorder: Recorder, fail: () => void) => Object.assign(recorder, { drained: fail })],
] as const)('an error of the handler %s reaches the process, and no message is lost', async (_, breakHandler) => {
  const thrown: unknown[] = [];
  const accepted: Link[] = [];
  const acceptor = reliableAcceptor({ onLink: (link) => void accepted.push(link) });
  let current: Link | undefined;
  const dialer = await reliableLink({
    connect: async () => {
      const [ours, theirs] = memoryLinkPair();
      acceptor.take(theirs);
      current = ours;
      return ours;
    },
  });
  const recorder = new Recorder();
  const error = new Error('the handler is broken');
  breakHandler(recorder, () => {
    throw error;
  });
  const microtasks = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
    void Promise.resolve()
      .then(callback)
      .catch((reason) => thrown.push(reason));
  });
  dialer.start(new Recorder());
  accepted[0]?.start(recorder);
  accepted[0]?.send(Uint8Array.of(7));
  for (const bytes of numbered(3)) dialer.send(bytes);
  await recorder.received(3);
  current?.abort();
  for (const bytes of numbered(6).slice(3)) dialer.send(bytes);
  await recorder.received(6);
  microtasks.mockRestore();
  expect(new Set(thrown)).toEqual(new Set([error]));
  expect(numbersOf(recorder.messages)).toEqual([0, 1, 2, 3, 4, 5]);
  dialer.abort();
  acceptor.close();
});
