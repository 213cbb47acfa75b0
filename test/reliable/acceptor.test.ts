import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { accept, initiate } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { ABORT, ACK, CLOSE, DATA, frame, readFrame, SETTINGS } from '../../src/reliable/frames.js';
import { clientHello, readServerHello, serverHello } from '../../src/reliable/hello.js';
import {
  type AcceptedLink,
  type ReliableAcceptorOptions,
  type ReliableLinkOptions,
  reliableAcceptor,
  reliableLink,
} from '../../src/reliable/index.js';
import { Recorder } from '../../src/testing/link-recorder.js';
import { Net, type NetEnd, tick } from './net.js';

/** A stranger: one end of a simulated link, which says what the test wants. */
class Stranger extends Recorder {
  readonly far: NetEnd;

  constructor(end: NetEnd) {
    super();
    this.far = end;
    end.start(this);
  }

  get hello() {
    return readServerHello(this.messages[0] as Uint8Array);
  }
}

/** An acceptor over simulated links, and one honest session of it. */
class Server {
  readonly net = new Net();
  readonly links: Link[] = [];
  readonly recorders: Recorder[] = [];
  readonly acceptor;
  readonly keys: Uint8Array[] = [];
  dials = 0;
  isReachable = true;
  last: NetEnd | undefined;

  constructor(options: Partial<ReliableAcceptorOptions<string>> = {}) {
    this.acceptor = reliableAcceptor<string>({
      clock: this.net.clock,
      onLink: (link) => {
        const recorder = new Recorder();
        link.start(recorder);
        link.send(Uint8Array.of(7));
        this.links.push(link);
        this.recorders.push(recorder);
      },
      ...options,
    });
  }

  stranger(info = 'stranger'): Stranger {
    const [ours, theirs] = this.net.pair();
    this.acceptor.take(theirs, info);
    return new Stranger(ours);
  }

  async dial(options: Partial<ReliableLinkOptions> = {}, info = 'honest') {
    const opening = reliableLink({
      clock: this.net.clock,
      connect: async () => {
        this.dials++;
        if (!this.isReachable) throw new Error('refused');
        const [ours, theirs] = this.net.pair();
        this.last = ours;
        this.acceptor.take(theirs, info);
        const { start } = ours;
        // The key, for tests of those who have stolen it.
        ours.start = (events) =>
          start.call(ours, {
            ...events,
            message: (bytes) => {
              const hello = readServerHello(bytes);
              if (hello !== undefined && !hello.isRejected) this.keys.push(hello.key);
              events.message(bytes);
            },
          });
        return ours;
      },
      ...options,
    });
    opening.catch(() => {});
    await this.net.calm();
    const link = await opening;
    const recorder = new Recorder();
    link.start(recorder);
    await this.net.calm();
    return { link, recorder };
  }

  /** Lets time go on. Everything that the network has is delivered. */
  async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.net.clock.advanceNow(Math.min(100, left));
      await this.net.calm();
    }
  }
}

const firstBytes = (recorder: Recorder): number[] => recorder.messages.map(([first = -1]) => first);

