import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { endAll, type RunningCommand, startProgram } from '../cli/command.js';
import { TestBrowser } from './chromium.js';
import { Site } from './site.js';
import { describeInBrowser } from './suite.js';

jest.setTimeout(120_000);

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A port that is free. The README has one that may be taken. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeInBrowser("the README's first example", () => {
  // Within the package, so that its name leads to itself.
  const folder = mkdtempSync(join(root, '.programs-'));
  let browser: TestBrowser;
  let site: Site;
  let page: Page;
  let server: RunningCommand;
  const printed: string[] = [];

  beforeAll(async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8').replaceAll('9000', String(await freePort()));
    for (const [, name = '', text = ''] of readme.matchAll(/^```ts (\w+\.mts)\n([\s\S]*?)^```$/gm)) {
      writeFileSync(join(folder, name), text);
    }
    site = await Site.of({ 'main.js': join(folder, 'client.mts') });
    browser = await TestBrowser.launch();
    page = await browser.page();
    page.on('console', (message) => void printed.push(message.text()));
  });

  afterAll(async () => {
    await endAll();
    await browser?.close();
    await site?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (): RunningCommand => startProgram(join(folder, 'server.mts'));
  const ofClient = (): string[] => printed.filter((text) => !text.includes('WebSocket'));
  const states = (): string[] => ofClient().filter((text) => Number.isNaN(Number(text)));
  /** The sum of the first call, and what the stream counts behind it. */
  const numbers = (): number[] => ofClient().map(Number).filter(Number.isFinite);
  const seen = async (isSeen: () => boolean): Promise<void> => {
    while (!isSeen()) await page.waitForEvent('console');
  };

  test('goes on through restarts of its server, as it is pasted', async () => {
    // The client is there first: its call waits for a server.
    await page.goto(site.url);
    await seen(() => states().at(-1) === 'connecting');
    server = start();
    await seen(() => numbers().length > 5);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      server.child.kill(signal);
      await server.ended;
      await seen(() => states().at(-1) === 'connecting');
      const { length } = numbers();
      server = start();
      await seen(() => numbers().length > length + 5);
      expect(states().at(-1)).toBe('open');
    }
    const [sum, ...counted] = numbers();
    expect(sum).toBe(8);
    expect(counted).toEqual(counted.map((_, index) => index));
    expect([...new Set(states())]).toEqual(['connecting', 'open']);
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
  });
});
