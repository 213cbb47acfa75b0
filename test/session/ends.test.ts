import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../src/session/connection.js';
import type { Session } from '../../src/session/session.js';
import {
  acceptOf,
  brief,
  established,
  itemOf,
  NOTHING_LEFT,
  openOf,
  type Rig,
  type RigOptions,
} from '../support/rig.js';
import { settle, timersAlive } from '../support/settle.js';

interface House {
  readonly rig: Rig;
  readonly session: Session;
  readonly virtual: Connection;
  readonly accepted: Connection;
  readonly asked: AbortSignal;
  readonly opening: AbortController;
  readonly handshake: AbortController;
  readonly emitted: unknown[];
}

const item = { type: 'ChannelMessage', id: 1, body: { type: 'Item', item: new Uint8Array(600) } } as const;

/** A session with one of everything in it: each kind of connection, and a promise of each kind that waits. */
async function house(options: RigOptions = {}): Promise<House> {
  const handshake = new AbortController();
  const opening = new AbortController();
  const accepted: Connection[] = [];
  const asked: AbortSignal[] = [];
  const { rig, session } = await established({
    signal: handshake.signal,
    keepalive: { pingInterval: 20_000, pongTimeout: 5_000 },
    limits: { outboxBytes: 1_000 },
    onConnection: ({ id, signal }) => {
      if (id !== 2) {
        asked.push(signal);
        return new Promise(() => {});
      }
      return { type: 'accept', setup: (connection) => accepted.push(connection) };
    },
    ...options,
  });
  const open = session.open();
  await rig.say(acceptOf(1), openOf(2), openOf(4));
  const virtual = await open;
  for (const [name, connection] of [
    ['root', session.root],
    ['virtual', virtual],
    ['accepted', accepted[0] as Connection],
  ] as const) {
    rig.track(`${name}.closed`, connection.closed);
    rig.track(`${name}.next`, connection[Symbol.asyncIterator]().next());
    rig.track(`${name}.failure`, connection.failures[Symbol.asyncIterator]().next());
  }
  rig.track('open', session.open({ signal: opening.signal }));
  await settle();
  rig.link.hold();
  rig.track('sent', virtual.send(item));
  rig.track('sent too', virtual.send(item));
  rig.track('waiting', virtual.send(item));
  rig.track('closed', session.closed);
  await settle();
  expect(Object.keys(rig.settled)).toEqual(['start', 'sent', 'sent too']);
  expect(rig.actors.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['handshake', 'keepalive', '0', '1', '2', '3', '4']),
  );
  const emitted: unknown[] = [];
  session.on('ended', ({ end }) => emitted.push(end));
  return {
    rig,
    session,
    virtual,
    accepted: accepted[0] as Connection,
    asked: asked[0] as AbortSignal,
    opening,
    handshake,
    emitted,
  };
}

const DONE = { value: undefined, done: true };
const GONE = { by: 'session', metadata: [] };

/** The settlements of all promises of the house, once the session is over for `cause`. */
function told(closed: object, cause: unknown = undefined): object {
  const error = { name: 'SessionClosed', message: 'session closed', ...(cause === undefined ? {} : { cause }) };
  return {
    'root.closed': GONE,
    'root.next': DONE,
    'root.failure': DONE,
    'virtual.closed': GONE,
    'virtual.next': DONE,
    'virtual.failure': DONE,
    'accepted.closed': GONE,
    'accepted.next': DONE,
    'accepted.failure': DONE,
    open: error,
    sent: undefined,
    'sent too': undefined,
    waiting: error,
    closed,
  };
}

interface End {
  readonly name: string;
  readonly options?: RigOptions;
  readonly act: (house: House) => unknown;
  readonly reason: { cause: string; by: string };
  /** The error in the form of {@link brief}. */
  readonly error?: unknown;
}

