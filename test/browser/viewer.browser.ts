import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { InspectServer } from '../../src/cli/inspect/server.js';
import {
  type Acceptance,
  accept,
  type Connection,
  initiate,
  type Rejection,
  SENSITIVE,
  type Session,
} from '../../src/index.js';
import { createInspector, type Inspector } from '../../src/inspect/inspect-node.js';
import { parseRecording } from '../../src/inspect/recording.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { TestBrowser } from './chromium.js';
import { describeInBrowser } from './suite.js';
import { listen, ViewerPage } from './viewer.js';

jest.setTimeout(60_000);

const SECRET = 'not-to-be-seen';

describeInBrowser('the viewer', () => {
  let browser: TestBrowser;
  let server: InspectServer;
  let viewer: ViewerPage;
  let inspectors: Inspector[] = [];
  let session: Session;
  let peer: Session;
  let connection: Connection;
  /** The acceptor's decision on the next open. */
  let decide: (decision: Acceptance | Rejection) => void = () => {};

  beforeAll(async () => {
    [browser, server] = await Promise.all([TestBrowser.launch(), listen()]);
    viewer = await new ViewerPage(await browser.page()).open(server.url);
  });

  afterAll(async () => {
    session?.shutdown();
    await Promise.all([session?.closed, peer?.closed]);
    await Promise.all(inspectors.map((inspector) => inspector.stop()));
    await browser?.close();
    await server?.close();
  });

  test('waits for a process to be shown', async () => {
    await viewer.page.getByText('No process is connected.').waitFor();
  });

  test('shows the actors of both ends of a session as they come', async () => {
    const [ours, theirs] = memoryLinkPair();
    inspectors = ['client', 'server'].map((name) => createInspector({ url: server.url, name }));
    const [client, acceptor] = inspectors as [Inspector, Inspector];
    const metadata = [{ key: 'token', value: SECRET, flags: SENSITIVE }];
    [session, peer] = await Promise.all([
      initiate(ours, { inspect: client.inspect, metadata }),
      accept(theirs, {
        inspect: acceptor.inspect,
        onConnection: () =>
          new Promise((resolve) => {
            decide = resolve;
          }),
      }),
    ]);
    await viewer.row('client', 'connection 0').waitFor();
    await viewer.row('server', 'connection 0').waitFor();
    const below = ['handshake | established', 'connection 0 | active'];
    expect(await viewer.actors()).toEqual([
      'client',
      'session initiator | running',
      ...below,
      'server',
      'session acceptor | running',
      ...below,
    ]);
    await viewer.lit(
      'running.root.held',
      ...['running.inbound.reading', 'running.outbound.flowing', 'running.deadlines.idle'],
      ...['running.liveness.unwatched', 'running.intake.taking', 'running.renewal.settled'],
    );
  });

  test('lights the state of a connection after each step, and marks the last transition', async () => {
    const opened = session.open();
    await viewer.row('server', 'connection 1').waitFor();
    await viewer.choose('client', 'connection 1');
    await viewer.lit('opening');
    await viewer.choose('server', 'connection 1');
    await viewer.lit('deciding');
    decide({ type: 'accept', setup: echo });
    await viewer.lit('active');
    await viewer.marked('deciding', 'active');
    connection = await opened;
    await viewer.choose('client', 'connection 1');
    await viewer.lit('active');
    await viewer.marked('opening', 'active');
    await ask(connection, 1);
    await viewer.lit('unread');
    await viewer.marked('active', 'unread');
    await connection.close();
    await viewer.lit('closed');
    await viewer.marked('unread', 'closed');
  });

  const all = [
    '→ Hello',
    '← HelloYourself',
    '→ ConnectionOpen on 1',
    '← ConnectionAccept on 1',
    '→ Call #1 on 1 3 B',
    '← Response #1 on 1 3 B',
    '→ ConnectionClose on 1',
  ];

  test('shows the wire between the two as a sequence, and what is filtered of it', async () => {
    await viewer.says(all);
    const kinds = viewer.page.getByRole('group', { name: 'Kinds of message' });
    await kinds.getByRole('button', { name: 'request' }).click();
    await viewer.says(all.filter((message) => !/Call|Response/.test(message)));
    await kinds.getByRole('button', { name: 'request' }).click();
    await viewer.page.getByLabel('Only this connection').fill('0');
    await viewer.says(all.slice(0, 2));
    await viewer.page.getByLabel('Only this connection').fill('');
    await viewer.page.getByLabel('Messages with these words').fill('response 3');
    await viewer.says(['← Response #1 on 1 3 B']);
    await viewer.page.getByLabel('Messages with these words').fill('');
    await viewer.says(all);
  });

  test('goes back to an event that is clicked, and shows every state as it was then', async () => {
    await viewer.page.locator('.message[data-message=ConnectionOpen]').click();
    await viewer.says([...all.slice(0, 3), ...all.slice(3).map((message) => `${message} (later)`)]);
    await viewer.lit('opening');
    expect(await viewer.actors()).toContain('connection 1 | opening');
    expect(await viewer.actors()).not.toContain('connection 1 | closed');
    // The keys go from one event of the connection to the next.
    await viewer.page.keyboard.press(']');
    await viewer.page.keyboard.press(']');
    await viewer.lit('active');
    await viewer.page.keyboard.press('[');
    await viewer.page.keyboard.press('[');
    await viewer.lit('opening');
    const position = () => viewer.page.getByRole('slider').getAttribute('aria-valuenow');
    const before = Number(await position());
    await viewer.page.keyboard.press(',');
    expect(await position()).toBe(String(before - 1));
    await viewer.page.keyboard.press('.');
    expect(await position()).toBe(String(before));
    await viewer.page.keyboard.press('End');
    await viewer.lit('closed');
  });

  test('stands still while it is paused and events come, and goes on from the present', async () => {
    await viewer.page.keyboard.press(' ');
    const opened = session.open();
    await viewer.page.locator('.message[data-future=true]', { hasText: 'ConnectionOpen' }).waitFor();
    expect(await viewer.actors()).not.toContainEqual(expect.stringContaining('connection 3'));
    decide({ type: 'reject' });
    await opened.catch(() => {});
    await viewer.page.keyboard.press(' ');
    await viewer.row('client', 'connection 3').filter({ hasText: 'rejected' }).waitFor();
    expect(await viewer.actors()).toContain('connection 3 | rejected');
  });

  test('tells a connection’s story, and nothing of what is SENSITIVE', async () => {
    await viewer.choose('client', 'connection 1');
    const story = viewer.page.locator('.story');
    const traffic = story.locator('.section', { hasText: 'Messages and payload' }).locator('tbody tr').first();
    expect(await traffic.locator('td').allTextContents()).toEqual(['3', '3 B', '2', '3 B']);
    expect(await story.locator('.stays .mono').allTextContents()).toEqual(['opening', 'active', 'unread', 'closed']);
    await viewer.choose('client', 'session');
    expect(await story.locator('.section', { hasText: /^Metadata/ }).textContent()).toBe(
      'Metadatathis side, with Hellotokensensitive',
    );
    expect(await viewer.page.content()).not.toContain(SECRET);
  });

  test('saves the recording, and the sequence as Mermaid and as SVG', async () => {
    const { page } = viewer;
    const recording = await viewer.saved(() => page.getByRole('button', { name: 'Save recording' }).click());
    expect(recording.name).toBe('recording.jsonl');
    const { records } = parseRecording(recording.text);
    expect(records.filter(({ kind }) => kind === 'wire')).toHaveLength(2 * all.length + 4);
    expect(recording.text).not.toContain(SECRET);
    const mermaid = await viewer.saved(() => page.getByRole('button', { name: 'Mermaid' }).click());
    expect(mermaid.text.split('\n').slice(0, 5)).toEqual([
      'sequenceDiagram',
      '  participant initiator',
      '  participant acceptor',
      '  initiator->>acceptor: Hello on 0',
      '  acceptor->>initiator: HelloYourself on 0',
    ]);
    const svg = await viewer.saved(() => page.getByRole('button', { name: 'SVG' }).click());
    expect([svg.name, svg.text.match(/ConnectionReject/g)]).toEqual(['sequence.svg', expect.any(Array)]);
  });

  test('shows one that comes late what there is, and what there was', async () => {
    const late = await new ViewerPage(await browser.page({ colorScheme: 'dark' })).open(server.url);
    await late.row('client', 'connection 3').waitFor();
    expect(await late.actors()).toEqual(await viewer.actors());
    await late.choose('client', 'connection 1');
    await late.lit('closed');
    await late.page.locator('.message[data-message=ConnectionOpen]').first().click();
    await late.lit('opening');
    await late.page.close();
  });

  test('opens a recording in place of what the server shows, says what is wrong with one that is none, and goes back', async () => {
    const page = await browser.page();
    const opening = await new ViewerPage(page).open(server.url);
    await opening.row('client', 'connection 0').waitFor();
    const text = [
      { kind: 'recording', version: 1, at: 1, by: 'a test', isLive: true, backlog: 0 },
      { kind: 'process', seq: 1, at: 1, process: 1, name: 'from a file' },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n');
    const field = page.getByLabel('Recording', { exact: true });
    const choose = (name: string, content: string) =>
      field.setInputFiles({ name, mimeType: 'application/jsonl', buffer: Buffer.from(content) });
    await choose('bad.jsonl', `${text}\n{"kind":"left"}`);
    await page.getByRole('alert').getByText('bad.jsonl: line 3: left.seq is wrong').waitFor();
    expect(await opening.actors()).toEqual(await viewer.actors());
    await choose('good.jsonl', text);
    await page.locator('.source[data-source=file]').waitFor();
    expect([await opening.actors(), await page.locator('.head .file').textContent()]).toEqual([
      ['from a file'],
      'good.jsonl',
    ]);
    expect(await page.getByRole('alert').count()).toBe(0);
    // Events that come meanwhile do not show up in the opened recording.
    const another = createInspector({ url: server.url, name: 'another' });
    await viewer.page.locator('.process', { hasText: 'another' }).waitFor();
    await another.stop();
    expect(await opening.actors()).toEqual(['from a file']);
    await page.getByRole('button', { name: 'Close' }).click();
    await opening.row('client', 'connection 0').waitFor();
    await page.locator('.source[data-source=live]').waitFor();
    // The key clicks the file field. The browser's own dialog is prevented.
    await field.evaluate((input) => {
      input.addEventListener('click', (event) => {
        event.preventDefault();
        input.dataset['asked'] = 'true';
      });
    });
    await page.keyboard.press('o');
    await page.locator('[data-asked]').waitFor({ state: 'attached' });
    await page.evaluate((content) => {
      const data = new DataTransfer();
      data.items.add(new File([content], 'dropped.jsonl'));
      document
        .querySelector('main')
        ?.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }, text);
    await page.locator('.head .file', { hasText: 'dropped.jsonl' }).waitFor();
    expect(await opening.actors()).toEqual(['from a file']);
    await page.close();
  });

  test('shows a recording beside the page that its URL names, goes back to it from a file, and takes no other address', async () => {
    const page = await browser.page();
    const recordingOf = (name: string) =>
      [
        { kind: 'recording', version: 1, at: 1, by: 'a test', isLive: true, backlog: 0 },
        { kind: 'process', seq: 1, at: 1, process: 1, name },
      ]
        .map((line) => JSON.stringify(line))
        .join('\n');
    await page.route('**/demo.jsonl', (route) => route.fulfill({ body: recordingOf('beside the page') }));
    const opening = await new ViewerPage(page).open(`${server.url}&recording=demo.jsonl`);
    await page.locator('.source[data-source=file]').waitFor();
    expect([await opening.actors(), await page.locator('.head .file').count()]).toEqual([['beside the page'], 0]);
    await page
      .getByLabel('Recording', { exact: true })
      .setInputFiles({ name: 'mine.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(recordingOf('mine')) });
    await page.locator('.head .file', { hasText: 'mine.jsonl' }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.locator('.process', { hasText: 'beside the page' }).waitFor();
    await opening.open(`${server.url}&recording=missing.jsonl`);
    await page.getByRole('alert').getByText('missing.jsonl: the server answered 404').waitFor();
    // The address of another server is ignored: the page shows the stream of its own server.
    await opening.open(`${server.url}&recording=${encodeURIComponent('https://example.com/demo.jsonl')}`);
    await page.locator('.source[data-source=live]').waitFor();
    await page.close();
  });

  test('gives a panel the size that its edge is dragged to, or moved to by keys', async () => {
    const { page } = viewer;
    const tree = page.locator('.tree');
    const width = async () => Math.round((await tree.boundingBox())?.width ?? 0);
    const before = await width();
    const edge = page.getByRole('separator', { name: 'Width of the actors' });
    const { x, y } = (await edge.boundingBox()) ?? { x: 0, y: 0 };
    await page.mouse.move(x + 3, y + 100);
    await page.mouse.down();
    await page.mouse.move(300, y + 120);
    await page.mouse.up();
    expect(await width()).toBe(300);
    await edge.focus();
    await page.keyboard.press('ArrowRight');
    expect(await width()).toBe(316);
    await page.keyboard.press('Enter');
    expect(await width()).toBe(before);
    const lower = page.locator('.lower');
    const height = (await lower.boundingBox())?.height ?? 0;
    await page.getByRole('separator', { name: 'Height of the messages' }).focus();
    await page.keyboard.press('ArrowDown');
    expect((await lower.boundingBox())?.height).toBeCloseTo(height - 16, 0);
    await page.keyboard.press('Enter');
  });

  test('is used with keys alone, and says what they are', async () => {
    const { page } = viewer;
    await page.keyboard.press('1');
    await page.keyboard.press('Home');
    await page.locator('.story h2', { hasText: 'session' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.locator('.story h2', { hasText: 'handshake' }).waitFor();
    expect(await page.getByRole('tree').getAttribute('aria-activedescendant')).toBe(
      await page.getByRole('treeitem', { selected: true }).getAttribute('id'),
    );
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('one event back').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('t');
    expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('light');
  });

  test('drew the machines of the library without Graphviz', () => {
    const scripts = browser.requests.map((url) => /(?:draw|graphviz)\.js$/.exec(url)?.[0]);
    expect(new Set(scripts)).toEqual(new Set([undefined, 'draw.js']));
  });

  test('went nowhere but to this machine, and nothing went wrong', () => {
    expect({ departures: browser.departures, failures: browser.failures }).toEqual({ departures: [], failures: [] });
    expect(browser.requests.some((url) => url.startsWith('ws://127.0.0.1:'))).toBe(true);
  });
});

/** Answers every Call with what it carries. */
async function echo(connection: Connection): Promise<void> {
  for await (const { id, body } of connection) {
    if (body.type === 'Call') await connection.sendResponse(id, { ret: body.args });
  }
}

/** Sends one Call and reads until its Response has come. */
async function ask(connection: Connection, id: number): Promise<void> {
  const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: Uint8Array.of(1, 2, 3) } as const;
  await connection.send({ type: 'RequestMessage', id, body });
  for await (const message of connection) if (message.body.type === 'Response') return;
}
