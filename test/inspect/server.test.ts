import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { InspectServer, InspectServerOptions } from '../../src/cli/inspect/server.js';
import { Store } from '../../src/cli/inspect/store.js';
import { History } from '../../src/inspect/history.js';
import type { ActorRecord, EventRecord, InspectionRecord, NoticeRecord } from '../../src/inspect/record.js';
import { parseRecording } from '../../src/inspect/recording.js';
import { listen, Page, rawProcess, socketUrl, TOKEN } from './server.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serve(options: Partial<InspectServerOptions> = {}): Promise<InspectServer> {
  const server = await listen(options);
  endings.push(() => server.close());
  return server;
}

function pageOf(server: InspectServer): Page {
  const page = new Page(server);
  endings.push(() => page.close());
  return page;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

function get(
  server: InspectServer,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });
}

/** Returns the status of the answer to a WebSocket handshake: 101, or the status of the refusal. */
async function knock(server: InspectServer, path: string, headers: Record<string, string> = {}): Promise<number> {
  const { port } = new URL(server.url);
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.on('open', () => {
      socket.close();
      socket.on('close', () => resolve(101));
    });
    socket.on('unexpected-response', (_, { statusCode = 0 }) => {
      resolve(statusCode);
      socket.terminate();
    });
  });
}

const born: Omit<ActorRecord, 'actor' | 'id'> = {
  kind: 'actor',
  seq: 0,
  at: 0,
  process: 0,
  name: 'lamp',
  snapshot: { status: 'active', value: 'off' },
};

function lamp(id: string, more: Partial<ActorRecord> = {}): ActorRecord {
  return { ...born, actor: `0/${id}`, id, ...more };
}

function notices(page: Page): string[] {
  return page.of('notice').map(({ text }) => text);
}