const ENDS: readonly End[] = [
  { name: 'end of stream', act: ({ rig }) => rig.peer.say('end'), reason: { cause: 'peer', by: 'peer' } },
  {
    name: 'a failure to receive',
    act: ({ rig }) => rig.peer.say({ fail: 'cable cut' }),
    reason: { cause: 'link', by: 'peer' },
    error: { name: 'LinkError', message: 'cable cut' },
  },
  {
    name: 'a failure to send',
    act: ({ rig }) => {
      rig.link.refuse();
      rig.peer.say({ type: 'Ping', connectionId: 0, nonce: 1n });
    },
    reason: { cause: 'link', by: 'peer' },
    error: { name: 'LinkError', message: 'refused' },
  },
  {
    name: 'a keepalive that hears nothing',
    options: { limits: { outboxBytes: 1_000, stallTimeout: 60_000, openTimeout: 60_000, acceptTimeout: 60_000 } },
    act: ({ rig }) => rig.clock.advance(25_000),
    reason: { cause: 'keepalive', by: 'local' },
    error: { name: 'KeepaliveError', message: 'the peer did not answer a Ping within 5000 ms' },
  },
  {
    name: 'a ProtocolError of the peer',
    act: ({ rig }) => rig.peer.say({ type: 'ProtocolError', connectionId: 0, description: 'you are wrong' }),
    reason: { cause: 'protocol', by: 'peer' },
    error: { name: 'ProtocolError', message: 'you are wrong' },
  },
  {
    name: 'a violation in strict mode',
    options: { conformance: 'strict' },
    act: async ({ rig }) => {
      rig.peer.say(acceptOf(2));
      await settle();
      // The messages at the end do not leave: the link is aborted when the flush timeout is over.
      await rig.clock.advance(1_000);
    },
    reason: { cause: 'protocol', by: 'local' },
    error: {
      name: 'ProtocolError',
      message: 'connection.open: ConnectionAccept for a connection that we did not open',
    },
  },
  {
    name: 'bytes that are no message',
    act: ({ rig }) => rig.peer.say(Uint8Array.of(0xc1)),
    reason: { cause: 'protocol', by: 'local' },
    error: { name: 'ProtocolError', message: expect.stringContaining('session.message: ') },
  },
  {
    name: 'the stop of its actor',
    act: ({ session }) => (session.actor as unknown as { stop(): void }).stop(),
    reason: { cause: 'stopped', by: 'local' },
  },
  {
    name: 'a peer that does not read',
    act: ({ rig }) => rig.clock.advance(10_000),
    reason: { cause: 'limit', by: 'local' },
    error: {
      name: 'LimitExceeded',
      message: 'the outbox was full and made no progress for limits.stallTimeout: the peer does not read',
    },
  },
];

describe('every promise settles, every connection is told and nothing is left after', () => {
  test.each(ENDS)('$name', async ({ options, act, reason, error }) => {
    const before = timersAlive();
    const it = await house(options);
    await act(it);
    await settle();
    const { rig, session } = it;
    const closed = await session.closed;
    expect({ ...closed, error: closed.error && brief(closed.error) }).toEqual({ ...reason, error });
    const { start, ...settled } = rig.settled;
    expect(start).toBe(session);
    expect(settled).toEqual(told(closed, error));
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
    expect(it.asked.aborted).toBe(true);
    expect([it.handshake.signal, it.opening.signal].map((signal) => getEventListeners(signal, 'abort'))).toEqual([
      [],
      [],
    ]);
    expect(timersAlive()).toBeLessThanOrEqual(before);
    expect(rig.reports).toEqual([]);
    expect(it.emitted).toEqual(
      reason.cause === 'stopped' ? [] : [expect.objectContaining({ cause: expect.any(String) })],
    );
  });

  test('a shutdown, which sends what waits first', async () => {
    const it = await house();
    const { rig, session } = it;
    rig.peer.take();
    session.shutdown();
    session.shutdown();
    await settle();
    expect(rig.settled['closed']).toBe(undefined);
    rig.link.take();
    await settle();
    expect(rig.peer.take().map((message) => message.type)).toEqual(new Array(3).fill('ChannelMessage'));
    expect(rig.settled).toMatchObject({ ...told({ cause: 'shutdown', by: 'local' }), waiting: undefined });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('a shutdown whose last messages do not leave within the flush time', async () => {
    const { rig, session } = await house();
    session.shutdown();
    await rig.clock.advance(999);
    expect(rig.settled['closed']).toBe(undefined);
    await rig.clock.advance(1);
    expect(rig.settled['closed']).toEqual({ cause: 'shutdown', by: 'local' });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

describe('what comes after the end', () => {
  test('is refused with SessionClosed, and a close of what is closed resolves', async () => {
    const { rig, session, virtual } = await house();
    await rig.say('end');
    const closed = { name: 'SessionClosed', message: 'session closed' };
    rig.track('late open', session.open());
    rig.track('late close', session.close(1));
    rig.track('late close of the handle', virtual.close());
    rig.track('late send', virtual.send(item));
    session.shutdown();
    virtual.markFailure(1, 'too late');
    await settle();
    expect(rig.settled).toMatchObject({
      'late open': closed,
      'late close': closed,
      'late close of the handle': undefined,
      'late send': {
        name: 'ConnectionClosed',
        message: 'connection 1 was closed by the end of the session',
        cause: closed,
      },
    });
    expect(rig.settled).toHaveProperty('late close of the handle');
    expect(() => virtual.caller()).toThrow('connection 1 was closed by the end of the session');
    expect(rig.clock.size).toBe(0);
  });

  test('requests that stand behind the end in the queue are refused with SessionClosed', async () => {
    const { rig, session } = await house();
    session.on('connectionClosed', () => {
      // In the midst of a step: all these inputs are queued.
      session.shutdown();
      rig.track('close behind it', session.close(2));
      rig.track('open behind it', session.open());
    });
    await session.close(1);
    await settle();
    const closed = { name: 'SessionClosed', message: 'session closed' };
    expect(rig.settled).toMatchObject({ 'close behind it': closed, 'open behind it': closed });
  });

  test('what the peer sent before its end can still be read, and then the end', async () => {
    const { rig, session } = await established();
    await rig.say(itemOf(0, 1), itemOf(0, 2), 'end');
    const read: unknown[] = [];
    for await (const message of session.root) read.push(message);
    expect(read).toEqual([itemOf(0, 1), itemOf(0, 2)]);
  });
});
