import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The usual places of a Chromium. The environment variable `CHROMIUM` takes precedence. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

export const executablePath = process.env['CHROMIUM'] ?? PLACES.find((place) => existsSync(place));

/** Flags that switch off the browser's own requests, and that resolve no host but this machine. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** A Chromium with a fresh profile that notes where its pages go. */
export class TestBrowser {
  /** The URL of every request and every WebSocket of every page, in order. */
  readonly requests: string[] = [];
  /** Uncaught exceptions and console errors of the pages. */
  readonly failures: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    if (executablePath === undefined) throw new Error('there is no Chromium here');
    return new TestBrowser(await chromium.launch({ executablePath, args: QUIET, chromiumSandbox: false }));
  }

  /** A page in a context of its own, as in a private window. */
  async page(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.#watch(context);
    return context.newPage();
  }

  /** The requests that went to another machine than this one. */
  get departures(): string[] {
    return this.requests.filter((url) => !/^(?:(?:http|ws):\/\/127\.0\.0\.1:\d+\/|data:|blob:)/.test(url));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }

  #watch(context: BrowserContext): void {
    context.on('request', (request) => this.requests.push(request.url()));
    context.on('weberror', (error) => this.failures.push(error.error().stack ?? error.error().message));
    context.on('page', (page) => page.on('websocket', (socket) => this.requests.push(socket.url())));
  }
}
