import { getEventListeners, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { buildSync } from 'esbuild';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { type Client, channel, initiate } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { messagePortLink, type PortLinkOptions, parentLink, workerLink } from '../../src/link/ports.js';
import { errorOf } from '../service/pair.js';
import { describeLink, numbered, numbersOf, turns } from './contract.js';
import { Echo } from './port-service.js';
import { record } from './recorder.js';
import { CountingTarget } from './sockets.js';

jest.setTimeout(30_000);

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function pair(options: PortLinkOptions = {}, others = options): [Link, Link] {
  const { port1, port2 } = new MessageChannel();
  const links: [Link, Link] = [messagePortLink(port1, options), messagePortLink(port2, others)];
  ending.push(() => {
    for (const link of links) link.abort();
  });
  return links;
}

/** A port whose other end the test plays. */
class FakePort extends CountingTarget {
  readonly #posted: unknown[] = [];
  isClosed = false;

  start(): void {}

  close(): void {
    this.isClosed = true;
  }

  postMessage(value: unknown, transferred: unknown): void {
    this.#posted.push([value, transferred]);
  }

  /** What was posted since the last look, each value with what was transferred with it. */
  take(): unknown[] {
    return this.#posted.splice(0);
  }

  /** The other end posts a value. */
  say(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

/** A link over a port that the test plays, whose window is known to both. */
async function played(window: unknown = [0, 2 ** 20]) {
  const port = new FakePort();
  const link = messagePortLink(port);
  const events = record(link);
  port.say(window);
  await turns(1);
  expect(port.take()).toEqual([[[0, 2 ** 20], []]]);
  return { port, link, events };
}

describeLink('a link over a port', () => {
  const [left, right] = pair();
  return { left, right };
});

describeLink('a link over a port with a window of one message', () => {
  const [left, right] = pair({ window: 1 });
  return { left, right };
});

describe('a link over a port', () => {
  test.each([
    { window: 0 },
    { window: 2 ** 30 + 1 },
    { window: 1.5 },
    { window: '1' },
    { maxFrame: 0 },
    { closeTimeout: 0 },
    null,
  ])('refuses the options %j at once', (options) => {
    const { port1 } = new MessageChannel();
    const worker = { postMessage: () => {} };
    const given = options as PortLinkOptions;
    expect(() => messagePortLink(port1, given)).toThrow(InvalidArgument);
    expect(() => workerLink(worker, given)).toThrow(InvalidArgument);
    expect(() => parentLink(given)).toThrow(InvalidArgument);
    port1.close();
  });

  test('refuses what is no port, no worker, and a thread without a parent', () => {
    for (const port of [undefined, {}, new EventTarget()]) {
      expect(() => messagePortLink(port as MessagePort)).toThrow('port must be a MessagePort');
    }
    for (const worker of [undefined, {}]) {
      expect(() => workerLink(worker as Worker)).toThrow('worker must be a Worker');
    }
    expect(() => parentLink()).toThrow('parentLink is for workers');
    const { port1, port2 } = new MessageChannel();
    expect(() => messagePortLink(port1, 7 as PortLinkOptions)).toThrow(/^options must be /);
    expect(() => messagePortLink(port1, { window: 2 ** 30 + 1 })).toThrow(
      new InvalidArgument('window must be an integer from 1 to 2^30, not 1073741825'),
    );
    messagePortLink(port1, { window: 2 ** 30 }).abort();
    port2.close();
  });

  test('holds no more than two windows of a gibibyte for a reader that is paused', async () => {
    const window = 256 * 1024;
    const size = 16 * 1024;
    const total = 2 ** 30 / size;
    const [left, right] = pair({ window });
    let [sent, received, most] = [0, 0, 0];
    // What is not posted counts in `buffered`, at which a sender stops.
    const fill = (): void => {
      for (; sent < total && left.buffered < window; sent++) left.send(new Uint8Array(size));
      most = Math.max(most, sent - received);
    };
    const ended = new Promise((resolve, reject) => {
      const events = { message: () => void received++, drained: fill, ended: () => resolve('ended'), failed: reject };
      left.start(events);
      right.start(events);
    });
    right.pause();
    fill();
    await turns(50);
    fill();
    expect(received).toBe(0);
    right.resume();
    while (sent < total) await turns(10);
    left.close();
    expect(await ended).toBe('ended');
    expect(received).toBe(total);
    // The cost of messages makes it a little less; one more was sent when `buffered` was just below.
    expect(most * size).toBeGreaterThan(1.9 * window);
    expect(most * size).toBeLessThanOrEqual(2 * window + size);
  });

  test.each([
    [1000, 300],
    [300, 1000],
  ])('of windows of %i and %i bytes keeps the lower one', async (one, other) => {
    const [left, right] = pair({ window: one }, { window: other });
    record(left);
    const atRight = record(right);
    right.pause();
    await turns(5);
    // 86 + 64 bytes are half of 300.
    const counts = [86, 86, 86].map((size) => {
      left.send(new Uint8Array(size));
      return left.buffered;
    });
    expect(counts).toEqual([0, 0, 86]);
    right.resume();
    await atRight.received(3);
  });

  test('sends the messages of one tick in one value', async () => {
    const { port1, port2 } = new MessageChannel();
    const values: unknown[][] = [];
    port2.onmessage = ({ data }) => void values.push(data);
    port2.postMessage([0, 1000], []);
    const link = messagePortLink(port1);
    record(link);
    await turns(5);
    for (const bytes of numbered(3)) link.send(bytes);
    await turns(5);
    link.send(new Uint8Array(0));
    await turns(5);
    expect(values.map(([kind, ...rest]) => [kind, rest.length])).toEqual([
      [0, 1],
      [1, 3],
      [1, 1],
    ]);
    link.abort();
    await turns(5);
    expect(values.at(-1)).toEqual([4]);
    port2.close();
  });

  test('leaves the memory of its sender alone', async () => {
    const [left, right] = pair();
    record(left);
    const atRight = record(right);
    await turns(5);
    for (const size of [10, 10_000]) {
      const slab = new Uint8Array(64 * 1024).fill(7);
      left.send(slab.subarray(5, 5 + size));
      slab.fill(1);
      expect(slab.byteLength).toBe(64 * 1024);
    }
    await atRight.received(2);
    expect(left.releasesSent).toBe(true);
    expect(atRight.messages.map(({ buffer, length }) => [buffer.byteLength, length])).toEqual([
      [10, 10],
      [10_000, 10_000],
    ]);
    expect(atRight.messages.every((bytes) => bytes.every((byte) => byte === 7))).toBe(true);
  });

  test('has no message overtake a longer one that waits', async () => {
    const [left, right] = pair({ window: 1_000 });
    record(left);
    const atRight = record(right);
    right.pause();
    await turns(5);
    for (const size of [800, 500, 10]) left.send(new Uint8Array(size));
    expect(left.buffered).toBe(510);
    right.resume();
    await atRight.received(3);
    expect(atRight.messages.map(({ length }) => length)).toEqual([800, 500, 10]);
  });

  test('transfers long messages, and has the port copy those below 4 KiB', async () => {
    const { port, link, events } = await played();
    for (const size of [4_095, 4_096, 5_000]) link.send(new Uint8Array(size));
    await turns(1);
    const [[value, transferred]] = port.take() as [[unknown[], ArrayBuffer[]]];
    expect(value.slice(1).map((frame) => (frame as ArrayBuffer).byteLength)).toEqual([4_095, 4_096, 5_000]);
    expect(transferred).toEqual(value.slice(2));
    link.send(new Uint8Array(1));
    await turns(1);
    expect(port.take()).toEqual([[[1, new ArrayBuffer(1)], []]]);
    expect(events.events).toBe(0);
    link.abort();
  });

  test('tells that messages have left only when some that waited have', async () => {
    const { port, link, events } = await played([0, 1_000]);
    for (const size of [100, 800, 300, 300]) link.send(new Uint8Array(size));
    expect(link.buffered).toBe(600);
    port.say([2, 164]);
    expect([events.drains, link.buffered]).toEqual([0, 600]);
    port.say([2, 364]);
    expect([events.drains, link.buffered]).toEqual([1, 300]);
    port.say([2, 500]);
    expect([events.drains, link.buffered]).toEqual([2, 0]);
    port.say([2, 728]);
    expect(events.drains).toBe(2);
    link.abort();
  });

  test('credits what it has delivered when that is half of the window, and nothing to a peer that has ended', async () => {
    const { port, link, events } = await played([0, 1_000]);
    const say = (...sizes: number[]) => port.say([1, ...sizes.map((size) => new ArrayBuffer(size))]);
    say(200, 171);
    expect(port.take()).toEqual([]);
    say(0);
    expect(port.take()).toEqual([[[2, 563], []]]);
    say(436);
    expect(port.take()).toEqual([[[2, 500], []]]);
    link.pause();
    say(500);
    port.say([3]);
    expect(events.messages).toHaveLength(4);
    link.resume();
    await turns(1);
    expect([events.messages.length, events.ends, port.take()]).toEqual([5, ['ended'], [[[3], []]]]);
  });

  test('leaves no listener at its port, which it closes', async () => {
    const { port, link } = await played();
    link.abort();
    expect([port.take(), port.isClosed, port.listeners]).toEqual([
      [[[4], []]],
      true,
      { message: 0, messageerror: 0, close: 0 },
    ]);
    expect(link.buffered).toBe(0);
  });

  test('ends at closeTimeout if its peer does not end', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = messagePortLink(port1, { closeTimeout: 1 });
    const recorder = record(link);
    link.close();
    expect(await recorder.end()).toEqual(new LinkError('the peer did not end the link within 1 ms'));
    port2.close();
  });
});

const EMPTY = new Uint8Array(0);

describe('a hostile peer on a port', () => {
  const FOREIGN = 'the peer posted a value that is not of this link: both ends need a link, and the port to themselves';
  const WINDOW = [0, 1000];
  const frames = (...sizes: number[]) => [1, ...sizes.map((size) => new ArrayBuffer(size))];

  /** Posts values to a link that is paused, or not. Resolves with its end, if there is one. */
  async function end(values: readonly unknown[], isPaused = false): Promise<string> {
    const { port1, port2 } = new MessageChannel();
    const link = messagePortLink(port1, { window: 1000, maxFrame: 2000 });
    const recorder = record(link);
    if (isPaused) link.pause();
    for (const value of values) port2.postMessage(value);
    await turns(10);
    const [told] = recorder.ends;
    link.abort();
    port2.close();
    if (told === undefined) return `${recorder.messages.length} messages`;
    return told instanceof LinkError ? told.message : String(told);
  }

  test.each<[string, unknown[]]>([
    ['a text', ['hello']],
    ['a null', [null]],
    ['an object', [{ type: 'hello' }]],
    ['a frame before its window', [frames(1)]],
    ['a credit before its window', [[2, 1]]],
    ['an end before its window', [[3]]],
    ['a window of nothing', [[0, 0]]],
    ['a window of text', [[0, '1000']]],
    ['an endless window', [[0, Number.POSITIVE_INFINITY]]],
    ['a second window', [WINDOW, WINDOW]],
    ['a frame that is a view', [WINDOW, [1, new Uint8Array(1)]]],
    ['a frame of shared memory', [WINDOW, [1, new SharedArrayBuffer(1)]]],
    ['a frame of text', [WINDOW, [1, 'text']]],
    ['a credit of text', [WINDOW, [2, 'text']]],
    ['an unknown kind', [WINDOW, [5]]],
    ['a frame behind its end', [WINDOW, [3], frames(1)]],
    ['a second end', [WINDOW, [3], [3]]],
  ])('that posts %s breaks the link', async (_, values) => {
    expect(await end(values, true)).toBe(FOREIGN);
  });

  test('that credits what was not sent breaks the link', async () => {
    expect(await end([WINDOW, [2, 1]])).toBe('the peer credited more than was sent');
  });

  test('that aborts is told of as such', async () => {
    expect(await end([WINDOW, [4]])).toBe('the peer aborted the link');
  });

  const over = 'the peer sent more than its window of 1000 bytes';

  test.each<[string, number[], string]>([
    ['a message that fills the window', [936], '0 messages'],
    ['one more', [936, 0], over],
    ['half of the window, and a message that fits', [436, 436], '0 messages'],
    ['half of the window, and a message that does not', [436, 437], over],
    ['less than half, and a message that does not fit', [435, 3000], '0 messages'],
    ['and one more behind that', [435, 3000, 0], over],
    ['many empty messages', Array.from({ length: 15 }, () => 0), '0 messages'],
    ['one too many', Array.from({ length: 16 }, () => 0), over],
  ])('that sends a paused link %s is bounded', async (_, sizes, expected) => {
    expect(await end([WINDOW, frames(...sizes)], true)).toBe(expected);
    expect(await end([WINDOW, ...sizes.map((size) => frames(size))], true)).toBe(expected);
  });

  test('that sends a message above twice the limit breaks the link', async () => {
    expect(await end([WINDOW, frames(4000), frames(4001)])).toBe(
      'the peer sent a message of 4001 bytes; at most 4000 are taken',
    );
  });

  test('that credits nothing gets one window, and an end within closeTimeout', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = messagePortLink(port1, { window: 1000, closeTimeout: 5 });
    const recorder = record(link);
    let bytes = 0;
    port2.onmessage = ({ data: [kind, ...rest] }) => {
      if (kind === 1) for (const frame of rest) bytes += frame.byteLength + 64;
    };
    port2.postMessage([0, 1_000_000]);
    await turns(5);
    for (const message of numbered(100, 36)) link.send(message);
    await turns(20);
    expect([bytes, link.buffered]).toEqual([1000, 90 * 36]);
    link.close();
    expect(await recorder.end()).toEqual(new LinkError('the peer did not end the link within 5 ms'));
    expect(link.buffered).toBe(0);
    port2.close();
  });

  test('that closes its port without an end is noticed, also by a link that is paused', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = messagePortLink(port1);
    const recorder = record(link);
    link.pause();
    port2.close();
    expect(await recorder.end()).toMatchObject({ code: 'link', message: /closed without an end/ });
    expect(() => link.send(EMPTY)).toThrow(LinkError);
  });
});

