import { describe, expect, test } from '@jest/globals';
import { assign, createActor, setup } from 'xstate';
import { InvalidArgument } from '../../src/base/errors.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { sessionLogic } from '../../src/session/default-codec.js';
import type { SessionActorRef } from '../../src/session/logic.js';
import type { SessionLogicInput } from '../../src/session/options.js';
import { handle } from '../../src/session/session.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { ScriptedPeer } from '../support/peer.js';
import { acceptOf, brief, HELLO_YOURSELF, openOf, pingOf } from '../support/rig.js';
import { settle } from '../support/settle.js';

/** A statechart that has a session for as long as it is `online`. */
const hostMachine = setup({
  types: {
    context: {} as { input: SessionLogicInput; ends: unknown[] },
    input: {} as SessionLogicInput,
    events: {} as { type: 'leave' } | { type: 'enter' },
  },
  actors: { session: sessionLogic },
}).createMachine({
  id: 'host',
  context: ({ input }) => ({ input, ends: [] }),
  initial: 'online',
  states: {
    online: {
      invoke: {
        id: 'session',
        src: 'session',
        input: ({ context }) => context.input,
        onDone: {
          target: 'offline',
          actions: assign({ ends: ({ context, event }) => [...context.ends, event.output] }),
        },
        onError: {
          target: 'offline',
          actions: assign({ ends: ({ context, event }) => [...context.ends, event.error] }),
        },
      },
      on: { leave: 'offline' },
    },
    offline: { on: { enter: 'online' } },
  },
});

function start(options: Partial<SessionLogicInput> = {}) {
  const clock = new VirtualClock();
  const [near, far] = memoryLinkPair();
  const link = new ControlledLink(near);
  const peer = new ScriptedPeer(far);
  const host = createActor(hostMachine, { input: { role: 'initiator', link, ...options }, clock });
  host.start();
  const session = () => handle(host.getSnapshot().children['session'] as SessionActorRef);
  return { clock, link, peer, host, session };
}

describe('a session inside a statechart', () => {
  test('ends as stopped when its host leaves the state, and nothing of it is left', async () => {
    const { clock, link, peer, host, session } = start({ keepalive: { pingInterval: 1_000, pongTimeout: 500 } });
    peer.say(HELLO_YOURSELF);
    await settle();
    const it = session();
    const opening = it.open();
    peer.say(acceptOf(1));
    const virtual = await opening;
    const pending = it.open().catch(brief);
    const reading = virtual[Symbol.asyncIterator]().next();
    await settle();
    host.send({ type: 'leave' });
    await expect(pending).resolves.toEqual({ name: 'SessionClosed', message: 'session closed' });
    await expect(reading).resolves.toEqual({ value: undefined, done: true });
    await expect(virtual.closed).resolves.toEqual({ by: 'session', metadata: [] });
    await expect(it.closed).resolves.toEqual({ cause: 'stopped', by: 'local' });
    expect(link.isClosed).toBe(true);
    expect(clock.size).toBe(0);
    expect(virtual.actor).toBe(undefined);
    await settle();
    expect(peer.hasHeardEnd).toBe(true);
  });

  test('ends as stopped when its host is stopped during the handshake', async () => {
    const { clock, link, host, session } = start();
    const it = session();
    await settle();
    host.stop();
    await expect(it.closed).resolves.toEqual({ cause: 'stopped', by: 'local' });
    await expect(it.open().catch(brief)).resolves.toEqual({ name: 'SessionClosed', message: 'session closed' });
    expect(link.isClosed).toBe(true);
    expect(clock.size).toBe(0);
  });

  test('is done, with its end as output, when it ends by itself', async () => {
    const { peer, host } = start();
    peer.say(HELLO_YOURSELF, 'end');
    await settle();
    expect(host.getSnapshot().value).toBe('offline');
    expect(host.getSnapshot().context.ends).toEqual([{ cause: 'peer' }]);
  });

  test('is done when a machine of it throws, and its host goes on', async () => {
    const { peer, host, link } = start({
      codec: {
        ...messagePack,
        decode: () =>
          Object.defineProperty({ type: 'HelloYourself', metadata: [] }, 'connectionSettings', {
            get() {
              throw new Error('bad day');
            },
          }) as never,
      },
    });
    peer.say(pingOf(1));
    await settle();
    expect(host.getSnapshot()).toMatchObject({ status: 'active', value: 'offline' });
    expect(host.getSnapshot().context.ends).toEqual([{ cause: 'crashed', error: expect.any(Error) }]);
    expect(link.isClosed).toBe(true);
  });

  test('is an error of its actor when its input is wrong', () => {
    const { host } = start({ conformance: 'lax' as never });
    expect(host.getSnapshot().value).toBe('offline');
    expect(host.getSnapshot().context.ends).toEqual([
      new InvalidArgument("conformance must be 'reference' or 'strict', not lax"),
    ]);
  });

  test('has no root before the handshake, and opens nothing', async () => {
    const { session, peer, host } = start();
    const it = session();
    expect(() => it.root).toThrow(new InvalidArgument('the session has no root connection before it is established'));
    await expect(it.open().catch(brief)).resolves.toEqual({
      name: 'InvalidArgument',
      message: 'the handshake is not over yet',
    });
    await expect(it.close(1).catch(brief)).resolves.toEqual({
      name: 'InvalidArgument',
      message: 'the handshake is not over yet',
    });
    peer.say(HELLO_YOURSELF);
    await settle();
    expect(session()).toBe(it);
    expect(it.root.id).toBe(0);
    host.stop();
  });

  test('stops what the peer opened while the user still decides, and aborts the question', async () => {
    const asked: AbortSignal[] = [];
    const { session, peer, host } = start({
      onConnection: ({ signal }) => {
        asked.push(signal);
        return new Promise(() => {});
      },
    });
    peer.say(HELLO_YOURSELF, openOf(2), openOf(4));
    await settle();
    const { closed } = session();
    host.send({ type: 'leave' });
    await closed;
    expect(asked.map(({ aborted, reason }) => ({ aborted, reason: brief(reason) }))).toEqual(
      Array.from({ length: 2 }, () => ({
        aborted: true,
        reason: { name: 'SessionClosed', message: 'session closed' },
      })),
    );
  });

  test('a handle of what is no session actor is InvalidArgument', () => {
    const { host } = start();
    expect(() => handle(host)).toThrow(new InvalidArgument('the actor is no session actor'));
    host.stop();
  });
});
