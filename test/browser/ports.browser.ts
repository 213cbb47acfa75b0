import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { TestBrowser } from './chromium.js';
import { Site, script } from './site.js';
import { describeInBrowser } from './suite.js';

jest.setTimeout(60_000);

describeInBrowser('a link over a port in a browser', () => {
  let browser: TestBrowser;
  let site: Site;
  let page: Page;

  beforeAll(async () => {
    site = await Site.of({ 'main.js': script('ports'), 'ports-worker.js': script('ports-worker') });
    browser = await TestBrowser.launch();
    page = await browser.page();
    await page.goto(site.url);
    await page.waitForFunction('globalThis.ports !== undefined');
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  test.each([2 ** 20, 1])('passes the suite for links with a window of %i bytes', async (window) => {
    const { failed, cases } = (await page.evaluate(`ports.suite(${window})`)) as { failed: string[]; cases: number };
    expect(failed).toEqual([]);
    expect(cases).toBeGreaterThan(25);
  });

  test('carries calls and a stream to a worker, beside the messages of the page', async () => {
    expect(await page.evaluate('ports.worker()')).toEqual(['the worker heard hello', 'a', 10_000_000, 'shutdown']);
  });

  test('ends when its worker is terminated', async () => {
    expect(await page.evaluate('ports.terminated()')).toEqual({
      code: expect.stringMatching(/^(link|keepalive)$/),
      isLost: true,
    });
  });

  test('went nowhere but to this machine, and nothing went wrong', () => {
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
  });
});
