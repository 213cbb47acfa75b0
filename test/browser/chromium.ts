import { existsSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Page,
} from 'playwright-core';

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

/**
 * A page that Playwright knows nothing of. Playwright makes the browser take each of its own pages for the one that is looked at, and
 * such a page is never frozen: `Page.setWebLifecycleState` has no effect on it.
 */
export class BarePage {
  readonly #browser: CDPSession;
  readonly #targetId: string;
  readonly #sessionId: string;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(browser: CDPSession, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
    browser.on('Target.receivedMessageFromTarget', (event) => {
      if (event.sessionId !== sessionId) return;
      const answer = JSON.parse(event.message) as Answer;
      this.#answers.get(answer.id)?.(answer);
      this.#answers.delete(answer.id);
    });
  }

  static async open(browser: CDPSession, url: string): Promise<BarePage> {
    // A context of Playwright's own would have pages of Playwright.
    const { browserContextId } = await browser.send('Target.createBrowserContext');
    const { targetId } = await browser.send('Target.createTarget', { url, browserContextId });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId });
    return new BarePage(browser, targetId, sessionId);
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    return (result as { value?: unknown }).value;
  }

  waitForFunction(expression: string): Promise<unknown> {
    return this.evaluate(`new Promise((resolve) => {
      const look = () => (${expression}) ? resolve() : setTimeout(look, 20);
      look();
    })`);
  }

  /** Hides the page, as a tab in the background, and freezes it, as the browser does with such a tab after a while. */
  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  /** Lets the page go on, and shows it. */
  async wake(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'active' });
    await this.#browser.send('Target.activateTarget', { targetId: this.#targetId });
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#targetId });
  }

  async #send(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    await this.#browser.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message });
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }
}

interface Answer {
  readonly id: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

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

  async barePage(url: string): Promise<BarePage> {
    return BarePage.open(await this.#browser.newBrowserCDPSession(), url);
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
