import { once } from 'node:events';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Refused } from '../../src/base/errors.js';
import type { Report } from '../../src/base/report.js';
import { connect } from '../../src/client/client-node.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectTcp, listenTcp } from '../../src/link/tcp.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { createServer, type Listener, type Server, type ServerOptions } from '../../src/server/server.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { type Authenticate, Authenticated, type AuthRequest, refuse } from '../../src/session/authentication.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { errorOf } from '../service/pair.js';
import { VirtualClock } from '../support/clock.js';
import { settle } from '../support/settle.js';

interface User {
  readonly name: string;
}

const Who = service('Who', { am: method<[], string>() });
const who = Who.handler<User>({ am: withContext(({ principal }) => principal.name) });

type UrlListener = Listener & { readonly url: string };

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function started<P>(server: Server<P>): Server<P> {
  ending.push(() => server.close());
  return server;
}

/** The entry of a Hello by which a client shows a token. */
function token(value: string): Metadata {
  return [{ key: 'token', value: new Sensitive(value), flags: 3n }];
}

function tokenOf(metadata: Metadata): unknown {
  const value = metadata.find(({ key }) => key === 'token')?.value;
  return value instanceof Sensitive ? value.reveal() : value;
}

const byToken = async ({ metadata }: AuthRequest): Promise<User> => {
  if (tokenOf(metadata) === 'ada') return { name: 'Ada' };
  return refuse('unauthenticated', 'please log in');
};

/** A server, and a function that gives a client's session over a link in memory. */
function serverOf(authenticate: Authenticate<User>, options: Partial<ServerOptions<User>> = {}) {
  const reports: Report[] = [];
  const server = started(
    createServer<User>({
      services: [who],
      onReport: (report) => void reports.push(report),
      ...options,
      authenticate,
    }),
  );
  const dial = async (metadata: Metadata = []): Promise<Session> => {
    const [near, far] = memoryLinkPair();
    server.take(far).catch(() => {});
    return initiate(near, { metadata });
  };
  return { server, dial, reports };
}

