import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Actor, createActor, type InspectionEvent } from 'xstate';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { Connection } from '../../src/session/connection.js';
import { sessionLogic } from '../../src/session/default-codec.js';
import type { SessionActorRef, SessionLogic } from '../../src/session/logic.js';
import type { SessionLogicInput } from '../../src/session/options.js';
import { handle, type Session } from '../../src/session/session.js';
import type { Message } from '../../src/wire/message.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { plainLogic } from '../support/plain-logic.js';
import { acceptOf, brief, closeOf, HELLO_YOURSELF, itemOf, openOf, pingOf } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

/** An input of a session. Each step has a turn of the event loop of its own. */
type Step =
  | { readonly what: 'say'; readonly messages: readonly (Message | Uint8Array)[] }
  | { readonly what: 'read' | 'leave' | 'send' | 'closeHandle' | 'release'; readonly on: number }
  | { readonly what: 'open' | 'shutdown' | 'hold' | 'take' | 'advance' | 'end' | 'fail' }
  | { readonly what: 'close'; readonly on: number };

const id = fc.nat({ max: 6 });
const settings = fc.record({
  parity: fc.constantFrom('odd' as const, 'even' as const),
  maxConcurrentRequests: fc.constant(64),
});
const data = fc.oneof(
  fc.tuple(id, fc.nat({ max: 99 })).map(([on, number]): Message => itemOf(on, number, number)),
  id.map(
    (connectionId): Message => ({
      type: 'RequestMessage',
      connectionId,
      id: 2,
      body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array(3) },
    }),
  ),
  id.map(
    (connectionId): Message => ({
      type: 'RequestMessage',
      connectionId,
      id: 1,
      body: { type: 'Cancel', metadata: [] },
    }),
  ),
);
const control = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(2, 4, 6).map(openOf) },
  { weight: 4, arbitrary: fc.constantFrom(1, 3, 5).map(acceptOf) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('ConnectionOpen' as const),
      connectionId: id,
      connectionSettings: settings,
      metadata: fc.constant([]),
    }),
  },
  fc.record({
    type: fc.constant('ConnectionReject' as const),
    connectionId: fc.nat({ max: 6 }),
    metadata: fc.constant([]),
  }),
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 6 }).map(closeOf) },
  { weight: 2, arbitrary: fc.nat({ max: 9 }).map(pingOf) },
  fc.record({ type: fc.constant('Pong' as const), connectionId: fc.constant(0), nonce: fc.constant(1n) }),
);
const disaster = fc.oneof<fc.Arbitrary<Message | Uint8Array>[]>(
  fc.constant(closeOf(0)),
  fc.constant(HELLO_YOURSELF),
  fc.constant({ type: 'ProtocolError' as const, connectionId: 0, description: 'no' }),
  fc.constant(Uint8Array.of(0xc1)),
);
// Steps that are always legal. They keep a strict session alive, which would otherwise end soon.
const harmless = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 99 }).map((number): Message => itemOf(0, number, number)) },
  fc.constant(pingOf(1)),
);
const said = fc.oneof(
  { weight: 2, arbitrary: fc.array(harmless, { minLength: 1, maxLength: 12 }) },
  fc.array(
    fc.oneof({ weight: 60, arbitrary: data }, { weight: 25, arbitrary: control }, { weight: 1, arbitrary: disaster }),
    { minLength: 1, maxLength: 12 },
  ),
);
const on = fc.nat({ max: 9 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ what: fc.constant('say' as const), messages: said }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('read' as const), on }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('open' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('send' as const), on }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom('close' as const, 'closeHandle' as const, 'leave' as const, 'release' as const),
      on,
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('hold' as const, 'take' as const, 'advance' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('shutdown' as const, 'end' as const, 'fail' as const) }) },
);

