import { describe, expect, test } from '@jest/globals';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { initiate } from '../../src/session/default-codec.js';
import type { Message } from '../../src/wire/message.js';
import { acceptOf, brief, established, NOTHING_LEFT, openOf, pingOf, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';

const EVIL = 666n;

/** A codec that decodes the Ping with the nonce 666 as `evil`, which is no message. */
function givingInstead(evil: unknown): Codec {
  return {
    ...messagePack,
    decode(bytes, limits) {
      const message = messagePack.decode(bytes, limits);
      return message.type === 'Ping' && message.nonce === EVIL ? (evil as Message) : message;
    },
  };
}

/** Returns an object that throws when one of its fields is read. */
function trap(type: string, field: string, rest: object = {}): object {
  return Object.defineProperty({ type, ...rest }, field, {
    get() {
      throw new Error(`boom: ${field}`);
    },
  });
}

interface Crash {
  readonly name: string;
  readonly options?: RigOptions;
  readonly evil: unknown;
  readonly message: string | RegExp;
}

const CRASHES: readonly Crash[] = [
  { name: 'the session machine', evil: trap('ConnectionOpen', 'connectionId'), message: 'boom: connectionId' },
  { name: 'the fast path', evil: trap('RequestMessage', 'connectionId'), message: 'boom: connectionId' },
  {
    name: 'a connection machine',
    options: { conformance: 'strict' },
    evil: { type: 'ConnectionAccept', connectionId: 3 },
    message: /reading 'parity'/,
  },
  { name: 'the keepalive', evil: trap('Pong', 'nonce', { connectionId: 0 }), message: 'boom: nonce' },
];

describe('an exception in a machine ends its session as crashed, and everybody is told', () => {
  test.each(CRASHES)('$name', async ({ options, evil, message }) => {
    const { rig, session } = await established({
      keepalive: { pingInterval: 1_000, pongTimeout: 500 },
      codec: givingInstead(evil),
      onConnection: () => new Promise(() => {}),
      ...options,
    });
    const open = session.open();
    await rig.say(acceptOf(1), openOf(2));
    const virtual = await open;
    rig.track('open', session.open());
    rig.track('root.closed', session.root.closed);
    rig.track('virtual.closed', virtual.closed);
    rig.track('virtual.next', virtual[Symbol.asyncIterator]().next());
    await rig.clock.advance(1_000);
    await rig.say(pingOf(EVIL));
    const { cause, by, error } = await session.closed;
    const crash = {
      name: 'SessionClosed',
      message: 'session closed',
      cause: expect.objectContaining({ message: expect.stringMatching(message) }),
    };
    expect({ cause, by, error: error && brief(error) }).toEqual({ cause: 'crashed', by: 'local', error: crash });
    expect(rig.settled).toEqual({
      start: session,
      open: { name: 'SessionClosed', message: 'session closed', cause: crash },
      'root.closed': { by: 'session', metadata: [] },
      'virtual.closed': { by: 'session', metadata: [] },
      'virtual.next': { value: undefined, done: true },
    });
    expect(rig.link.isClosed).toBe(true);
    expect(rig.clock.size).toBe(0);
    // The connections are gone. The other actors that the machine leaves behind never run again.
    const connections = rig.actors.filter(({ id }) => /^\d+$/.test(id) && id !== session.actor.id);
    expect(connections.map((actor) => actor.getSnapshot().status).filter((status) => status === 'active')).toEqual([]);
    await settle();
    expect(rig.peer.take()).toEqual([]);
  });

  test.each([[undefined], [{}], [{ type: 'Greeting' }]])(
    '%j in place of a message counts as malformed',
    async (evil) => {
      const { rig, session } = await established({ codec: givingInstead(evil) });
      await rig.say(pingOf(EVIL));
      expect(await session.closed).toMatchObject({ cause: 'protocol', by: 'local' });
      expect(rig.leftovers).toEqual(NOTHING_LEFT);
    },
  );

  test('a codec that cannot encode what the protocol asks for', async () => {
    const codec: Codec = {
      ...messagePack,
      encode(message) {
        if (message.type === 'Pong') throw new Error('no Pongs today');
        return messagePack.encode(message);
      },
    };
    const { rig, session } = await established({ codec });
    await rig.say(pingOf(1));
    expect((await session.closed).error?.cause).toEqual(new Error('no Pongs today'));
    expect(rig.link.isClosed).toBe(true);
  });

  test('a link that cannot be started', async () => {
    const { rig } = await established();
    // The link already belongs to another session.
    await expect(initiate(rig.link, { clock: rig.clock }).catch(brief)).resolves.toEqual({
      name: 'HandshakeError',
      message: 'the session ended during the handshake: crashed',
      cause: {
        name: 'SessionClosed',
        message: 'session closed',
        cause: { name: 'InvalidArgument', message: 'the link has been started already' },
      },
    });
    expect(rig.clock.size).toBe(0);
  });
});