describe('a server that authenticates', () => {
  test('gives the principal to handlers, middleware, onSession and its sessions', async () => {
    const seen: unknown[] = [];
    const watched = Who.handler<User>(
      { am: withContext(({ principal }) => principal.name) },
      {
        interceptors: [
          (call, next) => {
            seen.push(call.principal);
            return next(call);
          },
        ],
      },
    );
    const { server, dial } = serverOf(byToken, {
      services: [watched],
      onSession: ({ principal }) => void seen.push(principal.name),
    });
    const session = await dial(token('ada'));
    expect(await (await session.open(Who)).am()).toBe('Ada');
    expect(seen).toEqual(['Ada', { name: 'Ada' }]);
    expect([...server.sessions].map(({ principal }) => principal)).toEqual([{ name: 'Ada' }]);
    expect(session.principal).toBeUndefined();
  });

  test('gives the principal to onConnection', async () => {
    const [near, far] = memoryLinkPair();
    const seen: unknown[] = [];
    const [session, server] = await Promise.all([
      initiate(near, { metadata: token('ada') }),
      accept(far, {
        authenticate: byToken,
        onConnection: ({ principal }) => {
          seen.push(principal.name);
          return { type: 'accept' };
        },
      }),
    ]);
    await session.open();
    expect([...seen, server.principal.name]).toEqual(['Ada', 'Ada']);
    session.shutdown();
    await server.closed;
  });

  test.each(['unauthenticated', 'forbidden', 'unavailable'] as const)(
    'tells a client that it is refused as %s, and no more',
    async (reason) => {
      const { server, dial, reports } = serverOf(() => refuse(reason, 'a text for people'));
      const error = await errorOf(dial());
      expect(error).toMatchObject({ code: 'handshake', message: `refused.${reason}: a text for people` });
      expect((error as Error).cause).toEqual(new Refused(reason, 'a text for people'));
      expect((error as Error).cause).toMatchObject({ code: 'refused', reason });
      expect([server.sessions.size, reports]).toEqual([0, []]);
    },
  );

  test.each([
    [
      'a WebSocket',
      (onLink: (link: Link) => Promise<void>): Promise<UrlListener> => listenWebSocket({ port: 0 }, onLink),
      (url: string) => connectWebSocket(url),
    ],
    [
      'TCP',
      (onLink: (link: Link) => Promise<void>): Promise<UrlListener> => listenTcp({ port: 0 }, onLink),
      (url: string) => connectTcp({ port: Number(new URL(url).port) }),
    ],
  ])('a client reads its refusal over %s, and the server logs nothing of it', async (_, listen, dial) => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    ending.push(async () => warnings.mockRestore());
    const { server } = serverOf(byToken);
    const { url } = await server.listen(listen);
    const refused = async () => errorOf(initiate(await dial(url)));
    for (const error of await Promise.all([refused(), refused(), refused()])) {
      expect(error).toMatchObject({ code: 'handshake', cause: { code: 'refused', reason: 'unauthenticated' } });
    }
    expect(warnings.mock.calls).toEqual([]);
  });

  test('a client of connect asks for credentials once more, and then gives up', async () => {
    const { server } = serverOf(byToken);
    const { url } = await server.listen((onLink) => listenWebSocket({ port: 0 }, onLink));
    const asked: number[] = [];
    const clientWith = (tokens: readonly string[]) => {
      const client = connect(url, {
        credentials: ({ number }) => {
          asked.push(number);
          return { token: tokens[number - 1] ?? '' };
        },
      });
      ending.push(() => client.close({ timeout: 0 }));
      return client;
    };
    expect(await clientWith(['expired', 'ada']).use(Who).am()).toBe('Ada');
    expect(asked.splice(0)).toEqual([1, 2]);
    const stranger = clientWith(['expired', 'expired', 'ada']);
    expect(await errorOf(stranger.use(Who).am())).toMatchObject({ code: 'unavailable', ran: 'no' });
    expect(stranger.status.current).toMatchObject({
      state: 'failed',
      reason: { code: 'handshake', cause: { code: 'refused', reason: 'unauthenticated', message: 'please log in' } },
    });
    expect(asked.splice(0)).toEqual([1, 2]);
  });

  test('reports an error of authenticate, and tells the client nothing of it', async () => {
    const broken = new RangeError('the database is down');
    const { dial, reports } = serverOf(() => Promise.reject(broken));
    expect(await errorOf(dial())).toMatchObject({ message: 'refused.unavailable: try again later' });
    expect(reports).toEqual([
      {
        kind: 'authenticate-failed',
        message: 'authenticate failed, and the peer was refused as unavailable',
        error: broken,
      },
    ]);
  });

  test.each([
    [
      "reason must be one of unauthenticated, forbidden, unavailable, not 'draining'",
      () => refuse('draining' as never, 'x'),
    ],
    ['text', () => refuse('forbidden', 'x'.repeat(513))],
    ['text', () => refuse('forbidden', '\ud800')],
    ['text', () => refuse('forbidden', undefined as never)],
  ])('refuses a wrong %s of refuse', (name, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(name) }));
  });

  test('takes a text of 512 characters', async () => {
    const text = 'x'.repeat(512);
    const { dial } = serverOf(() => refuse('forbidden', text));
    expect(await errorOf(dial())).toMatchObject({ cause: { fullMessage: text } });
  });

  test('aborts the signal of authenticate when the client goes', async () => {
    const [near, far] = memoryLinkPair();
    const reasons: unknown[] = [];
    const { server, reports } = serverOf(async ({ signal }) => {
      await once(signal, 'abort');
      reasons.push(signal.aborted);
      throw new Error('too late');
    });
    const taking = errorOf(server.take(far));
    const initiating = errorOf(initiate(near));
    await settle();
    near.fail();
    expect(await taking).toMatchObject({ code: 'handshake' });
    await settle();
    expect([reasons, reports]).toEqual([[true], []]);
    await initiating;
  });

  test('asks about 256 clients at a time, and about the others in their order', async () => {
    const clock = new VirtualClock();
    const answers: ((user: User) => void)[] = [];
    const { dial, server } = serverOf(() => new Promise<User>((resolve) => answers.push(resolve)), { clock });
    const outcomes: string[] = [];
    for (let client = 0; client < 259; client++) {
      dial().then(
        () => outcomes.push(`${client}`),
        (error: Error) => outcomes.push(`${client} ${error.message}`),
      );
    }
    await settle();
    expect(answers).toHaveLength(256);
    answers[3]?.({ name: 'Ada' });
    await settle();
    expect([answers.length, outcomes]).toEqual([257, ['3']]);
    // The hooks do not end, and do not heed their signals: the ones that wait are not kept for ever.
    await clock.advance(4_999);
    expect([answers.length, outcomes.length]).toEqual([257, 1]);
    await clock.advance(1);
    await settle();
    expect(outcomes.slice(1)).toHaveLength(258);
    expect(new Set(outcomes.slice(1).map((outcome) => outcome.replace(/^\d+ /, '')))).toEqual(
      new Set(['refused.unavailable: try again later']),
    );
    expect(server.sessions.size).toBe(1);
    // Their turns are over: another client is asked about at once.
    const before = answers.length;
    void dial().catch(() => {});
    await settle();
    expect(answers).toHaveLength(before + 1);
  });

  test('reads no more than handshakeBytes of a client that it does not know yet', async () => {
    const [near, far] = memoryLinkPair();
    let isPaused = false;
    const pause = far.pause.bind(far);
    far.pause = () => {
      isPaused = true;
      pause();
    };
    const { server } = serverOf(() => new Promise<User>(() => {}), { limits: { handshakeBytes: 1_000 } });
    const taking = errorOf(server.take(far));
    const initiating = errorOf(initiate(near));
    await settle();
    // 64 bytes count besides.
    near.send(new Uint8Array(936));
    await settle();
    expect(isPaused).toBe(false);
    near.send(new Uint8Array(1));
    await settle();
    expect(isPaused).toBe(true);
    await server.close();
    expect(await taking).toMatchObject({ code: 'handshake' });
    await initiating;
  });

  test('lets its link hold a frame of handshakeBytes at most until it knows the client', async () => {
    const [near, far] = memoryLinkPair();
    let frameLimit = (): number => -1;
    const start = far.start.bind(far);
    far.start = (events) => {
      frameLimit = events.frameLimit ?? frameLimit;
      start(events);
    };
    let answer = (_: User): void => {};
    const limits = { handshakeBytes: 1_000, frame: 5_000 };
    const { server } = serverOf(() => new Promise<User>((resolve) => (answer = resolve)), { limits });
    const taking = server.take(far);
    const initiating = initiate(near);
    await settle();
    expect(frameLimit()).toBe(1_000);
    answer({ name: 'Ada' });
    await Promise.all([taking, initiating]);
    expect(frameLimit()).toBe(5_000);
  });

  test('refuses a client whose link cannot show its facts, and reports that', async () => {
    const [near, far] = memoryLinkPair();
    const broken = new Error('the socket is gone');
    Object.assign(far, {
      facts: () => {
        throw broken;
      },
    });
    const { server, reports } = serverOf(byToken);
    const taking = errorOf(server.take(far));
    expect(await errorOf(initiate(near))).toMatchObject({ message: 'refused.unavailable: try again later' });
    expect([await taking, reports]).toMatchObject([{ code: 'handshake' }, [{ error: broken }]]);
  });

  test('refuses wrong options', () => {
    const services = [who];
    expect(() => createServer({ services, authenticate: 1 } as never)).toThrow('authenticate');
    const [near] = memoryLinkPair();
    return expect(initiate(near, { authenticate: byToken } as never)).rejects.toThrow('authenticate');
  });

  test('types the principal by the hook', () => {
    const services = [who];
    const anyone = [Who.handler({ am: () => 'anyone' })];
    const server: Server<User> = createServer({ services, authenticate: byToken });
    const plain: Server = createServer({ services: anyone });
    const whole: readonly Server[] = [server, plain, createServer({ services: anyone, authenticate: byToken })];
    expect(whole).toHaveLength(3);
    const empty: Server = createServer({ services: [], onReport: () => {} });
    expect(empty.ready).toBe(true);
    // @ts-expect-error the handler needs a user, and nothing gives one
    createServer({ services });
    // @ts-expect-error the hook gives a number
    createServer({ services, authenticate: async () => 5 });
    // @ts-expect-error nothing gives a user
    void (() => accept(memoryLinkPair()[0], { onConnection: routes(services) }));
  });
});

