import { createServer as createHttp } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { connect } from '../../src/client/client-node.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { createServer, type Server } from '../../src/server/server.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { errorOf } from '../service/pair.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { settle } from '../support/settle.js';

const Work = service('Work', { do: method<[task: string], string>() });

/** A server with a virtual clock. Its calls are answered when the test says so. */
class Stage {
  readonly clock = new VirtualClock();
  readonly server: Server;
  readonly #finish = new Map<string, (text: string) => void>();

  constructor() {
    const handler = Work.handler({
      do: (task) => new Promise<string>((resolve) => this.#finish.set(task, resolve)),
    });
    this.server = createServer({ services: [handler], clock: this.clock });
  }

  /** A session of a peer that understands notices. */
  async session(): Promise<Session> {
    return (await this.controlled()).session;
  }

  /** The same, with the server's link. */
  async controlled(): Promise<{ session: Session; link: ControlledLink }> {
    const [near, far] = memoryLinkPair();
    const { clock } = this;
    const link = new ControlledLink(far);
    const [session] = await Promise.all([initiate(near, { clock, notices: true }), this.server.take(link)]);
    return { session, link };
  }

  finish(task: string): void {
    this.#finish.get(task)?.(`${task} is done`);
  }
}

/** A listener that notes when it is closed. */
function listenerOf(clock: VirtualClock) {
  const closed: number[] = [];
  return { closed, close: async () => void closed.push(clock.now()) };
}

const NOTHING = { answered: 0, refused: 0, cancelled: 0, channels: 0 };

describe('a server that is drained', () => {
  test('first is not ready for a while and takes everything, then refuses sessions, and ends with its work', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const listener = listenerOf(clock);
    await server.listen(() => listener);
    const drained = server.drain({ unreadyFor: 5_000 });
    expect(server.ready).toBe(false);
    const session = await stage.session();
    const call = (await session.open(Work)).do('late');
    await settle();
    await clock.advance(4_999);
    expect([listener.closed, session.isPeerDraining]).toEqual([[], false]);
    await clock.advance(1);
    expect([listener.closed, session.isPeerDraining]).toEqual([[5_000], true]);
    expect(await errorOf(stage.session())).toMatchObject({
      code: 'handshake',
      message: expect.stringContaining('refused.draining: '),
    });
    stage.finish('late');
    expect(await call).toBe('late is done');
    session.shutdown();
    expect(await drained).toEqual({ ...NOTHING, answered: 1 });
    expect([server.sessions.size, clock.size]).toEqual([0, 0]);
    expect(await errorOf(server.take(memoryLinkPair()[0]))).toMatchObject({ code: 'session-closed' });
  });

  test('drains any number of sessions without a warning of the process', async () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const stage = new Stage();
    const { server, clock } = stage;
    for (let index = 0; index < 20; index++) {
      const session = await stage.session();
      session.on('draining', () => session.shutdown());
    }
    const drained = server.drain({ spread: 1_000 });
    await settle();
    await clock.advance(1_000);
    expect(await drained).toEqual(NOTHING);
    expect([warnings.mock.calls, clock.size]).toEqual([[], 0]);
    warnings.mockRestore();
  });

