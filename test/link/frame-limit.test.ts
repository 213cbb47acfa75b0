import { afterEach, describe, expect, test } from '@jest/globals';
import {
  accept,
  HandshakeError,
  initiate,
  type Limits,
  type Link,
  messagePack,
  type Session,
} from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectTcp, listenTcp } from '../../src/link/tcp.js';
import { connectWebSocket, webSocketLink } from '../../src/link/websocket-node.js';
import { call, hello, helloYourself } from '../../src/testing/phrases.js';
import { Host, StandardFacade } from './peers.js';
import { Recorder } from './recorder.js';

/** A peer's bare end, and the session's. */
type Ends = [peer: Link, own: Link];

const close: (() => unknown)[] = [];

afterEach(async () => {
  for (const each of close.splice(0).reverse()) await each();
});

const KINDS: readonly (readonly [string, () => Promise<Ends>])[] = [
  ['memory', () => Promise.resolve(memoryLinkPair())],
  [
    'TCP',
    async () => {
      const links: Link[] = [];
      const listener = await listenTcp({ port: 0 }, (link) => void links.push(link));
      close.push(() => listener.close());
      const peer = await connectTcp(listener.address);
      while (links.length === 0) await new Promise((resolve) => setImmediate(resolve));
      return [peer, links[0] as Link];
    },
  ],
  [
    'ws',
    async () => {
      const host = await Host.listen();
      close.push(() => host.close());
      const [own, peer] = await Promise.all([host.next(), connectWebSocket(host.url)]);
      return [peer, own];
    },
  ],
  [
    "a browser's WebSocket",
    async () => {
      const host = await Host.listen();
      close.push(() => host.close());
      close.push(() => StandardFacade.terminateAll());
      const facade = new StandardFacade(host.url);
      const opened = new Promise((resolve) => facade.ws.once('open', resolve));
      const [peer] = await Promise.all([host.next(), opened]);
      return [peer, webSocketLink(facade)];
    },
  ],
];

const LIMITS = { handshakeBytes: 1_000, frame: 40_000 };

/** A frame of exactly so many bytes. */
function padded(message: (size: number) => Parameters<typeof messagePack.encode>[0], size: number): Uint8Array {
  const length = (given: number) => messagePack.encode(message(given)).length;
  let given = size;
  while (length(given) > size) given--;
  expect(length(given)).toBe(size);
  return messagePack.encode(message(given)).slice();
}

/** The first message to a session of `role`, in a frame of exactly so many bytes. */
const longFirst = (role: 'acceptor' | 'initiator', size: number) =>
  padded((length) => {
    const metadata = [{ key: 'k', value: 'v'.repeat(length), flags: 0n }];
    return role === 'acceptor' ? { ...hello('odd'), metadata } : { ...helloYourself('even'), metadata };
  }, size);
const longCall = (size: number) => padded((length) => call(0, 1, new Uint8Array(length)), size);
const frame = (message: Parameters<typeof messagePack.encode>[0]) => messagePack.encode(message).slice();

function start(role: 'acceptor' | 'initiator', link: Link, limits: Partial<Limits> = LIMITS): Promise<Session> {
  const starting = (role === 'acceptor' ? accept : initiate)(link, { limits, onReport: () => {} });
  starting.then(
    (session) =>
      close.push(
        () => session.closed,
        () => session.shutdown(),
      ),
    () => {},
  );
  return starting;
}

const refusal = (starting: Promise<Session>) =>
  starting.then(
    () => 'a session',
    (error: HandshakeError) => error,
  );

