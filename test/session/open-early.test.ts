import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Message } from '../../src/wire/message.js';
import { SERVICE } from '../../src/wire/metadata.js';
import { acceptOf, brief, closeOf, HELLO_YOURSELF, NOTHING_LEFT, Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';

// Opens that leave behind Hello.

const Clock = service('Clock', { now: method<[], number>() });
const Other = service('Other', { now: method<[], number>() });

const EARLY: RigOptions = { openEarly: [Clock] };

function openFor(connectionId: number, name: string): unknown {
  return {
    type: 'ConnectionOpen',
    connectionId,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
    metadata: [{ key: SERVICE, value: name, flags: 0n }],
  };
}

const typesOf = (messages: readonly { type: string }[]): string[] => messages.map(({ type }) => type);

describe.each(['strict', 'reference'] as const)('opens behind Hello, %s', (conformance) => {
  test('leave before the peer has said anything, in the order of the list', async () => {
    const rig = new Rig({ conformance, openEarly: [Clock, Other] });
    const [hello, ...opens] = await rig.heard();
    expect(hello?.type).toBe('Hello');
    expect(opens).toEqual([openFor(1, 'Clock'), openFor(3, 'Other')]);
  });

  test('take an Accept that comes with HelloYourself', async () => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.heard();
    rig.peer.say(HELLO_YOURSELF, acceptOf(1));
    const session = await rig.starting;
    await settle();
    expect(session.connection(1)?.id).toBe(1);
    expect(typesOf(await rig.heard())).toEqual([]);
    // The first open takes it, the second one opens another.
    using first = await session.open(Clock);
    rig.track('second', session.open(Clock));
    expect(await rig.heard()).toEqual([openFor(3, 'Clock')]);
    await rig.say(acceptOf(3));
    expect(Object.keys(rig.settled)).toEqual(['start', 'second']);
    expect(first).not.toBe(rig.settled['second']);
  });

  test.each([
    ['metadata', { metadata: [{ key: 'a', value: 1n, flags: 0n }] }],
    ['a parity', { parity: 'even' as const }],
    ['a maximum of requests', { maxConcurrentRequests: 3 }],
    ['a signal', { signal: new AbortController().signal }],
  ])('are not taken by an open with %s', async (_, options) => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.say(HELLO_YOURSELF, acceptOf(1));
    const session = await rig.starting;
    rig.track('open', session.open(Clock, options));
    expect(typesOf(await rig.heard()).at(-1)).toBe('ConnectionOpen');
    const parity = 'parity' in options ? 'odd' : 'even';
    await rig.say({ ...acceptOf(3), connectionSettings: { parity, maxConcurrentRequests: 64 } } as Message);
    expect(session.connection(3)?.id).toBe(3);
  });

  test('are not taken if the peer has closed the connection meanwhile: the open makes another one', async () => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.say(HELLO_YOURSELF, acceptOf(1), closeOf(1));
    const session = await rig.starting;
    rig.track('open', session.open(Clock));
    expect((await rig.heard()).at(-1)).toEqual(openFor(3, 'Clock'));
    await rig.say(acceptOf(3));
    expect(Object.keys(rig.settled)).toEqual(['start', 'open']);
  });

  test('are not taken while the session is drained, or when it is over', async () => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.say(HELLO_YOURSELF, acceptOf(1));
    const session = await rig.starting;
    void session.drain();
    await expect(session.open(Clock)).rejects.toMatchObject({ name: 'Unavailable' });
    const other = new Rig({ conformance, ...EARLY });
    await other.say(HELLO_YOURSELF, acceptOf(1));
    const ended = await other.starting;
    ended.shutdown();
    await expect(ended.open(Clock)).rejects.toMatchObject({ name: 'SessionClosed' });
  });

  test('reject as any open does', async () => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.say(HELLO_YOURSELF, { type: 'ConnectionReject', connectionId: 1, metadata: [] });
    const session = await rig.starting;
    await expect(session.open(Clock)).rejects.toMatchObject({
      name: 'ConnectionRejected',
      message: expect.stringContaining('for the service'),
    });
  });

  test('wait for their own time from the handshake on', async () => {
    const rig = new Rig({ conformance, ...EARLY, limits: { openTimeout: 500 } });
    await rig.heard();
    await rig.clock.advance(400);
    await rig.say(HELLO_YOURSELF);
    const session = await rig.starting;
    rig.track('open', session.open(Clock));
    await rig.clock.advance(400);
    expect([await rig.heard(), rig.settled['open']]).toEqual([[], undefined]);
    await rig.clock.advance(400);
    expect(await rig.heard()).toEqual([closeOf(1)]);
    expect(rig.settled['open']).toMatchObject({ name: 'LimitExceeded' });
  });

  test.each([
    ['the time of the handshake passes', (rig: Rig) => rig.clock.advance(10_000)],
    ['the link ends', (rig: Rig) => rig.peer.say('end')],
    ['the peer answers an open before Hello', (rig: Rig) => rig.peer.say(acceptOf(1))],
    ['the peer refuses', (rig: Rig) => rig.peer.say({ type: 'ProtocolError', connectionId: 0, description: 'no' })],
  ])('leave nothing behind when %s', async (_, act) => {
    const rig = new Rig({ conformance, ...EARLY });
    await rig.heard();
    await act(rig);
    await rig.heard();
    await rig.clock.advance(10_000);
    await rig.heard();
    expect(rig.settled['start']).toMatchObject({ name: 'HandshakeError' });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('are answered by this library, also behind authenticate', async () => {
    const [link, peerLink] = memoryLinkPair();
    const [session, peer] = await Promise.all([
      initiate(link, { conformance, ...EARLY }),
      accept(peerLink, {
        conformance,
        authenticate: async () => {
          await settle();
          return 'a user';
        },
        onConnection: routes([Clock.handler({ now: () => 7 })]),
      }),
    ]);
    const clock = await session.open(Clock);
    expect(await clock.now()).toBe(7);
    expect(session.connection(3)).toBeUndefined();
    session.shutdown();
    await Promise.all([session.closed, peer.closed]);
  });
});