describe('a link to a worker', () => {
  let code = '';
  beforeAll(() => {
    const entryPoints = [fileURLToPath(new URL('./port-worker.ts', import.meta.url))];
    const { outputFiles } = buildSync({ entryPoints, bundle: true, format: 'cjs', platform: 'node', write: false });
    code = outputFiles[0]?.text ?? '';
  });

  const start = (): Worker => {
    const worker = new Worker(code, { eval: true });
    ending.push(() => worker.terminate());
    return worker;
  };

  async function connected(worker: Worker) {
    const session = await initiate(workerLink(worker));
    return { session, client: (await session.open(Echo)) as Client<typeof Echo.methods> };
  }

  test('carries calls and streams, beside the messages of the application, and several sessions', async () => {
    const worker = start();
    const [one, other] = await Promise.all([connected(worker), connected(worker)]);
    worker.postMessage('hello');
    expect(await once(worker, 'message')).toEqual(['the worker heard hello']);
    expect(await Promise.all([one.client.echo('a'), other.client.echo('b')])).toEqual(['a', 'b']);
    const [tx, rx] = channel<Uint8Array>();
    const size = one.client.size(rx);
    for (let count = 0; count < 500; count++) await tx.send(new Uint8Array(20_000));
    await tx.close();
    expect(await size).toBe(10_000_000);
    for (const { session } of [one, other]) {
      session.shutdown();
      expect(await session.closed).toMatchObject({ cause: 'shutdown' });
    }
    // With its links the worker has nothing more to do.
    worker.postMessage('stop');
    expect(await once(worker, 'exit')).toEqual([0]);
  });

  test.each<[string, (worker: Worker, client: Client<typeof Echo.methods>) => unknown]>([
    ['exits', (_, client) => client.exit()],
    ['is terminated', (worker) => worker.terminate()],
    ['throws', (_, client) => client.fail()],
  ])('fails when the worker %s, with the calls that are under way', async (_, die) => {
    const worker = start();
    const thrown: unknown[] = [];
    worker.on('error', (error) => void thrown.push(error));
    const { session, client } = await connected(worker);
    const call = errorOf(client.never());
    Promise.resolve(die(worker, client)).catch(() => {});
    expect(await session.closed).toMatchObject({
      cause: 'link',
      error: { code: 'link', message: expect.stringContaining('closed without an end') },
    });
    expect(await call).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
  });

  test('fails when the worker ends without a link', async () => {
    const worker = new Worker('', { eval: true });
    expect(await record(workerLink(worker)).end()).toMatchObject({ message: /closed without an end/ });
  });

  test('keeps the order of messages across threads', async () => {
    const worker = start();
    worker.postMessage('relay');
    const link = workerLink(worker);
    const recorder = record(link);
    for (const bytes of numbered(20_000, 50)) link.send(bytes);
    await recorder.received(20_000);
    expect(numbersOf(recorder.messages)).toEqual(Array.from({ length: 20_000 }, (_, index) => index));
    link.close();
    expect(await recorder.end()).toBe('ended');
  });
});