describe('a client that renews its credentials', () => {
  const byName = async ({ metadata, current }: AuthRequest<User>): Promise<User> => {
    const name = String(tokenOf(metadata));
    if (name === 'slow') return { name: `${name} after ${current?.name}` };
    return name === 'wrong' ? refuse('forbidden', 'not you') : { name };
  };

  /** A client of a server whose calls can be held. */
  async function renewing(authenticate: Authenticate<User> = byName) {
    const going = new Map<string, () => void>();
    const Held = service('Held', { hold: method<[key: string], string>() });
    const held = Held.handler<User>({
      hold: withContext(async ({ principal }, key) => {
        const before = principal.name;
        await new Promise<void>((resolve) => going.set(key, resolve));
        return `${before}, ${principal.name}`;
      }),
    });
    const { server, reports } = serverOf(authenticate, { services: [who, held] });
    const { url } = await server.listen((onLink) => listenWebSocket({ port: 0 }, onLink));
    const client = connect(url, { credentials: () => ({ token: 'ada' }) });
    ending.push(() => client.close({ timeout: 0 }));
    const session = await client.session();
    return { client, session, server, reports, hold: client.use(Held), going };
  }

  test('has the new principal in later calls, and the old one in calls at work', async () => {
    const { client, session, server, hold, going } = await renewing();
    const held = hold.hold('a');
    while (!going.has('a')) await settle();
    await session.renew({ token: 'grace' });
    expect(await client.use(Who).am()).toBe('grace');
    expect([...server.sessions].map(({ principal }) => principal)).toEqual([{ name: 'grace' }]);
    going.get('a')?.();
    expect(await held).toBe('ada, ada');
  });

  test('keeps the old one when it is refused, or authenticate throws', async () => {
    const broken = new RangeError('the database is down');
    const { client, session, reports } = await renewing(async (request) => {
      if (tokenOf(request.metadata) === 'broken') throw broken;
      return byName(request as AuthRequest<User>);
    });
    const refused = await errorOf(session.renew({ token: 'wrong' }));
    expect(refused).toMatchObject({ code: 'refused', reason: 'forbidden', message: 'not you' });
    expect(await errorOf(session.renew({ token: 'broken' }))).toEqual(new Refused('unavailable', 'try again later'));
    expect(await client.use(Who).am()).toBe('ada');
    expect(reports).toMatchObject([{ kind: 'authenticate-failed', error: broken }]);
  });

  test('takes turns with itself, and shows authenticate the principal so far', async () => {
    const { client, session } = await renewing();
    const first = session.renew({ token: 'grace' });
    const second = errorOf(session.renew({ token: 'wrong' }));
    const third = session.renew({ token: 'slow' });
    await Promise.all([first, third]);
    expect(await second).toMatchObject({ reason: 'forbidden' });
    expect(await client.use(Who).am()).toBe('slow after grace');
  });

  test('does so also while limits.connections are open', async () => {
    const { server } = serverOf(byName);
    const [near, far] = memoryLinkPair();
    const [session] = await Promise.all([
      initiate(near, { metadata: token('ada'), notices: true, limits: { connections: 1 } }),
      server.take(far),
    ]);
    const client = await session.open(Who);
    expect(await errorOf(session.open(Who))).toMatchObject({ limit: 'connections' });
    await session.renew({ token: 'grace' });
    expect(await client.am()).toBe('grace');
  });

  test('is told when the peer takes no new credentials', async () => {
    const { server, session } = await renewing();
    const [ours] = server.sessions;
    expect(await errorOf((ours as Session).renew({ token: 'x' }))).toMatchObject({ code: 'invalid-argument' });
    expect(await errorOf(session.renew(1 as never))).toMatchObject({ code: 'invalid-argument' });
    const [near, far] = memoryLinkPair();
    const [plain, other] = await Promise.all([initiate(near), accept(far)]);
    expect(await errorOf(plain.renew({ token: 'x' }))).toMatchObject({ code: 'invalid-argument' });
    plain.shutdown();
    await other.closed;
    expect(await errorOf(plain.renew({ token: 'x' }))).toMatchObject({ code: 'invalid-argument' });
  });
});

