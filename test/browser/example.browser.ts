import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { endAll, type RunningCommand, startProgram } from '../cli/command.js';
import { TestBrowser } from './chromium.js';
import { describeInBrowser } from './suite.js';
import { ViewerPage } from './viewer.js';

jest.setTimeout(60_000);

describeInBrowser('the browser example', () => {
  let browser: TestBrowser;
  let example: RunningCommand;
  let page: Page;

  beforeAll(async () => {
    example = startProgram('examples/browser/main.ts');
    browser = await TestBrowser.launch();
    page = await browser.page();
    const [, url = ''] = await example.printed(/^open (\S+)/m);
    await page.goto(url);
  });

  afterAll(async () => {
    example.child.kill('SIGTERM');
    await browser.close();
    expect(await example.ended).toMatchObject({ status: 0, stderr: '' });
    await endAll();
  });

  const inState = (state: string) => page.locator(`body[data-state="${state}"]`).waitFor();
  const lines = () => page.locator('#lines li').allTextContents();
  const status = async () =>
    (await page.locator('#status').textContent())?.replace(/ws:\/\/127\.0\.0\.1:\d+/, 'SERVER');

  async function ask(text: string): Promise<void> {
    await page.getByLabel('Say something').fill(text);
    await page.keyboard.press('Enter');
  }

  test('connects, and hears back what it says', async () => {
    await inState('online.idle');
    expect(await status()).toBe('Connected to SERVER.');
    await ask('hello');
    await page.locator('#lines li[data-from=server]', { hasText: 'hello' }).waitFor();
    expect(await lines()).toEqual(['Connected: a session is established.', 'hello', 'hello']);
  });

  test('shows the items of a stream as they come, and what the service says against one', async () => {
    const before = (await lines()).length;
    await ask('20');
    await page.locator('#lines li[data-from=server]', { hasText: /^20$/ }).waitFor();
    await ask('1000000');
    await page.locator('#lines li[data-from=server]', { hasText: 'count must be' }).waitFor();
    expect((await lines()).slice(before)).toEqual([
      '20',
      ...Array.from({ length: 20 }, (_, index) => `${index + 1}`),
      '1000000',
      'count must be a whole number from 0 to 100000, not 1000000',
    ]);
    await inState('online.idle');
  });

  test('says that the server is gone, keeps what is asked meanwhile, and gets the answer from the next one', async () => {
    example.child.stdin?.write('\n');
    await inState('waiting');
    await ask('are you there?');
    await page.locator('#status', { hasText: 'not answered' }).waitFor();
    expect(await status()).toMatch(
      /^(No server answers at SERVER\. The next .*|Connecting to SERVER, .*) 1 not answered yet\.$/,
    );
    await example.printed(/the server is down/);
    example.child.stdin?.write('\n');
    await page.locator('#lines li[data-from=server]', { hasText: 'are you there?' }).waitFor();
    await inState('online.idle');
    expect((await lines()).slice(-4)).toEqual([
      'The server ended the session. Connecting again …',
      'are you there?',
      'Connected: a session is established.',
      'are you there?',
    ]);
    expect(await status()).toBe('Connected to SERVER.');
  });

  test('leaves and returns when it is told to', async () => {
    await page.getByRole('button', { name: 'Leave' }).click();
    await inState('offline');
    await page.getByRole('button', { name: 'Connect' }).click();
    await inState('online.idle');
    expect((await lines()).slice(-2)).toEqual(['You left.', 'Connected: a session is established.']);
  });

  test('is seen in the viewer, with the session in its statechart', async () => {
    const [, url = ''] = await example.printed(/^watch it at (\S+)/m);
    const viewer = await new ViewerPage(await browser.page()).open(url);
    await viewer.row('roam-actors in a browser', 'session').waitFor();
    await viewer.page.locator('.row .title', { hasText: /^page/ }).click();
    await viewer.lit('online.idle');
    // The chart is the example's own.
    expect(browser.requests.filter((request) => request.endsWith('/graphviz.js'))).toHaveLength(1);
  });

  test('went nowhere but to this machine, and nothing went wrong', () => {
    expect(browser.requests).toEqual(expect.arrayContaining([expect.stringMatching(/^ws:\/\/127\.0\.0\.1:/)]));
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
  });
});