describe('a worker of a browser', () => {
  const { getBuiltinModule } = process;
  const scope = new EventTarget();
  beforeEach(() => {
    // Its global scope is the parent, and it has no modules of Node.
    Object.assign(process, { getBuiltinModule: undefined });
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    Object.assign(globalThis, {
      DedicatedWorkerGlobalScope: class {},
      addEventListener: addEventListener.bind(scope),
      removeEventListener: removeEventListener.bind(scope),
    });
  });
  afterEach(() => {
    Object.assign(process, { getBuiltinModule });
    for (const name of ['DedicatedWorkerGlobalScope', 'addEventListener', 'removeEventListener']) {
      Reflect.deleteProperty(globalThis, name);
    }
  });

  const say = (data: unknown) => scope.dispatchEvent(new MessageEvent('message', { data }));

  test('gives each call of parentLink one port, in order, and leaves other messages to the application', async () => {
    const { port1, port2 } = new MessageChannel();
    const [first, second] = [parentLink(), parentLink({ window: 500 })];
    for (const data of [null, 'hello', {}, { type: 'roam-actors.port' }, { type: 'other', port: port1 }]) say(data);
    const ports = [new FakePort(), new FakePort(), new FakePort()];
    for (const port of ports) say({ type: 'roam-actors.port', port });
    const links = await Promise.all([first, second]);
    expect(ports.map((port) => port.take())).toEqual([[[[0, 2 ** 20], []]], [[[0, 500], []]], []]);
    for (const link of links) link.abort();
    port1.close();
    port2.close();
  });

  test('takes a port for a later call, too', async () => {
    for (let round = 0; round < 2; round++) {
      const asked = parentLink();
      const port = new FakePort();
      say({ type: 'roam-actors.port', port });
      (await asked).abort();
      expect([port.isClosed, getEventListeners(scope, 'message')]).toEqual([true, []]);
    }
  });
});
