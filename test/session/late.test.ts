import { describe, expect, test } from '@jest/globals';
import { createActor, setup } from 'xstate';
import { LinkError } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate, sessionLogic } from '../../src/session/default-codec.js';
import { handle, type Session } from '../../src/session/session.js';
import { VirtualClock } from '../support/clock.js';
import { ScriptedPeer } from '../support/peer.js';
import { acceptOf, established, HELLO, openOf, pingOf } from '../support/rig.js';
import { settle } from '../support/settle.js';

describe('what is asked for while a session ends', () => {
  test.each(['link', 'shutdown'] as const)(
    'settles: a close in a listener of the question that the %s makes moot',
    async (how) => {
      let closing: Promise<void> | undefined;
      const { rig, session } = await established({
        onConnection: ({ signal }) =>
          new Promise(() => {
            signal.addEventListener('abort', () => {
              closing = session.root.close().catch(() => {});
            });
          }),
      });
      await rig.say(openOf(2));
      if (how === 'link') await rig.say({ fail: 'gone' });
      else session.actor.send({ type: 'app.shutdown' });
      await settle();
      expect(closing).toBeInstanceOf(Promise);
      await closing;
    },
  );

  test('settles: a close of a connection, as if it were closed already', async () => {
    let virtual: Awaited<ReturnType<Session['open']>> | undefined;
    let closing: Promise<void> | undefined;
    const { rig, session } = await established({
      onConnection: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            closing = virtual?.close();
          });
        }),
    });
    const opening = session.open();
    await rig.say(acceptOf(1), openOf(2));
    virtual = await opening;
    await rig.say({ fail: 'gone' });
    await expect(closing).resolves.toBeUndefined();
  });
});

test('A peer that ends its link has ended the session, also if frames before the end wait for their turn', async () => {
  const [near, far] = memoryLinkPair();
  let time = 0;
  // Each look at this clock is a millisecond later, so that a turn is soon used up.
  const clock = Object.assign(new VirtualClock(), { now: () => time++ });
  const accepting = accept(near, { clock });
  const peer = new ScriptedPeer(far);
  peer.say(HELLO);
  const session = await accepting;
  await settle();
  peer.say(...Array.from({ length: 40 }, (_, nonce) => pingOf(nonce)), 'end');
  expect(await session.closed).toEqual({ cause: 'peer', by: 'peer' });
});

test('An id below zero is no connection', async () => {
  const { rig, session } = await established({ onConnection: () => ({ type: 'accept' }) });
  for (let id = 2; id <= 34; id += 2) await rig.say(openOf(id));
  await expect(session.close(-2)).rejects.toMatchObject({ code: 'invalid-argument' });
});

test('A link that has a session already goes on with it when a second one is refused', async () => {
  const [near, far] = memoryLinkPair();
  const [first] = await Promise.all([initiate(near), accept(far)]);
  await expect(accept(near)).rejects.toMatchObject({ code: 'handshake' });
  await settle();
  first.shutdown();
  expect(await first.closed).toEqual({ cause: 'shutdown', by: 'local' });
});

describe('an embedded session', () => {
  const machine = (link: ReturnType<typeof memoryLinkPair>[0]) =>
    setup({ actors: { session: sessionLogic }, types: { children: {} as { session: 'session' } } }).createMachine({
      initial: 'on',
      states: {
        on: {
          invoke: { id: 'session', src: 'session', input: { role: 'acceptor', link }, onError: 'off', onDone: 'off' },
        },
        off: {},
      },
    });

  test('whose link does not start says so', async () => {
    const [link] = memoryLinkPair();
    link.start = () => {
      throw new LinkError('no');
    };
    const actor = createActor(machine(link));
    const { session } = actor.getSnapshot().children;
    if (session === undefined) throw new Error('the session is invoked at once');
    const { closed } = handle(session);
    actor.start();
    await expect(closed).resolves.toMatchObject({ cause: 'crashed' });
  });

  test('whose inspector throws in the midst of a step ends, with all that waits settled', async () => {
    const [link, peerLink] = memoryLinkPair();
    let throws = false;
    const actor = createActor(machine(link), {
      inspect: () => {
        if (throws) throw new Error('inspector');
      },
    }).start();
    const { session } = actor.getSnapshot().children;
    if (session === undefined) throw new Error('the session is invoked at once');
    const peer = await initiate(peerLink);
    await settle();
    const opening = handle(session).open();
    throws = true;
    const failed = peer.open().catch((error: unknown) => error);
    await expect(handle(session).closed).resolves.toMatchObject({ cause: 'crashed' });
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/session-closed|rejected/) });
    expect(await failed).toMatchObject({ code: expect.stringMatching(/session-closed|rejected/) });
    throws = false;
    actor.stop();
  });
});

test('What waited on an id that the peer has opened anew does not reach the new connection', async () => {
  const { rig, session } = await established({ limits: { outboxBytes: 1 }, onConnection: () => ({ type: 'accept' }) });
  await rig.say(openOf(2));
  rig.link.hold();
  const old = session.connection(2);
  await old?.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item: new Uint8Array([1]) } });
  const parked = old?.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item: new Uint8Array([2]) } });
  const closing = old?.close();
  await rig.say({ type: 'ConnectionClose', connectionId: 2, metadata: [] }, openOf(2));
  await expect(parked).rejects.toMatchObject({ code: 'connection-closed' });
  await closing;
  rig.link.take();
  const said = await rig.say(pingOf(1));
  expect(said.map(({ type }) => type)).toEqual(['ChannelMessage', 'ConnectionAccept', 'Pong']);
});
