import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgument } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { initiate } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';
import type { Message } from '../../src/wire/message.js';
import { ScriptedPeer } from '../support/peer.js';
import {
  acceptOf,
  closeOf,
  established,
  HELLO_YOURSELF,
  itemOf,
  NOTHING_LEFT,
  numberOf,
  openOf,
  pingOf,
  type Rig,
  type RigOptions,
} from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

// At most one message behind a Ping or ConnectionOpen that the peer has not answered: row 9.31.

const KEEPALIVE = { pingInterval: 1_000, pongTimeout: 500 };
const RUST: RigOptions = { peer: 'roam-rust-7' };

const pongOf = (nonce: number): Message => ({ type: 'Pong', connectionId: 0, nonce: BigInt(nonce) });
const rejectOf = (connectionId: number): Message => ({ type: 'ConnectionReject', connectionId, metadata: [] });

/** A message in short. */
function short(message: Message): string {
  const { type, connectionId } = message;
  if (type === 'ChannelMessage') return `item ${numberOf(message)}`;
  if (type === 'Ping' || type === 'Pong') return `${type} ${message.nonce}`;
  return `${type.replace('Connection', '')} ${connectionId}`;
}

const heard = async (rig: Rig): Promise<readonly string[]> => (await rig.heard()).map(short);
const said = async (rig: Rig, ...messages: Message[]): Promise<readonly string[]> =>
  (await rig.say(...messages)).map(short);

/** A session whose Ping is out. */
async function pinged(options: RigOptions = {}) {
  const both = await established({ ...RUST, keepalive: KEEPALIVE, ...options });
  await both.rig.clock.advance(KEEPALIVE.pingInterval);
  expect(await heard(both.rig)).toEqual(['Ping 1']);
  return both;
}

/** A session whose Open of connection 1 is out. */
async function opening(options: RigOptions = {}) {
  const both = await established({ ...RUST, ...options });
  const controller = new AbortController();
  both.rig.track('open', both.session.open({ signal: controller.signal }));
  expect(await heard(both.rig)).toEqual(['Open 1']);
  return { ...both, controller };
}

describe('behind a query that is not answered, one message leaves', () => {
  test('behind a Ping, until its Pong', async () => {
    const { rig, session } = await pinged();
    for (const number of upTo(4)) rig.track(`send ${number}`, session.root.send(itemOf(0, number)));
    expect(await heard(rig)).toEqual(['item 0']);
    // The messages that are held back are taken: their sends resolve.
    expect(Object.keys(rig.settled)).toEqual(['start', ...upTo(4).map((number) => `send ${number}`)]);
    expect(await said(rig, pongOf(2), { ...pongOf(1), connectionId: 1 })).toEqual([]);
    expect(await said(rig, pongOf(1))).toEqual(['item 1', 'item 2', 'item 3']);
    await session.root.send(itemOf(0, 4));
    await session.root.send(itemOf(0, 5));
    expect(await heard(rig)).toEqual(['item 4', 'item 5']);
  });

  test.each([
    ['Accept', acceptOf(1)],
    ['Reject', rejectOf(1)],
    ['Close', closeOf(1)],
  ])('behind an Open, until its %s', async (_, answer) => {
    const { rig, session } = await opening();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    expect(await heard(rig)).toEqual(['item 0']);
    expect(await said(rig, acceptOf(3), rejectOf(5), closeOf(7))).toEqual([]);
    expect(await said(rig, answer)).toEqual(['item 1', 'item 2']);
  });

  test('of several opens at once, two; the next one with each answer', async () => {
    const { rig, session } = await established(RUST);
    for (const number of upTo(4)) rig.track(`open ${number}`, session.open());
    await session.root.send(itemOf(0, 0));
    expect(await heard(rig)).toEqual(['Open 1', 'Open 3']);
    expect(await said(rig, acceptOf(1))).toEqual(['Open 5']);
    expect(await said(rig, acceptOf(3))).toEqual(['Open 7']);
    expect(await said(rig, acceptOf(5))).toEqual(['item 0']);
    expect(await said(rig, acceptOf(7))).toEqual([]);
    expect(Object.keys(rig.settled)).toEqual(['start', 'open 0', 'open 1', 'open 2', 'open 3']);
  });

  test('the answer to the second of two queries frees nothing while the first waits', async () => {
    const { rig, session } = await opening();
    rig.track('open too', session.open());
    await session.root.send(itemOf(0, 0));
    expect(await heard(rig)).toEqual(['Open 3']);
    expect(await said(rig, acceptOf(3))).toEqual([]);
    expect(await said(rig, acceptOf(1))).toEqual(['item 0']);
  });

  test('a Ping in the midst of opens', async () => {
    const { rig, session } = await opening({ keepalive: KEEPALIVE });
    await rig.clock.advance(KEEPALIVE.pingInterval);
    await session.root.send(itemOf(0, 0));
    expect(await heard(rig)).toEqual(['Ping 1']);
    expect(await said(rig, acceptOf(1))).toEqual(['item 0']);
    await session.root.send(itemOf(0, 1));
    expect(await said(rig, pongOf(1))).toEqual(['item 1']);
  });

  test('replies to the peer are held back like any other message, in order', async () => {
    const { rig, session } = await opening({ onConnection: () => ({ type: 'accept' }) });
    await session.root.send(itemOf(0, 0));
    await rig.say(pingOf(7), openOf(2));
    await session.root.send(itemOf(0, 1));
    expect(await heard(rig)).toEqual([]);
    expect(await said(rig, acceptOf(1))).toEqual(['Pong 7', 'Accept 2', 'item 1']);
  });
});

