import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createWebSocketInspector } from '@statelyai/inspect';
import { createInspectorServer } from '@statelyai/inspect/server';
import { WebSocket } from 'ws';
import { type AnyActorRef, createActor, createMachine } from 'xstate';
import type { InspectServer } from '../../src/cli/inspect/server.js';
import { History } from '../../src/inspect/history.js';
import { createInspector } from '../../src/inspect/inspect-node.js';
import type { Inspector, InspectorOptions } from '../../src/inspect/inspector.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { SENSITIVE } from '../../src/wire/metadata.js';
import { listen, Page } from './server.js';

const SECRET = 'open sesame';
const PAYLOAD = 'bytes that stay inside';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function serve(): Promise<InspectServer> {
  const server = await listen();
  endings.push(() => server.close());
  return server;
}

function pageOf(server: InspectServer): Page {
  const page = new Page(server);
  endings.push(() => page.close());
  return page;
}

function inspectorOf(options: InspectorOptions): Inspector {
  const inspector = createInspector(options);
  endings.push(() => inspector.stop());
  return inspector;
}

/** Two ends of a session in this process, each with an inspector or none; one connection, and a Call each way. */
async function converse(near: Inspector['inspect'], far: Inspector['inspect'] = near): Promise<Session[]> {
  const [left, right] = memoryLinkPair();
  const secret = [{ key: 'token', value: SECRET, flags: SENSITIVE }];
  const args = new TextEncoder().encode(PAYLOAD);
  const keepalive = { pingInterval: 60_000, pongTimeout: 60_000 };
  const sessions = await Promise.all([
    initiate(left, { inspect: near, metadata: secret, keepalive }),
    accept(right, {
      inspect: far,
      keepalive,
      metadata: secret,
      onConnection: () => ({
        type: 'accept',
        setup: async (connection) => {
          for await (const { id, body } of connection) {
            if (body.type === 'Call') await connection.sendResponse(id, { ret: body.args, metadata: secret });
          }
        },
      }),
    }),
  ]);
  const connection = await sessions[0].open({ metadata: secret });
  const call = { type: 'Call', methodId: 7n, channels: [], metadata: secret, args } as const;
  await connection.send({ type: 'RequestMessage', id: 1, body: call });
  await connection[Symbol.asyncIterator]().next();
  return sessions;
}

async function end(sessions: Session[]): Promise<void> {
  sessions[0]?.shutdown();
  await Promise.all(sessions.map(({ closed }) => closed));
}

function hasEnded(records: readonly { kind: string; snapshot?: { value?: unknown } }[], count: number): boolean {
  return records.filter(({ kind, snapshot }) => kind === 'snapshot' && snapshot?.value === 'ended').length === count;
}