test.each([['roam-typescript-7'], ['roam-swift-7']] as const)('leave as usual to %s', async (peer) => {
  const rig = new Rig({ ...EARLY, peer });
  expect(typesOf(await rig.heard())).toEqual(['Hello']);
  await rig.say(HELLO_YOURSELF);
  const session = await rig.starting;
  rig.track('open', session.open(Clock));
  expect(await rig.heard()).toEqual([openFor(1, 'Clock')]);
});

test('are awaited by no one: a session may end before they are answered', async () => {
  const rig = new Rig(EARLY);
  await rig.say(HELLO_YOURSELF);
  const session = await rig.starting;
  session.shutdown();
  await expect(session.closed).resolves.toEqual({ cause: 'shutdown', by: 'local' });
  expect(rig.reports).toEqual([]);
});

test.each<[what: string, openEarly: unknown, message: string]>([
  ['no list', Clock, 'openEarly must be an array of services, not an object'],
  ['no service', ['Clock'], "openEarly[0] must be a service, not 'Clock'"],
  ['a service twice', [Clock, Clock], "openEarly[1]: 'Clock' is in the list already"],
])('%s is refused at once', async (_, openEarly, message) => {
  const [link] = memoryLinkPair();
  const error = await initiate(link, { openEarly: openEarly as never }).catch(brief);
  expect(error).toEqual(brief(new InvalidArgument(message)));
});

test('more services than connections, and an acceptor, are refused at once', async () => {
  const [link, peerLink] = memoryLinkPair();
  await expect(initiate(link, { openEarly: [Clock, Other], limits: { connections: 1 } })).rejects.toThrow(
    new InvalidArgument('openEarly has 2 services, more than limits.connections: 1'),
  );
  await expect(accept(peerLink, { openEarly: [Clock] } as never)).rejects.toThrow(
    new InvalidArgument('openEarly is for initiators: leave it out'),
  );
});

describe('round trips over WebSocket from connecting to the first reply', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Passes connections on to a port, and counts how often the server answers bytes of the client. */
  async function counting(port: number) {
    let roundTrips = 0;
    let isAsked = false;
    const relay = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      sockets.push(near, far);
      near.setNoDelay(true).on('data', (bytes) => {
        isAsked = true;
        far.write(bytes);
      });
      far.setNoDelay(true).on('data', (bytes) => {
        if (isAsked) roundTrips++;
        isAsked = false;
        near.write(bytes);
      });
      near.on('error', () => far.destroy()).on('end', () => far.end());
      far.on('error', () => near.destroy()).on('end', () => near.end());
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    return { relay, url: `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`, count: () => roundTrips };
  }

  test.each([
    ['three by a service that is opened early', { openEarly: [Clock] }, 'opened', 3],
    ['three on the root', {}, 'root', 3],
    ['four by a service that is opened later', {}, 'opened', 4],
  ] as const)('%s', async (_title, options, on, expected) => {
    const handler = Clock.handler({ now: () => 7 });
    await using listener = await listenWebSocket({ port: 0 }, async (link) => {
      const session = await accept(link, { onConnection: routes([handler]) });
      session.root.serve(handler);
    });
    const { relay, url, count } = await counting(listener.port);
    await using session = await initiate(await connectWebSocket(url), options);
    const client = on === 'root' ? Clock.client(session.root) : await session.open(Clock);
    expect(await client.now()).toBe(7);
    expect(count()).toBe(expected);
    relay.close();
  });
});