describe.each(KINDS)('a link over %s asks its session for the limit of each frame:', (kind, connect) => {
  const isLate = kind !== 'TCP' && kind !== 'ws';
  const tooLong = (length: number, most: number) =>
    kind === 'TCP'
      ? `the peer announced a message of ${length} bytes; at most ${most} are taken`
      : isLate
        ? `the peer sent a message of ${length} bytes; at most ${most} are taken`
        : `the peer sent a message that is too long: at most ${most} bytes are taken`;

  test('before the handshake that of its first frame', async () => {
    const [peer, own] = await connect();
    peer.start(new Recorder());
    const starting = start('acceptor', own);
    peer.send(longFirst('acceptor', 1_000));
    expect((await starting).root.isConnected).toBe(true);
  });

  test('beyond which the session says so', async () => {
    const [peer, own] = await connect();
    peer.start(new Recorder());
    const starting = refusal(start('acceptor', own));
    peer.send(longFirst('acceptor', kind === 'ws' ? 1_005 : 2_000));
    expect(await starting).toMatchObject({ cause: { code: 'limit', limit: 'handshakeBytes' } });
  });

  test.each(['acceptor', 'initiator'] as const)('and beyond twice of which the link of an %s breaks', async (role) => {
    const [peer, own] = await connect();
    peer.start(new Recorder());
    const starting = refusal(start(role, own));
    peer.send(longFirst(role, 2_001));
    const error = await starting;
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ cause: { code: 'link' } });
    // The WebSocket listener counts the bytes of the first message itself, and may have reported the error first.
    if (kind !== 'ws') expect(error).toMatchObject({ message: tooLong(2_001, 2_000) });
  });

  test('after it that of the others', async () => {
    const [peer, own] = await connect();
    peer.start(new Recorder());
    const starting = start('acceptor', own);
    peer.send(frame(hello('odd')));
    const session = await starting;
    peer.send(longCall(40_000));
    const { value } = await session.root[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ body: { type: 'Call' } });
    peer.send(longCall(80_001));
    expect((await session.closed).error).toMatchObject({ code: 'link', message: tooLong(80_001, 80_000) });
  });

  test('also of those that come in one burst with the first, to an initiator', async () => {
    const [peer, own] = await connect();
    const answers = new Recorder();
    answers.onMessage = () => {
      if (answers.messages.length > 1) return;
      peer.send(frame(helloYourself('even')));
      peer.send(longCall(30_000));
    };
    peer.start(answers);
    const session = await start('initiator', own);
    const { value } = await session.root[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ body: { type: 'Call' } });
  });
});

test.each(KINDS.slice(1, 3))('two sessions of one listener have a limit each: %s', async (kind) => {
  const limits = [
    { handshakeBytes: 500, frame: 5_000 },
    { handshakeBytes: 5_000, frame: 50_000 },
  ] as const;
  const sessions: Promise<Session | HandshakeError>[] = [];
  const onLink = (link: Link) => {
    sessions.push(start('acceptor', link, limits[sessions.length]).catch((error: HandshakeError) => error));
  };
  const listener = await (kind === 'TCP' ? listenTcp({ port: 0 }, onLink) : Host.listen({}, onLink));
  close.push(() => listener.close());
  const connectTo = () => (kind === 'TCP' ? connectTcp({ port: listener.port }) : connectWebSocket(listener.url));
  const peers: Link[] = [];
  for (const _ of limits) {
    const peer = await connectTo();
    peer.start(new Recorder());
    peers.push(peer);
    while (sessions.length < peers.length) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const peer of peers) peer.send(longFirst('acceptor', 4_000));
  const [first, second] = await Promise.all(sessions);
  expect(first).toBeInstanceOf(HandshakeError);
  peers[1]?.send(longCall(30_000));
  expect((await (second as Session).root[Symbol.asyncIterator]().next()).value).toMatchObject({
    body: { type: 'Call' },
  });
});

test.each(KINDS.slice(1, 3))('maxFrame bounds a link whose session takes more: %s', async (kind) => {
  let own: Promise<Session | HandshakeError> | undefined;
  const onLink = (link: Link) => {
    own = start('acceptor', link, { frame: 50_000 });
  };
  const options = { port: 0, maxFrame: 10_000 };
  const listener = await (kind === 'TCP' ? listenTcp(options, onLink) : Host.listen(options, onLink));
  close.push(() => listener.close());
  const peer = await (kind === 'TCP' ? connectTcp({ port: listener.port }) : connectWebSocket(listener.url));
  peer.start(new Recorder());
  peer.send(frame(hello('odd')));
  while (own === undefined) await new Promise((resolve) => setImmediate(resolve));
  const session = (await own) as Session;
  peer.send(longCall(20_001));
  expect((await session.closed).error).toMatchObject({ code: 'link' });
});