  test('tells its sessions one after the other', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const told: number[] = [];
    for (let index = 0; index < 4; index++) {
      const session = await stage.session();
      session.on('draining', () => {
        told.push(clock.now());
        session.shutdown();
      });
    }
    const drained = server.drain({ spread: 1_000 });
    await settle();
    await clock.advance(1_000);
    expect(await drained).toEqual(NOTHING);
    expect(told).toEqual([0, 250, 500, 750]);
  });

  test('lets other work go on while many sessions are due', async () => {
    const stage = new Stage();
    const { server } = stage;
    let count = 0;
    for (let index = 0; index < 4; index++) await stage.session();
    for (const session of server.sessions) {
      jest.spyOn(session, 'drain').mockImplementation(async () => {
        count++;
        // Longer than a turn of a drain.
        for (const end = performance.now() + 15; performance.now() < end; );
        session.shutdown();
        return NOTHING;
      });
    }
    const drained = server.drain({ spread: 0 });
    const seen: number[] = [];
    while (count < 4) {
      await turn();
      seen.push(count);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(await drained).toEqual(NOTHING);
  });

  test('cancels what is left when its time is over, also in the session that was told last', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const failed: unknown[] = [];
    for (const task of ['one', 'two']) {
      const work = await (await stage.session()).open(Work);
      work.do(task).catch(({ code, ran }) => failed.push(`${code} ${ran} at ${clock.now()}`));
    }
    await settle();
    const drained = server.drain({ timeout: 3_000 });
    await settle();
    await clock.advance(4_000);
    expect(failed).toEqual(['cancelled maybe at 3000', 'cancelled maybe at 3000']);
    expect(await drained).toEqual({ ...NOTHING, cancelled: 2 });
    expect(clock.size).toBe(0);
  });

  // D3
  test('is over within unreadyFor, timeout and three seconds, and no peer holds it up', async () => {
    const clock = new VirtualClock();
    const never = (): Promise<never> => new Promise(() => {});
    const server = createServer({
      services: [Work.handler({ do: never })],
      clock,
      authenticate: ({ metadata }) => (metadata.some(({ key }) => key === 'slow') ? never() : 'a peer'),
      onReport: () => {},
    });
    const listener = listenerOf(clock);
    await server.listen(() => listener);
    const outcomes: string[] = [];
    const note = (name: string, promise: Promise<unknown>): void =>
      void promise.catch(({ code }: { code: string }) => outcomes.push(`${name}: ${code} at ${clock.now()}`));

    const [, silent] = memoryLinkPair();
    note('says nothing', server.take(silent));
    const [near, far] = memoryLinkPair();
    note('is not authenticated', server.take(far));
    note('is not answered', initiate(near, { clock, metadata: [{ key: 'slow', value: 1n, flags: 0n }] }));
    const links: ControlledLink[] = [];
    for (const name of ['one', 'two', 'three']) {
      const [to, from] = memoryLinkPair();
      const link = new ControlledLink(from);
      const [session] = await Promise.all([initiate(to, { clock, notices: true }), server.take(link)]);
      note(name, (await session.open(Work)).do(name));
      links.push(link);
    }
    await settle();
    // These read nothing from now on.
    for (const link of links.slice(0, 2)) link.hold();

    const drained = server.drain({ unreadyFor: 2_000, spread: 1_000, timeout: 3_000, listeners: 'keep' });
    let over = 0;
    void drained.then(() => {
      over = clock.now();
    });
    while (over === 0 && clock.now() < 60_000) {
      await settle();
      await clock.advance(100);
      // At the very end: its session can't even flush.
      if (clock.now() === 6_500) links[1]?.interrupt();
      await settle();
    }
    expect(await drained).toEqual({ ...NOTHING, cancelled: 3 });
    expect(outcomes.sort()).toEqual([
      'is not answered: handshake at 2000',
      'is not authenticated: handshake at 2000',
      'one: connection-closed at 7000',
      'says nothing: handshake at 3000',
      'three: cancelled at 5000',
      'two: connection-closed at 8000',
    ]);
    expect([over, listener.closed, server.sessions.size, clock.size]).toEqual([8_000, [8_000], 0, 0]);
  });

  test('keeps its listeners to the end with listeners: keep', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const listener = listenerOf(clock);
    await server.listen(() => listener);
    const session = await stage.session();
    const drained = server.drain({ listeners: 'keep' });
    await settle();
    await clock.advance(500);
    expect(listener.closed).toEqual([]);
    session.shutdown();
    await drained;
    expect(listener.closed).toEqual([500]);
  });

  test.each(['drain', 'close'] as const)('does not wait in %s() for a peer whose link is interrupted', async (end) => {
    const stage = new Stage();
    const { server, clock } = stage;
    const { session, link } = await stage.controlled();
    link.interrupt();
    await settle();
    await server[end]();
    expect([server.sessions.size, (await session.closed).cause, clock.now(), clock.size]).toEqual([0, 'link', 0, 0]);
  });

  test('waits for such a peer with listeners: keep, until its time is over', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const { link } = await stage.controlled();
    link.hold();
    link.interrupt();
    await settle();
    const drained = server.drain({ listeners: 'keep', timeout: 5_000 });
    await settle();
    await clock.advance(7_999);
    expect(server.sessions.size).toBe(1);
    await clock.advance(1);
    expect(await drained).toEqual(NOTHING);
    expect([server.sessions.size, clock.size]).toEqual([0, 0]);
  });

  test('aborts a link that is interrupted while its session ends', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const { session, link } = await stage.controlled();
    // The answer to the open does not leave.
    link.hold();
    const opening = errorOf(session.open(Work));
    await settle();
    const closed = server.close();
    await settle();
    link.interrupt();
    await settle();
    await clock.advance(1_999);
    expect(server.sessions.size).toBe(1);
    await clock.advance(1);
    await closed;
    expect([server.sessions.size, clock.size]).toEqual([0, 0]);
    expect(await opening).toMatchObject({ code: 'session-closed' });
  });

  test('ends at once when it is closed meanwhile', async () => {
    const stage = new Stage();
    const { server, clock } = stage;
    const session = await stage.session();
    const failed = errorOf((await session.open(Work)).do('a'));
    await settle();
    const drained = server.drain({ unreadyFor: 60_000 });
    await server.close();
    expect(await drained).toEqual(NOTHING);
    expect(await failed).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
    expect(clock.size).toBe(0);
  });

  test.each([
    [{ timeout: -1 }, 'timeout'],
    [{ unreadyFor: Number.NaN }, 'unreadyFor'],
    [{ spread: 2 ** 31 }, 'spread'],
    [{ listeners: 'drop' }, 'listeners'],
    [5, 'options'],
  ])('refuses the options %j', async (options, name) => {
    const { server } = new Stage();
    expect(await errorOf(server.drain(options as never))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(name),
    });
    expect(server.ready).toBe(true);
    await server.close();
  });

  test('answers clients 503 on an HTTP server that is shared, until it is over', async () => {
    let finish = (_: string): void => {};
    const handler = Work.handler({ do: () => new Promise<string>((resolve) => (finish = resolve)) });
    const http = createHttp((_, response) => void response.end());
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const servers = [createServer({ services: [handler] }), createServer({ services: [handler] })];
    const listen = async (at: number, path: string) =>
      (await (servers[at] as Server).listen((onLink) => listenWebSocket({ server: http, path }, onLink))).url;
    const [url = '', other = ''] = [await listen(0, '/rpc'), await listen(0, '/other')];
    const session = await initiate(await connectWebSocket(url));
    const call = (await session.open(Work)).do('a');
    const [taken] = servers[0]?.sessions ?? [];
    while (taken?.hasWork !== true) await new Promise((resolve) => setImmediate(resolve));
    const drained = servers[0]?.drain();
    const refused = { code: 'link', message: expect.stringContaining('503 Service Unavailable') };
    for (const each of [url, other]) expect(await errorOf(connectWebSocket(each))).toMatchObject(refused);
    // A successor in the same process takes one of the paths, and keeps it.
    await listen(1, '/rpc');
    expect(await errorOf(listen(1, '/rpc'))).toMatchObject({ code: 'invalid-argument' });
    finish('done');
    expect(await call).toBe('done');
    session.shutdown();
    await drained;
    expect(await errorOf(connectWebSocket(other))).toMatchObject({ message: expect.stringContaining('404') });
    const next = await initiate(await connectWebSocket(url));
    next.shutdown();
    await servers[1]?.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  test('over a WebSocket: answers the call at work, and health checks with 503', async () => {
    let finish = (_: string): void => {};
    const server = createServer({
      services: [Work.handler({ do: () => new Promise<string>((resolve) => (finish = resolve)) })],
    });
    const http = createHttp((_, response) => response.writeHead(server.ready ? 200 : 503).end());
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { url } = await server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));
    const health = async () => (await fetch(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`)).status;
    const client = connect(url);
    await client.session();
    const call = client.use(Work).do('a');
    expect(await health()).toBe(200);
    // The call has left when the peer's session has it.
    for (const session of server.sessions)
      while (!session.hasWork) await new Promise((resolve) => setImmediate(resolve));
    const drained = server.drain();
    expect(await health()).toBe(503);
    finish('done');
    expect([await call, await drained]).toEqual(['done', { ...NOTHING, answered: 1 }]);
    await client.close({ timeout: 0 });
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
});