describe('a principal whose rights end', () => {
  const DAY = 86_400_000;

  /** A server whose principals end after so many milliseconds, and the session of a client. */
  async function expiring(lifetimes: readonly number[]) {
    const clock = new VirtualClock();
    const left = [...lifetimes];
    const at = Date.now();
    const now = jest.spyOn(Date, 'now').mockImplementation(() => at + clock.now());
    ending.push(async () => now.mockRestore());
    const { server } = serverOf(
      async () => new Authenticated({ name: 'Ada' }, { expiresAt: Date.now() + (left.shift() ?? 0) }),
      {
        clock,
      },
    );
    const [near, far] = memoryLinkPair();
    // No Ping within a month of this clock.
    const keepalive = { pingInterval: 24 * DAY, pongTimeout: 1_000 };
    const client = connect(async () => near, { clock, keepalive });
    ending.push(() => client.close({ timeout: 0 }));
    const [session] = await Promise.all([client.session(), server.take(far)]);
    const told: string[] = [];
    session.on('draining', () => told.push('draining'));
    return { clock, session, server, told, client };
  }

  test('drains its session at that time, and not before', async () => {
    const { clock, session, server, told } = await expiring([1_000]);
    expect([...server.sessions][0]?.principal).toEqual({ name: 'Ada' });
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['draining']);
    await clock.advance(30_000);
    await session.closed;
    expect(server.sessions.size).toBe(0);
  });

  test('lasts longer when the client renews its credentials', async () => {
    const { clock, session, told } = await expiring([1_000, 5_000]);
    await clock.advance(600);
    await session.renew({ token: 'x' });
    await clock.advance(4_999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['draining']);
  });

  test('may last longer than a timer runs', async () => {
    const { clock, told } = await expiring([30 * DAY]);
    await clock.advance(30 * DAY - 1);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['draining']);
  });

  test('leaves no timer when its session has ended', async () => {
    const { clock, session, server, client } = await expiring([30 * DAY]);
    session.shutdown();
    await session.closed;
    await client.close({ timeout: 0 });
    await server.close();
    await settle();
    expect(clock.size).toBe(0);
  });

  test.each([undefined, Number.NaN, '1'])('refuses %p as its time', (expiresAt) => {
    expect(() => new Authenticated({}, { expiresAt: expiresAt as never })).toThrow('expiresAt');
  });
});