describe('an inspector', () => {
  test('shows both ends of a session, what goes over the wire, and no payload and no SENSITIVE value', async () => {
    const server = await serve();
    const page = pageOf(server);
    const { inspect } = inspectorOf({ url: server.url, name: 'a pair' });
    await end(await converse(inspect));
    await page.until((records) => hasEnded(records, 2));

    expect(page.of('process').map(({ name, runtime }) => [name, runtime])).toEqual([['a pair', 'node']]);
    const parts = page
      .of('actor')
      .map(({ part, id }) => (part?.part === 'session' ? part.role : `${part?.part} ${id}`));
    expect(parts.sort()).toEqual(
      ['initiator', 'acceptor']
        .concat(
          ...new Array(2).fill(['handshake handshake', 'keepalive keepalive']),
          ...new Array(2).fill(['connection 0', 'connection 1']),
        )
        .sort(),
    );
    const wire = page
      .of('wire')
      .map(({ direction, connection, message, bytes }) => [direction, connection, message, bytes]);
    const size = new TextEncoder().encode(PAYLOAD).length;
    const expected = [
      ...[
        [0, 'Hello', 0],
        [0, 'HelloYourself', 0],
        [1, 'ConnectionOpen', 0],
        [1, 'ConnectionAccept', 0],
      ],
      ...[
        [1, 'Call', size],
        [1, 'Response', size],
      ],
    ];
    expect(wire.sort()).toEqual(
      ['received', 'sent'].flatMap((direction) => expected.map((each) => [direction, ...each])).sort(),
    );

    const history = new History();
    for (const record of page.records) history.push(record);
    const sessions = [...history.now.actors.values()].filter(({ part }) => part?.part === 'session');
    expect(sessions.map(({ status, value, peer }) => [status, value, peer])).toEqual([
      ['done', 'ended', sessions[1]?.key],
      ['done', 'ended', sessions[0]?.key],
    ]);
    const traffic = { sentMessages: 4, sentBytes: size, receivedMessages: 4, receivedBytes: size };
    expect(sessions.map((session) => session.traffic)).toEqual([
      { ...traffic, sentMessages: 3, receivedMessages: 3 },
      { ...traffic, sentMessages: 3, receivedMessages: 3 },
    ]);
    expect(sessions[0]?.definition).toBe(sessions[1]?.definition);
    expect(history.now.definitions.get(sessions[0]?.definition as string)).toMatchObject({ id: 'session' });

    expect(page.text).toContain('[sensitive]');
    expect(page.text).not.toContain(SECRET);
    expect(page.text).not.toContain(PAYLOAD);
    expect(page.text).not.toContain([...new TextEncoder().encode(PAYLOAD.slice(0, 4))].join(','));
  });

  test('shows each transition that is taken as the definition has it', async () => {
    const server = await serve();
    const page = pageOf(server);
    const machine = createMachine({
      id: 'lamp',
      initial: 'off',
      states: {
        off: { on: { press: [{ guard: () => false, target: 'broken' }, { target: 'on' }] } },
        on: { initial: 'warming', states: { warming: { always: 'bright' }, bright: {} }, on: { 'press.*': 'off' } },
        broken: {},
      },
    });
    const { inspect } = inspectorOf({ url: server.url });
    const actor = createActor(machine, { inspect }).start();
    actor.send({ type: 'press' });
    actor.send({ type: 'press.hard' });
    actor.stop();
    await page.until((records) =>
      records.some((record) => record.kind === 'snapshot' && record.snapshot.status === 'stopped'),
    );
    expect(
      page.of('snapshot').map(({ event, snapshot: { value }, transitions }) => [event, value, transitions]),
    ).toEqual([
      [
        'press',
        { on: 'bright' },
        [
          { source: 'off', event: 'press', targets: ['on'], index: 1 },
          { source: 'on.warming', event: '', targets: ['on.bright'], index: 0 },
        ],
      ],
      ['press.hard', 'off', [{ source: 'on', event: 'press.*', targets: ['off'], index: 0 }]],
      ['xstate.stop', 'off', undefined],
    ]);
    expect(page.of('event').map(({ event }) => event.type)).toEqual(['press', 'press.hard', 'xstate.stop'].slice(0, 2));
  });

  test.each([
    ['none', 0, 0],
    [4, 5, 10],
    ['all', 10, 10],
  ] as const)('tells of %s data messages, and adds up what it tells of several', async (messages, told, counted) => {
    const server = await serve();
    const page = pageOf(server);
    const { inspect } = inspectorOf({ url: server.url, messages });
    const quiet = inspectorOf({ url: server.url, messages: 'none' });
    const [left, right] = memoryLinkPair();
    const sessions = await Promise.all([initiate(left, { inspect }), accept(right, { inspect: quiet.inspect })]);
    const item = new Uint8Array(3);
    for (let n = 0; n < 10; n++) sessions[0].root.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item } });
    await end(sessions);
    await page.until((records) => hasEnded(records, 2));
    const items = page.of('wire').filter(({ message }) => message === 'Item');
    // 4, 4, and the rest when the session ends.
    expect(items.length).toBe(messages === 4 ? 3 : told);
    expect(items.reduce((sum, { count }) => sum + count, 0)).toBe(counted);
    expect(items.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(counted * 3);
  });

  test('tells a server that comes late how everything stands', async () => {
    const { inspect, server } = await beforeTheServer();
    const sessions = await converse(inspect);
    const page = pageOf(await server());
    await page.until((records) => records.filter(({ kind }) => kind === 'actor').length >= 8);
    const values = page
      .of('actor')
      .map(({ id, part, snapshot }) => [part?.part === 'session' ? part.role : id, snapshot.value]);
    expect(values.filter(([id]) => id === '1')).toEqual([
      ['1', 'active'],
      ['1', 'active'],
    ]);
    await end(sessions);
    await page.until((records) => hasEnded(records, 2));
  });

  test('speaks Stately’s protocol to a server that knows no other', async () => {
    const port = await freePort();
    const server = createInspectorServer({ port, autoOpen: false });
    endings.push(() => server.stop());
    const inspector = createInspector({ url: `ws://127.0.0.1:${port}` });
    await end(await converse(inspector.inspect));
    await inspector.stop();
    // Stately's page gets the records that the inspector has kept.
    const told = await receivedFrom(`ws://127.0.0.1:${port}`, ({ snapshot }) => snapshot?.value === 'ended', 2);
    expect(new Set(told.map(({ type }) => type))).toEqual(
      new Set(['@xstate.actor', '@xstate.event', '@xstate.snapshot']),
    );
    expect(told.every(({ _version }) => typeof _version === 'string')).toBe(true);
    expect(told.filter(({ event }) => event?.type === 'rx.RequestMessage')).toHaveLength(2);
    expect(told.filter(({ definition }) => definition?.includes('"awaitingHello"'))).toHaveLength(2);
    expect(JSON.stringify(told)).not.toContain(SECRET);
    expect(JSON.stringify(told)).not.toContain(PAYLOAD);
  });

  test('tells an inspector of Stately’s in place of a server', async () => {
    const told: { type: string; sessionId: string; rootId?: string; parentId?: string }[] = [];
    const inspector = inspectorOf({ to: { adapter: { send: (event: never) => told.push(event) } } });
    await end(await converse(inspector.inspect));
    const actors = told.filter(({ type }) => type === '@xstate.actor');
    expect(actors).toHaveLength(10);
    const roots = new Set(actors.map(({ rootId }) => rootId));
    expect(roots).toEqual(
      new Set(actors.filter(({ parentId }) => parentId === undefined).map(({ sessionId }) => sessionId)),
    );
    expect(roots.size).toBe(2);
  });

  test('says once that a server refuses it, and gives up', async () => {
    const server = await serve();
    const told: string[] = [];
    let tell: () => void = () => {};
    const refused = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const url = server.url.replace(/token=.*/, 'token=wrong');
    inspectorOf({
      url,
      onReport: (text) => {
        told.push(text);
        tell();
      },
    });
    await refused;
    expect(told).toEqual(["the inspector's server refuses us (401): is its token right?"]);
  });

  test('survives a filter that throws, and a context that can’t be read', async () => {
    const server = await serve();
    const page = pageOf(server);
    const told: string[] = [];
    const wanted = (ref: AnyActorRef) => ref.id.length > 0;
    const { inspect } = inspectorOf({
      url: server.url,
      onReport: (text) => told.push(text),
      filter: (event) => {
        if (event.type === '@xstate.event' && event.event.type === 'bad') throw new Error('no taste');
        return wanted(event.actorRef as AnyActorRef);
      },
    });
    const context = {
      inner: {
        get trap(): never {
          throw new Error('sprung');
        },
      },
    };
    const actor = createActor(createMachine({ context: () => context, on: { bad: {}, good: {} } }), {
      inspect,
    }).start();
    actor.send({ type: 'bad' });
    actor.send({ type: 'bad' });
    actor.send({ type: 'good' });
    await page.until((records) => records.some(({ kind }) => kind === 'event'));
    expect(page.of('event').map(({ event }) => event.type)).toEqual(['good']);
    expect(page.of('actor')[0]?.snapshot.context).toEqual({ inner: '[unreadable]' });
    expect(told).toEqual(["the inspector's filter threw: Error: no taste"]);
  });
});

