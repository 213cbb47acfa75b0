import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createWebSocketInspector } from '@statelyai/inspect';
import { assign, createActor, createMachine } from 'xstate';
import type { InspectServer } from '../../src/cli/inspect/server.js';
import { Store } from '../../src/cli/inspect/store.js';
import type { InspectionRecord } from '../../src/inspect/record.js';
import { TestBrowser } from './chromium.js';
import { describeInBrowser } from './suite.js';
import { listen, ViewerPage } from './viewer.js';

jest.setTimeout(120_000);

const MANY = 10_000;

describeInBrowser('the viewer', () => {
  let browser: TestBrowser;

  beforeAll(async () => {
    browser = await TestBrowser.launch();
  });
  afterAll(() => browser?.close());

  test('stays usable with ten thousand connections that come, speak and go', async () => {
    const store = new Store('a test', Date.now);
    const process = store.join();
    const told = (records: readonly InspectionRecord[]) => {
      for (let at = 0; at < records.length; at += 500) store.take(process, JSON.stringify(records.slice(at, at + 500)));
    };
    told(crowd());
    const server = await listen(store);
    // A hundred times a second, the same connection gets a message and another connection ends.
    let next = 1;
    const traffic = setInterval(() => {
      next += 2;
      told([message(1), snapshot(next, 'closed', 'done')]);
    }, 10);
    try {
      const viewer = await new ViewerPage(await browser.page()).open(server.url);
      const { page } = viewer;
      await page.locator('.row .counts', { hasText: 'active' }).waitFor();
      // The session's row is folded, and counts the connections by state.
      expect(await viewer.actors()).toEqual([
        expect.stringMatching(/^process 1/),
        expect.stringMatching(/^session initiator \| 9 \d{3} active[\d ]+ closed$/),
      ]);
      const took: [what: string, ms: number][] = [];
      const measure = async (what: string, selector: string): Promise<void> => {
        took.push([what, await page.evaluate(clickAndPaint, selector)]);
      };
      await measure('unfold', '.row[aria-expanded="false"] .chevron');
      // The tree renders only the rows in sight, and a few more.
      expect(await page.getByRole('treeitem').count()).toBeLessThan(60);
      await measure('choose a connection', '.row:nth-child(9)');
      await measure('pause', '.pause');
      await measure('step back', '.icon[aria-label="One event back"]');
      await measure('go live', '.pause');
      await page.getByLabel('Find an actor by name or state').fill('connection 19999');
      await viewer.row('process 1', 'connection 19999').waitFor();
      await measure('choose what was found', '.row:last-child');
      expect(await page.locator('.story h2').textContent()).toContain('connection 19999');
      const report = took.map(([what, ms]) => `${what} ${ms.toFixed(0)} ms`).join(', ');
      globalThis.process.stderr.write(`      from a click to the picture, at ${MANY} connections: ${report}\n`);
      await page.close();
    } finally {
      clearInterval(traffic);
      await server.close();
    }
  });

  test('shows what any application tells with @statelyai/inspect', async () => {
    const server: InspectServer = await listen();
    const inspector = createWebSocketInspector({ url: server.url.replace('http:', 'ws:') });
    const light = createMachine({
      id: 'light',
      initial: 'red',
      context: { count: 0 },
      states: {
        red: { on: { go: { target: 'green', actions: assign({ count: 1 }) } } },
        green: { on: { stop: 'red' } },
      },
    });
    const actor = createActor(light, { inspect: inspector.inspect });
    try {
      const viewer = await new ViewerPage(await browser.page()).open(server.url);
      actor.start();
      await viewer.page.locator('.row .title', { hasText: 'light' }).waitFor();
      await viewer.lit('red');
      actor.send({ type: 'go' });
      await viewer.lit('green');
      await viewer.page.getByRole('tab', { name: 'Events' }).click();
      await viewer.page.locator('.log .event', { hasText: 'go' }).first().waitFor();
      await viewer.page.close();
    } finally {
      actor.stop();
      inspector.stop();
      await server.close();
    }
  });

  test('went nowhere but to this machine, and nothing went wrong', () => {
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
  });
});

/** Clicks in the page. Returns the time until the next picture, in milliseconds. */
function clickAndPaint(selector: string): Promise<number> {
  const element = document.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`there is no ${selector}`);
  const begun = performance.now();
  element.click();
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
  });
}

const at = Date.now();
const SESSION = '0/session';

/** Records that an inspected process sends when its session has very many connections. */
function crowd(): InspectionRecord[] {
  const records: InspectionRecord[] = [
    {
      ...actor(SESSION, 'session', 'running'),
      part: { part: 'session', role: 'initiator', conformance: 'reference', limits: { connections: 2 * MANY } },
    },
  ];
  for (let id = 1; id < 2 * MANY; id += 2) {
    records.push({
      ...actor(`0/${id}`, String(id), 'active'),
      parent: SESSION,
      part: { part: 'connection', session: SESSION, connection: id },
    });
  }
  return records;
}

function actor(key: `0/${string}`, id: string, value?: string): Extract<InspectionRecord, { kind: 'actor' }> {
  const snapshot = value === undefined ? { status: 'active' as const } : { status: 'active' as const, value };
  return { kind: 'actor', seq: 0, at, process: 0, actor: key, id, name: id, snapshot };
}

function snapshot(id: number, value: string, status: 'active' | 'done'): InspectionRecord {
  return { kind: 'snapshot', seq: 0, at, actor: `0/${id}`, event: 'app.close', snapshot: { status, value } };
}

function message(connection: number): InspectionRecord {
  const wire = { kind: 'wire', session: SESSION, direction: 'sent', message: 'Item' } as const;
  return { ...wire, seq: 0, at, connection, id: 1, count: 1, bytes: 64 };
}
