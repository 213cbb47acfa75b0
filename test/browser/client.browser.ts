import { type AddressInfo, connect, createServer as createTcp, type Socket, type Server as Tcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { CDPSession, Page } from 'playwright-core';
import { createServer, refuse, type Server } from '../../src/index.js';
import { listenWebSocket } from '../../src/link/websocket-node.js';
import { reliableAcceptor } from '../../src/reliable/index.js';
import { TestBrowser } from './chromium.js';
import { Counter } from './pages/counter.js';
import { Site, script } from './site.js';
import { describeInBrowser } from './suite.js';

jest.setTimeout(120_000);

/** A server that may be started anew on its port. */
class Service {
  port = 0;
  #server: Server | undefined;
  #acceptor: ReturnType<typeof reliableAcceptor> | undefined;

  async start(): Promise<void> {
    const server = createServer({
      authenticate: ({ metadata }) => {
        const token = metadata.find(({ key }) => key === 'token')?.value;
        const isRight = typeof token === 'object' && 'reveal' in token && token.reveal() === 'right';
        return isRight ? 'a page' : refuse('forbidden', 'this page may not count');
      },
      services: [
        Counter.handler({
          count: async (from, to) => {
            for (let number = from; ; number++) {
              await to.send(number);
              await delay(20);
            }
          },
        }),
      ],
      onReport: () => {},
    });
    const acceptor = reliableAcceptor({ onLink: async (link) => void (await server.take(link)), onError: () => {} });
    const { port } = this;
    const listener = await server.listen(() =>
      listenWebSocket({ port, onError: () => {} }, (link, request) => acceptor.take(link, request)),
    );
    this.port = listener.port;
    this.#server = server;
    this.#acceptor = acceptor;
  }

  async stop(): Promise<void> {
    this.#acceptor?.close();
    await this.#server?.close();
  }
}

/** A network between the page and the server, which can be cut, and which can stand still unnoticed. */
class Network {
  readonly #sockets = new Set<Socket>();
  readonly #server: Tcp;
  isDown = false;

  constructor(portOf: () => number) {
    this.#server = createTcp((near) => {
      if (this.isDown) {
        near.destroy();
        return;
      }
      const far = connect(portOf(), '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** What is open now carries nothing more, and neither end hears of that. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The members of a page that all tests use. */
interface AnyPage {
  evaluate(expression: string): Promise<unknown>;
  waitForFunction(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

describeInBrowser('a page with a client that comes back', () => {
  const service = new Service();
  const network = new Network(() => service.port);
  let browser: TestBrowser;
  let site: Site;
  let url = '';

  beforeAll(async () => {
    await service.start();
    url = await network.listen();
    site = await Site.of({ 'main.js': script('client') });
    browser = await TestBrowser.launch();
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await network.close();
    await service.stop();
  });

  async function start(page: AnyPage, resume: 'auto' | false, token = 'right'): Promise<void> {
    await page.waitForFunction('globalThis.page !== undefined');
    await page.evaluate(`page.start(${JSON.stringify(url)}, '${token}', ${JSON.stringify(resume)})`);
  }

  async function open(resume: 'auto' | false, token?: string): Promise<{ page: Page; cdp: CDPSession }> {
    const page = await browser.page();
    await page.goto(site.url);
    await start(page, resume, token);
    return { page, cdp: await page.context().newCDPSession(page) };
  }

  const numbers = (page: AnyPage) => page.evaluate('page.numbers') as Promise<number[]>;
  const states = (page: Page) => page.evaluate('page.states') as Promise<string[]>;
  const inState = (page: Page, state: string) => page.waitForFunction(`page.states.at(-1) === '${state}'`);

  /** Resolves when more numbers have come, with the milliseconds that this took. */
  async function more(page: AnyPage): Promise<number> {
    const begun = performance.now();
    const { length } = await numbers(page);
    await page.waitForFunction(`page.numbers.length >= ${length + 5}`);
    return performance.now() - begun;
  }

  /** Each number came once, in order. */
  async function checkNumbers(page: AnyPage): Promise<void> {
    const all = await numbers(page);
    expect(all).toEqual(all.map((_, index) => index));
    await page.close();
  }

  test('streams on through a restart of the server', async () => {
    const { page } = await open(false);
    await more(page);
    await service.stop();
    await inState(page, 'connecting');
    await service.start();
    await more(page);
    expect(await states(page)).toEqual(['open', 'connecting', 'open']);
    await checkNumbers(page);
  });

  test('keeps its session through cuts, and makes a new one behind a restart, with resume', async () => {
    const { page } = await open('auto');
    await more(page);
    network.cut();
    await inState(page, 'interrupted');
    await inState(page, 'open');
    await more(page);
    expect(await states(page)).toEqual(['open', 'interrupted', 'open']);
    await service.stop();
    await inState(page, 'connecting');
    await service.start();
    await more(page);
    await checkNumbers(page);
  });

  test.each(['auto', false] as const)('comes back with the network, resume: %p', async (resume) => {
    const { page, cdp } = await open(resume);
    await more(page);
    const offline = (isOffline: boolean) =>
      cdp.send('Network.emulateNetworkConditions', {
        offline: isOffline,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      });
    await offline(true);
    network.isDown = true;
    network.cut();
    await page.waitForFunction('!navigator.onLine');
    await page.waitForFunction("page.states.at(-1) !== 'open'");
    network.isDown = false;
    await offline(false);
    const took = await more(page);
    process.stderr.write(`      online, resume ${resume}: numbers again after ${took.toFixed(0)} ms\n`);
    await checkNumbers(page);
  });

  /** Wakes a page whose connection carries nothing any more: 1 s at most to notice, 2.5 s for the probe, 0.2 s of backoff. */
  async function checkAwake(page: AnyPage, why: string, sleep: () => Promise<void>): Promise<void> {
    const times: number[] = [];
    // A machine that is busy may take longer once.
    while (times.length < 3 && !times.some((time) => time < 5_000)) {
      await more(page);
      await sleep();
      times.push(await more(page));
      process.stderr.write(`      awake, ${why}: numbers again after ${times.at(-1)?.toFixed(0)} ms\n`);
    }
    expect(times.at(-1)).toBeLessThan(5_000);
    await checkNumbers(page);
  }

  test.each(['auto', false] as const)(
    'is live within 5 s of waking when the device has slept, resume: %p',
    async (resume) => {
      const { page } = await open(resume);
      await checkAwake(page, `the device has slept, resume ${resume}`, async () => {
        network.freeze();
        await page.evaluate('page.sleep(60_000)');
      });
    },
  );

  test.each(['auto', false] as const)(
    'is live within 5 s of waking when its tab was frozen, resume: %p',
    async (resume) => {
      const page = await browser.barePage(site.url);
      await start(page, resume);
      await checkAwake(page, `the tab was frozen, resume ${resume}`, async () => {
        await page.freeze();
        network.freeze();
        const [{ length }] = [await numbers(page)];
        await delay(1_000);
        // It stood still.
        expect(await numbers(page)).toHaveLength(length);
        await page.wake();
      });
    },
  );

  test('reads why it was refused', async () => {
    const { page } = await open(false, 'wrong');
    await inState(page, 'failed');
    expect(await page.evaluate('page.error()')).toContain('refused.forbidden: this page may not count');
    await page.close();
  });

  test('went nowhere but to this machine, and nothing went wrong', () => {
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
  });
});