describe('a query ends when we give it up', () => {
  test.each([
    ['its signal aborts', ({ controller }: { controller: AbortController }) => controller.abort()],
    ['openTimeout has passed', ({ rig }: { rig: Rig }) => rig.clock.advance(31_000)],
    ['it is closed by its id', ({ session }: { session: Session }) => session.close(1)],
  ])('when %s', async (_, giveUp) => {
    const both = await opening();
    const { rig, session } = both;
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    await giveUp(both as never);
    expect(await heard(rig)).toEqual(['item 0', 'item 1', 'item 2', 'Close 1']);
    // The Accept of 1 comes too late: it ends no query, and blocks nothing.
    rig.track('open too', session.open());
    await session.root.send(itemOf(0, 3));
    await session.root.send(itemOf(0, 4));
    expect(await said(rig, acceptOf(1))).toEqual(['Open 3', 'item 3']);
    expect(await said(rig, acceptOf(3))).toEqual(['item 4']);
  });

  test('an Open that is given up before it left never leaves, nor does its Close', async () => {
    const { rig, session } = await opening();
    await session.root.send(itemOf(0, 0));
    const controller = new AbortController();
    rig.track('open too', session.open({ signal: controller.signal }));
    await session.root.send(itemOf(0, 1));
    controller.abort();
    expect(await heard(rig)).toEqual(['item 0']);
    expect(rig.settled).toMatchObject({ 'open too': { name: 'ConnectionClosed' } });
    expect(await said(rig, acceptOf(1))).toEqual(['item 1']);
  });

  test('when pongTimeout has passed, with the session', async () => {
    const { rig, session } = await pinged();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    await rig.clock.advance(KEEPALIVE.pongTimeout);
    expect(await session.closed).toMatchObject({ cause: 'keepalive' });
    expect(await heard(rig)).toEqual(['item 0']);
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

describe('what is held back', () => {
  test('counts in outboxBytes: then send waits, and goes on in order', async () => {
    const size = 1_000;
    const { rig, session } = await opening({ limits: { outboxBytes: 3 * size } });
    for (const number of upTo(6)) rig.track(`send ${number}`, session.root.send(itemOf(0, number, size)));
    expect(await heard(rig)).toEqual(['item 0']);
    expect(Object.keys(rig.settled)).toEqual(['start', 'send 0', 'send 1', 'send 2', 'send 3']);
    expect(await said(rig, acceptOf(1))).toEqual(upTo(5).map((number) => `item ${number + 1}`));
    expect(Object.keys(rig.settled)).toHaveLength(8);
  });

  test('replies that are held back use up replyBytes, and end the session then', async () => {
    const { rig, session } = await opening({ limits: { outboxBytes: 1, replyBytes: 2_000 } });
    await session.root.send(itemOf(0, 0));
    await rig.say(...upTo(20).map(pingOf));
    expect(await session.closed).toMatchObject({ cause: 'limit', error: { limit: 'replyBytes' } });
  });

  test('that fills the outbox for stallTimeout ends the session', async () => {
    const { rig, session } = await opening({ limits: { outboxBytes: 100 } });
    for (const number of upTo(3)) rig.track(`send ${number}`, session.root.send(itemOf(0, number, 100)));
    await rig.clock.advance(10_000);
    expect(await session.closed).toMatchObject({ cause: 'limit', error: { limit: 'stallTimeout' } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('leaves when the link does not read any more, since no answer can come then', async () => {
    const { rig, session } = await opening();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    expect(await heard(rig)).toEqual(['item 0']);
    // The application reads nothing. The flood fills the root's inbox, and then the queue before the inbox.
    const flood = upTo(64).map((number) => itemOf(0, number));
    await rig.say(...flood);
    expect(await said(rig, itemOf(0, 64))).toEqual([]);
    expect(await said(rig, itemOf(0, 65, 300_000), itemOf(0, 66))).toEqual(['item 1', 'item 2']);
    await session.root.send(itemOf(0, 3));
    await session.root.send(itemOf(0, 4));
    expect(await heard(rig)).toEqual(['item 3', 'item 4']);
    // The application reads, so reading from the link goes on, and the rule holds again.
    for await (const message of session.root) if (numberOf(message as Message) === 66) break;
    await rig.say(acceptOf(1));
    rig.track('open too', session.open());
    for (const number of [5, 6]) await session.root.send(itemOf(0, number)).catch(() => {});
    expect(await heard(rig)).toEqual(['Open 3', 'item 5']);
  });

  test('leaves with an answer that waits behind a full inbox', async () => {
    const { rig, session } = await opening();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    expect(await heard(rig)).toEqual(['item 0']);
    const flood = upTo(70).map((number) => itemOf(0, number));
    expect(await said(rig, ...flood, acceptOf(1))).toEqual(['item 1', 'item 2']);
  });

  test('is lost when the link refuses it, and the session ends by that', async () => {
    const { rig, session } = await opening();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    await settle();
    rig.link.refuse();
    await rig.say(acceptOf(1));
    expect(await session.closed).toMatchObject({ cause: 'link' });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

describe('at the end of the session', () => {
  test('what is held back leaves with the answer, and the link is closed behind it', async () => {
    const { rig, session } = await pinged();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    session.shutdown();
    expect(await heard(rig)).toEqual(['item 0']);
    expect(rig.peer.hasHeardEnd).toBe(false);
    expect(await said(rig, pongOf(1))).toEqual(['item 1', 'item 2']);
    expect(rig.peer.hasHeardEnd).toBe(true);
    expect(await session.closed).toMatchObject({ cause: 'shutdown' });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('without an answer it is dropped after flushTimeout', async () => {
    const { rig, session } = await pinged();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    session.shutdown();
    await rig.clock.advance(999);
    expect(rig.peer.hasHeardEnd).toBe(false);
    await rig.clock.advance(1);
    expect(await heard(rig)).toEqual(['item 0']);
    expect(rig.peer.hasHeardEnd).toBe(true);
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('a ProtocolError stands behind what was held back', async () => {
    const { rig, session } = await pinged({ conformance: 'strict' });
    for (const number of upTo(2)) await session.root.send(itemOf(0, number));
    await rig.say(acceptOf(9));
    expect(await heard(rig)).toEqual([]);
    expect(await said(rig, pongOf(1))).toEqual(['item 1', 'ProtocolError 0']);
    expect(await session.closed).toMatchObject({ cause: 'protocol' });
    expect(rig.peer.hasHeardEnd).toBe(true);
  });
});

describe('the rule holds', () => {
  const RUST_7 = { peer: 'roam-rust-7' } as const;

  /** Counts the messages that leave behind an Open, over a byte stream or over another link. */
  async function behind(options: StartOptions, isStream = false): Promise<number> {
    const [near, far] = memoryLinkPair();
    const peer = new ScriptedPeer(far);
    peer.say(HELLO_YOURSELF);
    const session = await initiate(isStream ? Object.assign(near, { isStream }) : near, options);
    const open = session.open();
    for (const number of upTo(3)) await session.root.send(itemOf(0, number));
    await settle();
    const count = peer.take().length;
    peer.say(acceptOf(1), 'end');
    await open;
    await session.closed;
    return count - ['Hello', 'ConnectionOpen'].length;
  }

  test.each([
    ['without a preset', 3, {}, false],
    ['with the preset for Rust', 1, RUST_7, false],
    ['with that preset over a byte stream', 3, RUST_7, true],
    ['with the option alone', 1, { awaitAnswers: true }, false],
    ['with the option over a byte stream', 1, { awaitAnswers: true }, true],
    ['with the option before the preset', 3, { ...RUST_7, awaitAnswers: false }, false],
    ['with that undefined', 1, { ...RUST_7, awaitAnswers: undefined as never }, false],
  ] as const)('%s: %i', async (_, count, options, isStream) => {
    expect(await behind(options, isStream)).toBe(count);
  });

  test.each([
    [{ peer: 'roam-rust' }, "peer must be one of 'roam-rust-7', 'roam-typescript-7', 'roam-swift-7', not 'roam-rust'"],
    [{ peer: 7 }, "peer must be one of 'roam-rust-7', 'roam-typescript-7', 'roam-swift-7', not 7"],
    [{ awaitAnswers: 1 }, 'awaitAnswers must be true or false, not 1'],
  ])('InvalidArgument for %j', async (options, message) => {
    const [near] = memoryLinkPair();
    await expect(initiate(near, options as never)).rejects.toThrow(new InvalidArgument(message));
  });
});

// ---- Random traffic -----------------------------------------------------------------------------------------------

type Act = 'send' | 'open' | 'abort' | 'peer pings' | 'peer opens' | 'ping' | 'answer first' | 'answer last';

/** Plays a peer that answers on command, and an application. Their acts come one by one. */
async function play(acts: readonly Act[]): Promise<void> {
  const { rig, session } = await established({
    ...RUST,
    keepalive: { pingInterval: 10, pongTimeout: 1_000_000 },
    limits: { openTimeout: 10_000_000 },
    onConnection: ({ id }) => (id % 4 === 0 ? { type: 'accept' } : { type: 'reject' }),
  });
  const given: string[] = [];
  const all: string[] = [];
  /** Queries that the peer has got and not answered, and the number of messages that it got behind each. */
  const unanswered = new Map<string, { count: number; answer: Message }>();
  const opens = new Map<number, AbortController>();
  let items = 0;
  let lastOpen = -1;
  let theirs = 0;

  const hear = async (): Promise<void> => {
    for (const message of await rig.heard()) {
      const name = short(message);
      all.push(name);
      for (const [query, behind] of unanswered) {
        behind.count++;
        if (behind.count > 1) throw new Error(`${name} is message ${behind.count} behind ${query}`);
      }
      if (message.type === 'Ping') unanswered.set(name, { count: 0, answer: pongOf(Number(message.nonce)) });
      if (message.type === 'ConnectionOpen') {
        const { connectionId: id } = message;
        unanswered.set(name, { count: 0, answer: id % 3 === 0 ? rejectOf(id) : acceptOf(id) });
      }
    }
  };
  const answer = async (name: string | undefined): Promise<void> => {
    if (name === undefined) return;
    const { answer } = unanswered.get(name) as { answer: Message };
    unanswered.delete(name);
    opens.delete(answer.connectionId);
    rig.peer.say(answer);
    await hear();
  };

  for (const act of acts) {
    switch (act) {
      case 'send':
        given.push(`item ${items}`);
        await session.root.send(itemOf(0, items++));
        break;
      case 'open': {
        const controller = new AbortController();
        lastOpen += 2;
        opens.set(lastOpen, controller);
        given.push(`Open ${lastOpen}`);
        session.open({ signal: controller.signal }).catch(() => {});
        break;
      }
      case 'abort': {
        const [id] = [...opens.keys()].slice(-1);
        if (id === undefined) break;
        opens.get(id)?.abort();
        opens.delete(id);
        // From now on it counts as no query, although the peer gets the Close only behind messages that were held back.
        if (unanswered.delete(`Open ${id}`)) given.push(`Close ${id}`);
        else given.splice(given.indexOf(`Open ${id}`), 1);
        break;
      }
      case 'peer pings':
        given.push(`Pong ${++theirs}`);
        rig.peer.say(pingOf(theirs));
        break;
      case 'peer opens': {
        theirs++;
        given.push(theirs % 2 === 0 ? `Accept ${theirs * 2}` : `Reject ${theirs * 2}`);
        rig.peer.say(openOf(theirs * 2));
        break;
      }
      case 'ping':
        await rig.clock.advance(10);
        break;
      case 'answer first':
        await answer([...unanswered.keys()][0]);
        break;
      case 'answer last':
        await answer([...unanswered.keys()].at(-1));
    }
    await hear();
  }
  while (unanswered.size > 0) await answer([...unanswered.keys()][0]);
  expect(all.filter((name) => !name.startsWith('Ping'))).toEqual(given);
  session.shutdown();
  await hear();
  expect(await session.closed).toMatchObject({ cause: 'shutdown' });
}

test('random traffic: nothing is lost or reordered, and never is more than one message behind a query', async () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.constant<Act>('send') },
    fc.constantFrom<Act>('open', 'abort', 'peer pings', 'peer opens', 'ping', 'answer first', 'answer last'),
  );
  await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 40 }), play), { numRuns: 150 });
});

test.each([RUST, {}])(
  'frames behind the first may be as long as `limits.frame` for an acceptor with %j',
  async (options) => {
    const { rig, session } = await established({ ...options, role: 'acceptor' });
    const long: Message = {
      type: 'ChannelMessage',
      connectionId: 0,
      id: 1,
      body: { type: 'Item', item: new Uint8Array(500_000) },
    };
    await rig.say(long);
    expect(session.root.isConnected).toBe(true);
    session.shutdown();
    await session.closed;
  },
);