/** Plays the steps, and returns all that can be seen of the session from outside, in order. */
async function play(
  logic: SessionLogic,
  steps: readonly Step[],
  conformance: 'reference' | 'strict',
  inspect?: () => void,
): Promise<string[]> {
  const log: string[] = [];
  const note = (what: string, value: unknown) =>
    log.push(
      `${what}: ${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${String(part)}n` : part))}`,
    );
  const clock = new VirtualClock();
  const [near, far] = memoryLinkPair({ capacity: 4096 });
  far.start({
    message: (bytes) => note('wire', [...bytes]),
    drained() {},
    ended: () => note('link', 'ended'),
    failed: (error) => note('link', error.message),
  });
  const link = new ControlledLink(near);
  const input: SessionLogicInput = {
    role: 'initiator',
    link,
    conformance,
    keepalive: { pingInterval: 300, pongTimeout: 5_000 },
    limits: { inboxMessages: 4, inboxBytes: 600, outboxBytes: 60, connections: 4 },
    onReport: (report) => note('report', report),
    onConnection: ({ id }) => {
      note('asked', id);
      return id === 6 ? { type: 'reject' } : { type: 'accept', setup: (connection) => handles.push(connection) };
    },
  };
  const actor: Actor<SessionLogic> = createActor(logic, { clock, input, inspect } as never);
  actor.start();
  const session: Session = handle(actor);
  void session.closed.then(({ cause, by, error }) => note('closed', [cause, by, error && brief(error)]));
  const handles: Connection[] = [];
  const readers = new Map<Connection, AsyncIterator<unknown>>();
  const watch = (what: string, promise: Promise<unknown>) =>
    promise.then(
      (value) => note(what, value ?? null),
      (error: Error) => note(what, brief(error)),
    );
  far.send(messagePack.encode(HELLO_YOURSELF));
  await settle();
  handles.push(session.root);
  for (const type of ['connectionOpened', 'connectionClosed', 'violation', 'stalled', 'ended'] as const) {
    session.on(type, (event) => note('emitted', event));
  }
  const readerOf = (connection: Connection) => {
    const reader = readers.get(connection) ?? connection[Symbol.asyncIterator]();
    readers.set(connection, reader);
    return reader;
  };
  for (const [index, it] of steps.entries()) {
    const handle = handles['on' in it ? it.on % handles.length : 0] as Connection;
    const name = `${it.what} ${String(index)}`;
    try {
      if (it.what === 'say') {
        for (const message of it.messages)
          far.send(message instanceof Uint8Array ? message : messagePack.encode(message));
      } else if (it.what === 'read') void watch(name, readerOf(handle).next());
      else if (it.what === 'leave') void readerOf(handle).return?.();
      else if (it.what === 'send') void watch(name, handle.send(itemOf(0, index, 20)));
      else if (it.what === 'close') void watch(name, session.close(it.on));
      else if (it.what === 'closeHandle') void watch(name, handle.close());
      else if (it.what === 'release') handle.release();
      else if (it.what === 'open')
        void watch(
          name,
          session.open().then((opened) => handles.push(opened)),
        );
      else if (it.what === 'shutdown') session.shutdown();
      else if (it.what === 'hold') link.hold();
      else if (it.what === 'take') link.take();
      else if (it.what === 'advance') clock.advanceNow(700);
      else if (it.what === 'end') far.close();
      else far.fail();
    } catch (error) {
      note(name, brief(error as Error));
    }
    await settle();
    note('live', actor.getSnapshot().context.live);
  }
  for (const [index, connection] of handles.entries())
    note(`handle ${String(index)}`, [connection, connection.isConnected]);
  actor.stop();
  await settle();
  note('timers', clock.size);
  return log;
}

/** Sessions that a test has left running, on the clock of the process. */
const running: Actor<SessionLogic>[] = [];

afterEach(() => {
  for (const actor of running.splice(0)) actor.stop();
});

/** Counts the messages that the machines were asked to deliver. */
function counting(logic: SessionLogic) {
  const seen: string[] = [];
  const [near, far] = memoryLinkPair();
  const actor = createActor(logic, {
    input: { role: 'initiator', link: near, limits: { inboxMessages: 4 }, onConnection: () => ({ type: 'accept' }) },
    inspect: (event: InspectionEvent) => {
      // The machines pass a message on from the session to its connection.
      const isPassedOn = event.type === '@xstate.event' && event.sourceRef !== undefined;
      if (isPassedOn && event.event.type.startsWith('rx.')) seen.push(event.event.type);
    },
  } as never);
  running.push(actor);
  far.start({ message() {}, drained() {}, ended() {}, failed() {} });
  actor.start();
  const say = async (...messages: Message[]) => {
    for (const message of messages) far.send(messagePack.encode(message));
    await settle();
    return seen.splice(0).length;
  };
  return { say, session: handle(actor as SessionActorRef) };
}

describe('the fast path', () => {
  test.each(['reference', 'strict'] as const)(
    'does what the machines do, to the byte and in the same order, for any schedule: %s',
    async (conformance) => {
      let delivered = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
          const fast = await play(sessionLogic, steps, conformance);
          // While an inspector listens, the messages go to the session's actor.
          const inspected = await play(sessionLogic, steps, conformance, () => {});
          const plain = await play(plainLogic, steps, conformance, () => {});
          delivered += fast.filter((line) => line.startsWith('read') && line.includes('"done":false')).length;
          expect(fast).toEqual(plain);
          expect(inspected).toEqual(plain);
        }),
        { numRuns: 150 },
      );
      // Otherwise the schedules would end before a message is delivered.
      expect(delivered).toBeGreaterThan(50);
    },
    30_000,
  );

  test('is taken for active connections, and by the fast logic only', async () => {
    for (const [logic, passes] of [
      [sessionLogic, 0],
      [plainLogic, 3],
    ] as const) {
      const { say } = counting(logic);
      await say(HELLO_YOURSELF, openOf(2));
      expect(await say(itemOf(0, 1), itemOf(2, 1), itemOf(2, 2))).toBe(passes);
    }
  });

  test('passes by the actors while no inspector listens, and only then', async () => {
    const [near, far] = memoryLinkPair();
    const actor = createActor(sessionLogic, { input: { role: 'initiator', link: near } } as never);
    running.push(actor);
    far.start({ message() {}, drained() {}, ended() {}, failed() {} });
    actor.start();
    const say = async (message: Message) => {
      far.send(messagePack.encode(message));
      await settle();
    };
    await say(HELLO_YOURSELF);
    let steps = 0;
    actor.subscribe(() => {
      steps++;
    });
    await say(itemOf(0, 0));
    expect(steps).toBe(0);
    const seen: string[] = [];
    const subscription = actor.system.inspect((event) => {
      if (event.type === '@xstate.event' && event.actorRef === actor) seen.push(event.event.type);
    });
    await say(itemOf(0, 1));
    expect([steps, seen]).toEqual([1, ['rx.ChannelMessage']]);
    subscription.unsubscribe();
    await say(itemOf(0, 2));
    expect([steps, seen]).toEqual([1, ['rx.ChannelMessage']]);
    const reader = handle(actor).root[Symbol.asyncIterator]();
    for (const number of upTo(3)) expect((await reader.next()).value).toEqual(itemOf(0, number));
  });

  test('is not taken where the tags are missing: on a connection that is not active, and when its reader has left', async () => {
    const { say, session } = counting(sessionLogic);
    await say(HELLO_YOURSELF, openOf(2));
    const opening = session.open().catch(brief);
    await settle();
    // Pending.
    expect(await say(itemOf(1, 1))).toBe(1);
    await (session.connection(2) as Connection)[Symbol.asyncIterator]().return?.();
    await settle();
    // Left; then gone.
    expect(await say(itemOf(2, 1))).toBeGreaterThan(0);
    expect(await say(itemOf(2, 2))).toBe(0);
    session.shutdown();
    await opening;
  });

  test('is not taken where the tags are missing: while reading is paused', async () => {
    const { say, session } = counting(sessionLogic);
    await say(HELLO_YOURSELF);
    expect(await say(...upTo(5).map((number) => itemOf(0, number)))).toBe(0);
    // The input queue takes no frames now. An event that comes nevertheless is handled by the machines.
    session.actor.send({ type: 'rx.ChannelMessage', message: itemOf(0, 4) });
    expect(await say()).toBe(1);
  });

  test('leaves the inbox its limit: reading stops at the same message', async () => {
    for (const logic of [sessionLogic, plainLogic]) {
      const { say, session } = counting(logic);
      await say(HELLO_YOURSELF);
      await say(...upTo(7).map((number) => itemOf(0, number)));
      expect(session.actor.getSnapshot().hasTag('routes')).toBe(false);
      const reader = session.root[Symbol.asyncIterator]();
      for (const number of upTo(7)) expect((await reader.next()).value).toEqual(itemOf(0, number));
      await settle();
      expect(session.actor.getSnapshot().hasTag('routes')).toBe(true);
    }
  });

  test('survives provide: what it gives is the same logic', () => {
    expect(sessionLogic.provide({ actions: {} })).toBe(sessionLogic);
    expect(sessionLogic.provide({}).transition).toBe(sessionLogic.transition);
    expect(plainLogic.transition).not.toBe(sessionLogic.transition);
  });
});