describe('the facts of a link', () => {
  test('of a WebSocket are its request and its address, which JSON does not show', async () => {
    const seen: AuthRequest['link'][] = [];
    const { server } = serverOf(({ link }) => {
      seen.push(link);
      return { name: link.header('cookie') ?? '' };
    });
    const { url } = await server.listen((onLink) => listenWebSocket({ port: 0, path: '/rpc' }, onLink));
    const headers = { Cookie: 'session=canary' };
    const session = await initiate(await connectWebSocket(`${url}/rpc?key=canary`, { headers }));
    expect(await (await session.open(Who)).am()).toBe('session=canary');
    const [link] = seen;
    expect([link?.url, link?.header('COOKIE'), link?.header('constructor'), link?.certificate]).toEqual([
      '/rpc?key=canary',
      'session=canary',
      undefined,
      undefined,
    ]);
    expect(JSON.stringify(link)).toBe('{"remoteAddress":"127.0.0.1"}');
    session.shutdown();
    await session.closed;
  });

  test('of TCP are the address, and of a link in memory nothing', async () => {
    const seen: unknown[] = [];
    const { server, dial } = serverOf(({ link }) => {
      seen.push([link.remoteAddress, link.url, link.header('cookie'), JSON.stringify(link)]);
      return { name: 'Ada' };
    });
    const { port } = await server.listen((onLink) => listenTcp({ port: 0 }, onLink));
    const session = await initiate(await connectTcp({ port }));
    session.shutdown();
    await session.closed;
    await dial();
    expect(seen).toEqual([
      ['127.0.0.1', undefined, undefined, '{"remoteAddress":"127.0.0.1"}'],
      [undefined, undefined, undefined, '{}'],
    ]);
  });
});