interface Told {
  readonly type: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly value?: unknown };
  readonly definition?: string;
  readonly _version: string;
}

/**
 * Returns the events that Stately's page would get, until `count` of them are wanted. A raw socket stands in for Stately's
 * own receiver, which cannot be closed.
 */
async function receivedFrom(url: string, isWanted: (event: Told) => boolean, count: number): Promise<Told[]> {
  const told: Told[] = [];
  const page = new WebSocket(url);
  await new Promise<void>((resolve) => {
    page.on('message', (data) => {
      told.push(JSON.parse(String(data)) as Told);
      if (told.filter(isWanted).length === count) resolve();
    });
  });
  page.close();
  await once(page, 'close');
  return told;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An inspector that has begun before there is a server, and the server once it is wanted. */
async function beforeTheServer() {
  const blocker = createServer((socket) => socket.destroy());
  blocker.listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const refused = once(blocker, 'connection');
  const inspector = inspectorOf({ url: `http://127.0.0.1:${port}/?token=a-token-that-is-not-guesses` });
  await refused;
  await new Promise((resolve) => blocker.close(resolve));
  const server = async () => {
    const opened = await listen({ port });
    endings.push(() => opened.close());
    return opened;
  };
  return { inspect: inspector.inspect, server };
}

describe('a plain inspector of Stately’s', () => {
  test('is shown by our server: the actors, their definitions, events and snapshots', async () => {
    const server = await serve();
    const page = pageOf(server);
    const theirs = createWebSocketInspector({ url: server.url.replace('http:', 'ws:') });
    endings.push(() => theirs.stop());
    const machine = createMachine({ id: 'lamp', initial: 'off', states: { off: { on: { press: 'on' } }, on: {} } });
    const actor = createActor(machine, { inspect: theirs.inspect }).start();
    actor.send({ type: 'press' });
    await page.until((records) =>
      records.some((record) => record.kind === 'snapshot' && record.snapshot.value === 'on'),
    );
    const [process] = page.of('process');
    expect([process?.name, process?.runtime]).toEqual(['process 1', undefined]);
    const [definition] = page.of('definition');
    expect(definition?.definition).toMatchObject({ id: 'lamp', initial: 'off' });
    expect(page.of('actor').map((record) => [record.name, record.definition])).toEqual([['lamp', definition?.hash]]);
    expect(page.of('event').map(({ event }) => event.type)).toContain('press');
  });

  test('gets no payload out of a session, on any path of a message', async () => {
    const text: string[] = [];
    const theirs = createWebSocketInspector({ url: 'ws://127.0.0.1:1', autoStart: false });
    theirs.adapter.send = (event) =>
      text.push(JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
    await end(await converse(theirs.inspect.next as never));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const all = text.join('\n');
    expect(all).toContain('rx.RequestMessage');
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(PAYLOAD);
    // The payload as a Uint8Array and as a Buffer would be written in JSON.
    expect(all).not.toMatch(/"0":98,"1":121/);
    expect(all).not.toMatch(/98,121,116/);
  });
});