describe('the server of the viewer', () => {
  test('gives its page to a browser with the token, with a policy that lets it talk to this server only', async () => {
    const server = await serve();
    const { status, headers, body } = await get(server, `/?token=${TOKEN}`);
    expect([status, headers['content-type'], body]).toEqual([200, 'text/html', '<p>a page</p>']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain(
      `connect-src 'self' ws://127.0.0.1:${new URL(server.url).port};`,
    );
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cache-control']).toBe('no-store');
  });

  test.each([
    ['no token', '/', {}, 401],
    ['a wrong token', '/?token=a-token-that-is-not-guesseS', {}, 401],
    ['a longer token', `/?token=${TOKEN}0`, {}, 401],
    ['no token, for the recording', '/recording.jsonl', {}, 401],
    ['a host that only resolves to us', `/?token=${TOKEN}`, { host: 'evil.example' }, 403],
    ['a file that is not of the page', '/../../package.json', {}, 404],
    ['an encoded way out', '/%2e%2e/%2e%2e/package.json', {}, 404],
    ['what looks like another host', '//evil.example/', {}, 404],
  ])('refuses a request with %s', async (_, path, headers, status) => {
    const server = await serve();
    expect((await get(server, path, headers)).status).toBe(status);
  });

  test('is only to be read', async () => {
    const server = await serve();
    expect((await get(server, `/?token=${TOKEN}`, {}, 'POST')).status).toBe(405);
    expect((await get(server, `/?token=${TOKEN}`, {}, 'HEAD')).body).toBe('');
  });

  test.each([
    ['a process', '/', {}, 101],
    ['a process without the token', '/?token=', {}, 401],
    ['a page of this machine that is inspected', '/', { origin: 'http://localhost:3000' }, 101],
    ['a page of another site', '/', { origin: 'https://evil.example' }, 403],
    ['a page of another site that is called almost like us', '/', { origin: 'http://127.0.0.1.evil.example' }, 403],
    ['a page in a sandbox', '/', { origin: 'null' }, 403],
    ['a viewer', '/view', {}, 101],
    ['a viewer without the token', '/view?token=x', {}, 401],
    ['a viewer that another page of this machine shows', '/view', { origin: 'http://localhost:3000' }, 403],
    ['a host that only resolves to us', '/', { host: 'evil.example' }, 403],
  ])('lets in or refuses %s', async (_, path, headers, status) => {
    const server = await serve();
    expect(await knock(server, path.includes('?') ? path : `${path}?token=${TOKEN}`, headers)).toBe(status);
  });

  test('shows a recording, and then takes no process', async () => {
    const server = await serve({ takesProcesses: false });
    expect(await knock(server, `/?token=${TOKEN}`)).toBe(409);
  });

  test('says what is wrong with what a process sends, once, and goes on', async () => {
    const server = await serve();
    const page = pageOf(server);
    const process = await rawProcess(server);
    endings.push(() => process.terminate());
    const wrong = [
      ...['{', '{', '[', '"text"', 'null', '{"type":"@xstate.none","sessionId":"x:0"}', '[1]', '[{"kind":"actor"}]'],
      JSON.stringify([{ kind: 'left', seq: 0, at: 0, process: 1 }]),
      JSON.stringify([lamp('x:1', { actor: '1/x:1' })]),
      JSON.stringify([lamp('x:1', { part: { part: 'keepalive', session: '7/x:0' } })]),
      JSON.stringify([lamp('x:1', { snapshot: { status: 'active', context: new Array(20_000).fill('xxx') } })]),
      JSON.stringify([lamp('x'.repeat(255))]),
      JSON.stringify([lamp('x:1', { parent: `0/${'x'.repeat(300)}` })]),
      JSON.stringify([{ kind: 'process', seq: 0, at: 0, process: 0, name: 'late' }]),
      '{"type":"@xstate.event","sessionId":"x:0","createdAt":"soon","event":null}',
    ];
    for (const text of wrong) process.send(text);
    process.send(Buffer.from([1, 2, 3]));
    process.send(JSON.stringify([lamp('x:2', { at: 1e300 })]));
    await page.until((records) => records.some(({ kind }) => kind === 'actor'));
    expect(notices(page)).toEqual([
      expect.stringMatching(/^it sent what is no JSON: /),
      'it sent what is neither a record nor an event of Stately’s',
      'it sent what is no record: not an object',
      'it sent a actor of more than 65536 characters',
      'it sent bytes where text was expected',
    ]);
    expect(page.of('process').map(({ name }) => name)).toEqual(['process 1']);
    expect(page.of('actor').map(({ actor, process: number, at }) => [actor, number, at <= Date.now()])).toEqual([
      ['1/x:2', 1, true],
    ]);
  });

  test('cuts off a process whose message is too long, and no other', async () => {
    const server = await serve();
    const page = pageOf(server);
    const [bad, good] = [await rawProcess(server), await rawProcess(server)];
    endings.push(() => good.terminate());
    bad.on('error', () => {});
    bad.send(`[${' '.repeat(5 * 2 ** 20)}]`);
    await once(bad, 'close');
    good.send(JSON.stringify([lamp('x:0')]));
    const kinds = ['actor', 'notice'] as const;
    await page.until((records) => kinds.every((each) => records.some(({ kind }) => kind === each)));
    expect(page.of('actor').map(({ actor }) => actor)).toEqual(['2/x:0']);
    expect(notices(page)).toEqual([expect.stringMatching(/^it was cut off: /)]);
  });

  test('tells a late page how everything stands, and what led there as far as it is kept', async () => {
    const store = new Store('a test', Date.now, { limits: { records: 100 } });
    const server = await serve({ store });
    const process = await rawProcess(server);
    const first = pageOf(server);
    process.send(JSON.stringify([lamp('x:0'), lamp('x:1')]));
    const moves = Array.from({ length: 5_000 }, (_, n) => ({ status: 'active', value: `state ${n}` })).map(
      (snapshot) => ({
        ...{ kind: 'snapshot', seq: 0, at: 0, actor: '0/x:0', event: 'go', snapshot },
      }),
    );
    process.send(JSON.stringify(moves));
    await first.until((records) => records.at(-1)?.kind === 'snapshot' && records.length >= 5_003);
    const late = pageOf(server);
    const { backlog, isLive } = await late.start;
    await late.until((records) => records.length === backlog);
    expect(isLive).toBe(true);
    expect(backlog).toBeLessThan(2_500);
    expect(stateOf(late.records)).toEqual(stateOf(first.records));
    expect(late.records.filter(({ seq }) => seq === 0).map(({ kind }) => kind)).toEqual(['process', 'actor', 'actor']);
    process.terminate();
    await late.until((records) => records.at(-1)?.kind === 'left');
    const { body } = await get(server, `/recording.jsonl?token=${TOKEN}`);
    const { start, records } = parseRecording(body);
    expect([start.isLive, start.by, start.backlog]).toEqual([false, 'a test', records.length]);
    expect(stateOf(records)).toEqual(stateOf(late.records));
  });

  test('keeps no more than it may: not of actors, and not of what they hold', async () => {
    const store = new Store('a test', Date.now, { limits: { actors: 3, actorBytes: 5_000 } });
    const server = await serve({ store });
    const page = pageOf(server);
    const process = await rawProcess(server);
    endings.push(() => process.terminate());
    const heavy = (id: string) => lamp(id, { snapshot: { status: 'active', value: 'on', context: 'x'.repeat(900) } });
    process.send(JSON.stringify([heavy('x:0'), heavy('x:1'), heavy('x:2'), heavy('x:3')]));
    await page.until((records) => records.filter(({ kind }) => kind === 'notice').length === 2);
    expect(page.of('actor').map(({ id, snapshot: { context } }) => [id, String(context).length])).toEqual([
      ['x:0', 900],
      ['x:1', '[left out]'.length],
      ['x:2', '[left out]'.length],
    ]);
    expect(notices(page)).toEqual([
      'actors take more than 5000 bytes: the rest of their contexts is left out',
      'more than 3 actors live: no more are told of',
    ]);
    const over = { kind: 'snapshot', seq: 0, at: 0, actor: '0/x:0', event: 'end', snapshot: { status: 'done' } };
    process.send(JSON.stringify([over, heavy('x:4')]));
    await page.until((records) => records.some((record) => record.kind === 'actor' && record.id === 'x:4'));
    expect(page.of('actor').at(-1)?.snapshot.context).toHaveLength(900);
  });

  test('cuts every string, and the names of actors, and counts all of it', () => {
    const store = new Store('a test', Date.now, { limits: { actorBytes: 2 ** 20, recordBytes: 2 ** 20 } });
    const number = store.join();
    const long = 'n'.repeat(6_000);
    for (let n = 0; n < 2_000; n++) {
      const part = {
        part: 'session',
        role: 'initiator',
        conformance: 'strict',
        link: long,
        limits: { [long]: n },
      } as const;
      const last = { event: long, transitions: [{ source: long, event: long, targets: [long], index: 0 }] };
      store.take(number, JSON.stringify([lamp(`x:${n}`, { id: long, name: long, part, last })]));
    }
    const lines = [...store.lines()];
    const records = lines.map((line) => JSON.parse(line) as InspectionRecord);
    const actors = records.filter(({ kind }) => kind === 'actor');
    expect(actors.length).toBeGreaterThan(50);
    expect(lines.join('').length).toBeLessThan(2 * 2 ** 20);
    expect(lines.join('').match(/n{1020,}…/g)?.length).toBeGreaterThan(300);
    expect(lines.join('')).not.toMatch(/n{1024}/);
    expect(records.filter(({ kind }) => kind === 'notice').map((record) => (record as NoticeRecord).text)).toEqual([
      'actors take more than 1048576 bytes: the rest of their contexts is left out',
      'actors take more than 1048576 bytes: no more are told of',
    ]);
    // There is room again once they have ended.
    for (let n = 0; n < 2_000; n++) {
      const snapshot = { status: 'done' };
      store.take(
        number,
        JSON.stringify([{ kind: 'snapshot', seq: 0, at: 0, actor: `0/x:${n}`, event: 'end', snapshot }]),
      );
    }
    store.take(number, JSON.stringify([lamp('x:new')]));
    expect([...store.lines()].at(-1)).toContain('1/x:new');
    store.close();
  });

  test('takes data that is nested as deep as a message is long, and shows its beginning', () => {
    const store = new Store('a test', Date.now);
    const number = store.join();
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    store.take(number, `[{"kind":"event","seq":0,"at":0,"actor":"0/x:0","event":{"type":"deep","value":${deep}}}]`);
    const { event } = JSON.parse([...store.lines()].at(-1) ?? '') as EventRecord;
    expect(JSON.stringify(event)).toMatch(/^\{"type":"deep","value":\[{60,64}"…"\]{60,64}\}$/);
    store.close();
  });

  test('puts what several processes tell into the order in which it happened', async () => {
    const server = await serve();
    const page = pageOf(server);
    const [one, other] = [await rawProcess(server), await rawProcess(server)];
    endings.push(
      () => one.terminate(),
      () => other.terminate(),
    );
    const now = Date.now();
    one.send(JSON.stringify([lamp('x:0', { at: now - 2 }), lamp('x:1', { at: now - 4 })]));
    other.send(JSON.stringify([lamp('x:0', { at: now - 5 }), lamp('x:1', { at: now - 1 })]));
    await page.until((records) => records.filter(({ kind }) => kind === 'actor').length === 4);
    expect(page.of('actor').map(({ actor }) => actor)).toEqual(['2/x:0', '1/x:0', '1/x:1', '2/x:1']);
    const numbers = page.records.map(({ seq }) => seq);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('tells when pages come and go', async () => {
    const counts: number[] = [];
    const server = await serve({ onPages: (count) => counts.push(count) });
    const page = new Page(server);
    await page.start;
    await page.close();
    const socket = new WebSocket(socketUrl(server, '/view'));
    await once(socket, 'message');
    expect(counts.slice(0, 1)).toEqual([1]);
    expect(counts).toContain(0);
    socket.terminate();
  });
});

function stateOf(records: readonly InspectionRecord[]): unknown {
  const history = new History();
  for (const record of records) history.push(record);
  const { processes, definitions, actors } = history.now;
  return [[...processes.values()], [...definitions], [...actors.values()]];
}

describe('a socket that is not let in', () => {
  /** Longer than a test: a socket that is destroyed in time was not destroyed for its silence. */
  const handshakeTimeout = 600_000;

  /** A socket that never ends its own side, as far as the server lets it. */
  async function stubborn(
    server: InspectServer,
    request = '',
  ): Promise<{ gone: Promise<void>; answer: Promise<string> }> {
    const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
    endings.push(() => socket.destroy());
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('error', () => {});
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const answer = new Promise<string>((resolve) => {
      socket.on('end', () => {
        resolve(text);
        // The system answers a write to a destroyed socket with a reset.
        const writing = setInterval(() => socket.write('x'), 5);
        void gone.finally(() => clearInterval(writing));
      });
    });
    await once(socket, 'connect');
    socket.write(request);
    return { gone, answer };
  }

  const upgrade = (server: InspectServer, token: string) =>
    [
      `GET /?token=${token} HTTP/1.1`,
      `Host: ${new URL(server.url).host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '',
      '',
    ].join('\r\n');

  test.each([
    ['whose token is wrong', (server: InspectServer) => upgrade(server, 'wrong'), /^HTTP\/1.1 401 /],
    ['that speaks no HTTP', () => 'no\r\n\r\n', /^HTTP\/1.1 400 /],
    [
      'whose handshake is none',
      (server: InspectServer) => upgrade(server, TOKEN).replace('13', '99'),
      /^HTTP\/1.1 400 /,
    ],
  ])('is destroyed once it has its answer: one %s', async (_what, request, status) => {
    const server = await serve({ handshakeTimeout });
    const { answer, gone } = await stubborn(server, request(server));
    expect(await answer).toMatch(status);
    await gone;
  });

  test('is destroyed when it has said nothing, or no whole request, in time', async () => {
    const server = await serve({ handshakeTimeout: 50 });
    const silent = await stubborn(server);
    const slow = await stubborn(server, 'GET / HTTP/1.1\r\nHost: ');
    await Promise.all([silent.gone, slow.gone]);
  });

  test('is destroyed at once where there are as many as there may be, and the others stay', async () => {
    const server = await serve({ handshakeTimeout, maxSockets: 3 });
    const process = await rawProcess(server);
    await stubborn(server);
    await stubborn(server);
    const { gone } = await stubborn(server);
    await gone;
    expect(process.readyState).toBe(WebSocket.OPEN);
  });

  test('does not keep the server from closing', async () => {
    const server = await listen({ handshakeTimeout });
    const refused = await Promise.all(Array.from({ length: 20 }, () => stubborn(server, upgrade(server, 'wrong'))));
    const silent = await stubborn(server);
    await server.close();
    await Promise.all([silent, ...refused].map(({ gone }) => gone));
  });
});