describe('a stranger gets no session of another peer', () => {
  test('a key that was made up is refused, and the session stays as it was', async () => {
    const server = new Server();
    const { link, recorder } = await server.dial();
    const stranger = server.stranger();
    stranger.far.send(clientHello(new Uint8Array(16).fill(9), 0));
    await server.net.calm();
    expect(stranger.hello).toMatchObject({ isRejected: true, key: new Uint8Array(16) });
    server.last?.cut();
    link.send(Uint8Array.of(1));
    await server.pass(1000);
    expect(firstBytes(server.recorders[0] as Recorder)).toEqual([1]);
    expect([recorder.ends, server.acceptor.sessions]).toEqual([[], 1]);
  });

  test.each([
    ['more than was ever sent', 2],
    ['less than was acknowledged', 0],
  ])('a stolen key with a count of %s is refused, and the session stays as it was', async (_, received) => {
    const server = new Server();
    const { link, recorder } = await server.dial();
    await server.pass(100);
    const stranger = server.stranger();
    stranger.far.send(clientHello(server.keys[0], received));
    await server.net.calm();
    expect(stranger.hello).toMatchObject({ isRejected: true });
    link.send(Uint8Array.of(1));
    await server.pass(100);
    expect(firstBytes(server.recorders[0] as Recorder)).toEqual([1]);
    expect(recorder.ends).toEqual([]);
  });

  test('onResume compares what the links show, and refuses a stolen key', async () => {
    const asked: unknown[] = [];
    const server = new Server({
      onResume: (request) => {
        asked.push(request);
        return request.link === request.first;
      },
    });
    const { link } = await server.dial();
    const stranger = server.stranger('elsewhere');
    stranger.far.send(clientHello(server.keys[0], 1));
    await server.net.calm();
    expect(stranger.hello).toMatchObject({ isRejected: true });
    server.last?.cut();
    link.send(Uint8Array.of(1));
    await server.pass(1000);
    expect(firstBytes(server.recorders[0] as Recorder)).toEqual([1]);
    expect(asked).toEqual([
      { link: 'elsewhere', first: 'honest', principal: undefined },
      { link: 'honest', first: 'honest', principal: undefined },
    ]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('an onResume that %s refuses, and the error is reported', async (_, onResume) => {
    const errors: unknown[] = [];
    const server = new Server({ onResume, onError: (error) => void errors.push(error) });
    await server.dial();
    const stranger = server.stranger();
    stranger.far.send(clientHello(server.keys[0], 1));
    await server.net.calm();
    expect(stranger.hello).toMatchObject({ isRejected: true });
    expect(errors).toEqual([new Error('no')]);
  });

  test('the key is in nothing that is printed', async () => {
    const server = new Server();
    const { link } = await server.dial();
    const key = Buffer.from(server.keys[0] as Uint8Array);
    const printed = inspect([link, server.acceptor, server.links], { depth: 20, showHidden: true });
    expect(printed).not.toContain(key.toString('hex'));
    expect(printed).not.toContain([...key].join(', '));
    expect(JSON.stringify([link.name, link.state])).not.toContain(key.toString('hex'));
  });
});

describe('links that do not greet', () => {
  test('10 000 links that say nothing are bounded, and an honest peer gets in', async () => {
    const server = new Server();
    const strangers = Array.from({ length: 10_000 }, () => server.stranger());
    const open = (): number => strangers.filter(({ far }) => !(far.ending instanceof Error)).length;
    expect(open()).toBe(256);
    const { recorder } = await server.dial();
    expect([firstBytes(recorder), server.dials]).toEqual([[7], 1]);
    await server.pass(5100);
    expect(open()).toBe(0);
  });

  test('of a flood from one address that address loses its links, and others keep theirs', () => {
    const server = new Server({ pendingHellos: 4 });
    const address = (remoteAddress: string) => ({ remoteAddress }) as unknown as string;
    const quiet = server.stranger(address('10.0.0.1'));
    const flood = Array.from({ length: 9 }, () => server.stranger(address('10.0.0.2')));
    expect(quiet.far.ending).toBeUndefined();
    expect(flood.map(({ far }) => far.ending === undefined)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  test.each([
    ['an address that only the link knows', '10.0.0.2', '10.0.0.2'],
    ['an IPv6 network', '2001:db8::1', '2001:db8::ffff'],
  ])('links of %s are counted together', (_, first, second) => {
    const net = new Net();
    const acceptor = reliableAcceptor({ clock: net.clock, pendingHellos: 2, onLink: () => {} });
    const take = (remoteAddress: string): Stranger => {
      const [ours, theirs] = net.pair();
      acceptor.take(Object.assign(theirs, { facts: () => ({ remoteAddress }) }) as never, 'from a text');
      return new Stranger(ours);
    };
    const strangers = ['192.0.2.1', first, second].map(take);
    expect(strangers.map(({ far }) => far.ending === undefined)).toEqual([true, false, true]);
    acceptor.close();
  });

  test.each([
    [
      'a greeting without the frames of this library',
      Uint8Array.from([...clientHello(undefined, 0)].map((byte, at) => (at === 4 ? 0 : byte))),
    ],
    ['a greeting that is too short', clientHello(undefined, 0).subarray(0, 24)],
  ])('%s is refused', async (_, bytes) => {
    const server = new Server();
    const stranger = server.stranger();
    stranger.far.send(bytes);
    await server.net.calm();
    expect(stranger.hello).toMatchObject({ isRejected: true });
    expect([server.links, stranger.ends]).toEqual([[], ['ended']]);
  });

  test('a stranger that goes before the acceptor has sent anything leaves nothing behind', async () => {
    const server = new Server({ onLink: (link) => link.start(new Recorder()) });
    const stranger = server.stranger();
    stranger.far.send(clientHello(undefined, 0));
    await server.net.calm();
    expect(server.acceptor.sessions).toBe(1);
    stranger.far.abort();
    await server.net.calm();
    expect([server.acceptor.sessions, server.net.clock.size]).toEqual([0, 0]);
  });
});

describe('under an attack an honest peer is back within three attempts, and memory is bounded', () => {
  const MADE_UP = new Uint8Array(16).fill(9);
  /** Each sends so many strangers' links, of which none reads its answer or leaves. */
  const ATTACKS: Readonly<Record<string, (server: Server) => Stranger>> = {
    'links that say nothing': (server) => server.stranger(),
    'keys that were made up': (server) => greeting(server, clientHello(MADE_UP, 0)),
    "the session's key with a count that was never sent": (server) => greeting(server, clientHello(server.keys[0], 99)),
    'new sessions that go at once': (server) => {
      const stranger = greeting(server, clientHello(undefined, 0));
      deliverTo(server, stranger);
      stranger.far.abort();
      return stranger;
    },
    'greetings that are none': (server) => greeting(server, clientHello(undefined, 0).subarray(0, 24)),
    'two greetings on one link': (server) => {
      const stranger = greeting(server, clientHello(MADE_UP, 0));
      stranger.far.send(clientHello(MADE_UP, 0));
      return stranger;
    },
  };
  function greeting(server: Server, bytes: Uint8Array): Stranger {
    const stranger = server.stranger();
    stranger.far.send(bytes);
    return stranger;
  }
  function deliverTo(_server: Server, { far }: Stranger): void {
    while (far.peer.canDeliver) far.peer.deliver();
  }

  test.each(Object.keys(ATTACKS))(
    '10 000 times: %s',
    async (name) => {
      const attack = ATTACKS[name] as (server: Server) => Stranger;
      const server = new Server({
        // As a session, which sends nothing before the peer's Hello.
        onLink: (link) => {
          const recorder = new Recorder();
          link.start(recorder);
          if (server.links.push(link) === 1) link.send(Uint8Array.of(7));
          server.recorders.push(recorder);
        },
      });
      const { link, recorder } = await server.dial();
      const strangers: Stranger[] = [];
      let mostOpen = 0;
      for (let round = 0; round < 10; round++) {
        const before = server.dials;
        server.last?.cut();
        link.send(Uint8Array.of(round));
        for (let count = 0; count < 1000; count++) {
          const stranger = attack(server);
          strangers.push(stranger);
          deliverTo(server, stranger);
        }
        const open = strangers.filter(({ far }) => !far.isOver && !(far.ending instanceof Error)).length;
        mostOpen = Math.max(mostOpen, open);
        await server.pass(1000);
        expect(firstBytes(server.recorders[0] as Recorder).length).toBe(round + 1);
        expect(server.dials - before).toBeLessThanOrEqual(3);
      }
      expect(mostOpen).toBeLessThanOrEqual(256);
      expect([recorder.ends, server.acceptor.sessions]).toEqual([[], 1]);
      await server.pass(6000);
      expect(strangers.filter(({ far }) => !far.isOver && far.ending === undefined)).toEqual([]);
    },
    60_000,
  );

  test('a key of another session reaches that session only, and the count of another one does not fit', async () => {
    const server = new Server({ onResume: ({ link, first }) => link === first });
    const one = await server.dial({}, 'one');
    const key = server.keys[0];
    const other = await server.dial({}, 'other');
    for (let count = 0; count < 1000; count++) {
      const stranger = server.stranger('other');
      stranger.far.send(clientHello(key, count % 2));
      if (count % 100 === 99) await server.net.calm();
    }
    await server.pass(100);
    one.link.send(Uint8Array.of(1));
    other.link.send(Uint8Array.of(2));
    await server.pass(100);
    expect(server.recorders.map(firstBytes)).toEqual([[1], [2]]);
    expect([one.recorder.ends, other.recorder.ends, server.dials]).toEqual([[], [], 2]);
  });
});

describe('sessions that have ended in order', () => {
  /** Ends a session whose peer never hears of it, and comes back with its key. */
  const ending = async (server: Server): Promise<Stranger> => {
    const stranger = server.stranger();
    stranger.far.send(clientHello(undefined, 0));
    await server.net.calm();
    stranger.far.send(frame(CLOSE, 0, 1));
    await server.net.calm();
    return stranger;
  };
  const answerTo = async (server: Server, { hello }: Stranger): Promise<readonly unknown[]> => {
    const again = server.stranger();
    again.far.send(clientHello(hello?.key, 1));
    await server.net.calm();
    const [first, ...frames] = again.messages;
    return [readServerHello(first as Uint8Array)?.isRejected, ...frames.map(readFrame)];
  };
  const CLOSED = [false, { kind: CLOSE, total: 1, ack: 0 }];

  test('are told to a peer that comes back within grace', async () => {
    const server = new Server();
    const stranger = await ending(server);
    expect(await answerTo(server, stranger)).toEqual(CLOSED);
    await server.pass(30_000);
    const later = await ending(server);
    await server.pass(90_000);
    expect(await answerTo(server, later)).toEqual(CLOSED);
    await server.pass(60_000);
    expect(await answerTo(server, stranger)).toEqual([true]);
    await server.pass(90_000);
    expect(await answerTo(server, later)).toEqual([true]);
    expect(server.net.clock.size).toBe(0);
  });

  test('are told to each of 1025 peers that end within grace, by one timer', async () => {
    const server = new Server();
    const strangers: Stranger[] = [];
    for (let count = 0; count < 1025; count++) strangers.push(await ending(server));
    expect([server.acceptor.sessions, server.net.clock.size]).toEqual([0, 1]);
    const answers = new Set<string>();
    for (const stranger of strangers) answers.add(JSON.stringify(await answerTo(server, stranger)));
    expect([...answers]).toEqual([JSON.stringify(CLOSED)]);
  });

  test('beyond endedSessions the oldest is forgotten, also of those that are old', async () => {
    const server = new Server({ endedSessions: 2 });
    const strangers: Stranger[] = [];
    for (let count = 0; count < 1000; count++) {
      strangers.push(await ending(server));
      if (count === 997) await server.pass(90_000);
    }
    expect([server.acceptor.sessions, server.net.clock.size]).toEqual([0, 1]);
    const answers: unknown[] = [];
    for (const stranger of strangers.slice(-3)) answers.push(await answerTo(server, stranger));
    expect(answers).toEqual([[true], CLOSED, CLOSED]);
    server.acceptor.close();
    expect(server.net.clock.size).toBe(0);
  });
});

describe('a peer that breaks the protocol', () => {
  const greeted = async () => {
    const server = new Server();
    const stranger = server.stranger();
    stranger.far.send(clientHello(undefined, 0));
    await server.net.calm();
    const { key } = stranger.hello as { key: Uint8Array };
    return { server, stranger, key };
  };

  test.each([
    ['leaves out a message', frame(DATA, 1, 0)],
    ['acknowledges what was never sent', frame(ACK, 2)],
    ['sends bytes that are no frame', Uint8Array.of(99)],
  ])('a peer that %s loses the link, and after the second time the session', async (_, bytes) => {
    const { server, stranger, key } = await greeted();
    stranger.far.send(bytes);
    await server.net.calm();
    expect([stranger.ends.length, server.acceptor.sessions]).toEqual([1, 1]);
    const again = server.stranger();
    again.far.send(clientHello(key, 0));
    await server.net.calm();
    again.far.send(bytes);
    await server.net.calm();
    expect(readFrame(again.messages.at(-1) as Uint8Array)).toEqual({ kind: ABORT });
    const [end] = server.recorders[0]?.ends ?? [];
    expect((end as Error).message).toMatch(/the counts of the two ends do not fit/);
    expect(server.acceptor.sessions).toBe(0);
  });
});

/** A dialer whose server greets and cuts each connection, after so much time. `grace` is that of the server's sessions. */
async function afterGreetings(grace: number, time: number) {
  const net = new Net();
  let dials = 0;
  const opening = reliableLink({
    clock: net.clock,
    giveUpAfter: 20_000,
    connect: async () => {
      dials++;
      const [ours, theirs] = net.pair();
      theirs.start({
        message: () => {
          if (theirs.isClosed) return;
          theirs.send(serverHello(new Uint8Array(16), 0));
          theirs.send(frame(SETTINGS, 8, 1000, grace));
          theirs.close();
        },
        drained: () => {},
        ended: () => {},
        failed: () => {},
      });
      return ours;
    },
  });
  await net.calm();
  const recorder = new Recorder();
  (await opening).start(recorder);
  for (let passed = 0; passed < time; passed += 10) {
    net.clock.advanceNow(10);
    await tick();
    await net.calm();
  }
  return { net, dials, recorder };
}

test('a link is refused if a message ends its session in the same turn', async () => {
  const server = new Server();
  const older = server.stranger();
  older.far.send(clientHello(undefined, 0));
  older.far.send(frame(DATA, 0, 0));
  await server.net.calm();
  const [recorder] = server.recorders;
  if (recorder === undefined) throw new Error('there is no session');
  recorder.onMessage = () => server.links[0]?.abort();
  const newer = server.stranger();
  older.far.send(frame(DATA, 1, 0));
  newer.far.send(clientHello(older.hello?.key, 0));
  await server.net.calm();
  expect(recorder.messages).toHaveLength(2);
  expect([newer.hello?.isRejected, newer.messages.length, newer.ends]).toEqual([true, 1, ['ended']]);
  expect([server.acceptor.sessions, server.net.living]).toEqual([0, []]);
});

test('a server that greets and cuts gets no storm of attempts, and the dialer gives up', async () => {
  const { net, dials, recorder } = await afterGreetings(90_000, 25_000);
  // Full jitter: on average 50 ms, 100 ms, … up to 2.5 s.
  expect(dials).toBeLessThan(60);
  expect(recorder.ends).toMatchObject([{ message: 'no working link within giveUpAfter' }]);
  expect(net.clock.size).toBe(0);
});

describe('an end names the option that sets it', () => {
  test('both ends give up, each once', async () => {
    const server = new Server({ grace: 90_000 });
    const { recorder } = await server.dial();
    server.isReachable = false;
    server.last?.cut();
    await server.pass(60_100);
    expect(recorder.ends).toMatchObject([{ message: 'no working link within giveUpAfter' }]);
    expect(server.recorders[0]?.ends).toEqual([]);
    await server.pass(30_000);
    expect(server.recorders[0]?.ends).toMatchObject([{ message: 'the peer did not come back within grace' }]);
    expect([server.acceptor.sessions, server.net.clock.size]).toEqual([0, 0]);
  });

  test('the dialer does not outlast the grace of the acceptor', async () => {
    const server = new Server({ grace: 3_000 });
    const { recorder } = await server.dial();
    server.isReachable = false;
    server.last?.cut();
    await server.pass(3_100);
    expect(recorder.ends).toMatchObject([{ message: 'no working link within giveUpAfter' }]);
  });

  test.each([
    ['detachedSessions', { detachedSessions: 1 }],
    ['detachedBytes', { detachedBytes: 10 }],
  ])('%s: the session that has waited longest ends', async (name, limits) => {
    const server = new Server(limits);
    for (let index = 0; index < 2; index++) {
      const stranger = server.stranger();
      stranger.far.send(clientHello(undefined, 0));
      await server.net.calm();
      server.links[index]?.send(new Uint8Array(8));
      stranger.far.abort();
      await server.net.calm();
    }
    const ends = server.recorders.map((recorder) => recorder.ends.map((end) => (end as Error).message));
    expect(ends).toEqual([[`the session was ended: ${name} was reached`], []]);
  });

  test('a first attempt that fails is told at once', async () => {
    const failed = reliableLink({ connect: () => Promise.reject(new Error('refused')) });
    await expect(failed).rejects.toMatchObject({
      code: 'link',
      message: 'cannot connect: the first attempt failed (retryFirst: true would try again)',
      cause: new Error('refused'),
    });
  });

  test('retryFirst goes on, until a signal ends it', async () => {
    const net = new Net();
    const controller = new AbortController();
    let dials = 0;
    const failed = reliableLink({
      clock: net.clock,
      retryFirst: true,
      signal: controller.signal,
      connect: () => {
        dials++;
        return Promise.reject(new Error('refused'));
      },
    });
    failed.catch(() => {});
    for (let time = 0; time < 1000; time += 50) {
      await tick();
      net.clock.advanceNow(50);
    }
    expect(dials).toBeGreaterThan(2);
    controller.abort(new Error('enough'));
    await expect(failed).rejects.toMatchObject({ message: 'the link was aborted', cause: new Error('enough') });
    expect(net.clock.size).toBe(0);
  });
});

test('the dialer gives up once the acceptor has forgotten the session, also after the first link', async () => {
  const { recorder } = await afterGreetings(300, 400);
  expect(recorder.ends).toMatchObject([{ message: 'no working link within giveUpAfter' }]);
});

test('retryFirst gives up after giveUpAfter, although no link was ever there', async () => {
  const net = new Net();
  const failed = reliableLink({
    clock: net.clock,
    retryFirst: true,
    giveUpAfter: 3_000,
    connect: () => Promise.reject(new Error('refused')),
  });
  let message = '';
  failed.catch((error: Error) => {
    message = error.message;
  });
  const messages: string[] = [];
  for (let time = 0; time < 3_000; time += 100) {
    await tick();
    messages.push(message);
    net.clock.advanceNow(100);
  }
  await tick();
  expect(new Set(messages)).toEqual(new Set(['']));
  expect([message, net.clock.size]).toEqual(['no working link within giveUpAfter', 0]);
});

test('keptBytes: beyond it each session has one message under way', async () => {
  const server = new Server({ keptBytes: 10 });
  const stranger = server.stranger();
  stranger.far.send(clientHello(undefined, 0));
  await server.net.calm();
  const [link] = server.links as [Link];
  const dataOf = (): number => stranger.messages.filter(([kind]) => kind === DATA).length;
  for (let count = 0; count < 5; count++) link.send(new Uint8Array(8));
  await server.net.calm();
  expect([dataOf(), link.buffered]).toEqual([1, 40]);
  for (let count = 1; count <= 5; count++) {
    stranger.far.send(frame(ACK, count));
    await server.net.calm();
  }
  expect([dataOf(), link.buffered]).toEqual([6, 0]);
});

test('one acceptor serves bare peers, too', async () => {
  const accepted: AcceptedLink<string>[] = [];
  const sessions: Promise<unknown>[] = [];
  const acceptor = reliableAcceptor<string>({
    onLink: (link, what) => {
      accepted.push(what);
      sessions.push(accept(link));
    },
  });
  const bare = async (): Promise<Link> => {
    const [ours, theirs] = memoryLinkPair();
    acceptor.take(theirs, 'someone');
    return ours;
  };
  const one = await initiate(await bare());
  const other = await initiate(await reliableLink({ connect: bare }));
  expect(accepted).toEqual([
    { isReliable: false, info: 'someone' },
    { isReliable: true, info: 'someone' },
  ]);
  await Promise.all(sessions);
  for (const session of [one, other]) {
    session.shutdown();
    expect(await session.closed).toMatchObject({ cause: 'shutdown' });
  }
  acceptor.close();
});

describe('options are checked at once', () => {
  const connect = (): Promise<Link> => Promise.reject(new Error('never called'));
  test.each([
    [{ connect: 7 }, /^connect must be a function/],
    [{ connect, window: { bytes: 0 } }, /^window.bytes must be an integer from 1/],
    [{ connect, window: { frames: 1.5 } }, /^window.frames must be/],
    [{ connect, ackDelay: 0 }, /^ackDelay must be from 1/],
    [{ connect, probe: Number.NaN }, /^probe must be/],
    [{ connect, answer: 2 ** 31 }, /^answer must be/],
    [{ connect, helloTimeout: -1 }, /^helloTimeout must be/],
    [{ connect, flushTimeout: '1' }, /^flushTimeout must be/],
    [{ connect, dialTimeout: 0 }, /^dialTimeout must be/],
    [{ connect, giveUpAfter: Number.POSITIVE_INFINITY }, /^giveUpAfter must be/],
    [{ connect, backoff: { first: 0 } }, /^backoff.first must be/],
    [{ connect, backoff: { most: 0 } }, /^backoff.most must be/],
    [{ connect, retryFirst: 1 }, /^retryFirst must be a boolean/],
    [{ connect, clock: {} }, /^clock must have setTimeout/],
    [{ connect, signal: {} }, /^signal must be an AbortSignal/],
  ])('reliableLink(%j)', (options, message) => {
    const make = () => reliableLink(options as never);
    expect(make).toThrow(InvalidArgument);
    expect(make).toThrow(message);
  });

  test.each([
    [{}, /^onLink must be a function/],
    [{ onLink: () => {}, onResume: 1 }, /^onResume must be a function/],
    [{ onLink: () => {}, onError: 1 }, /^onError must be a function/],
    [{ onLink: () => {}, grace: 0 }, /^grace must be from 1/],
    [{ onLink: () => {}, detachedSessions: 0 }, /^detachedSessions must be/],
    [{ onLink: () => {}, detachedBytes: -1 }, /^detachedBytes must be/],
    [{ onLink: () => {}, endedSessions: 0 }, /^endedSessions must be/],
    [{ onLink: () => {}, keptBytes: 0.5 }, /^keptBytes must be/],
    [{ onLink: () => {}, pendingHellos: 0 }, /^pendingHellos must be/],
  ])('reliableAcceptor(%j)', (options, message) => {
    const make = () => reliableAcceptor(options as never);
    expect(make).toThrow(InvalidArgument);
    expect(make).toThrow(message);
  });
});
