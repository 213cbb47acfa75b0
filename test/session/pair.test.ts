import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { item } from '../../spec/rows/messages.js';
import {
  type Acceptance,
  accept,
  type Connection,
  type DataMessage,
  initiate,
  type OnConnection,
  type Parity,
  type Session,
  type StartOptions,
} from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { SessionRuntime } from '../../src/session/runtime.js';
import { VirtualClock } from '../support/clock.js';
import { settle } from '../support/settle.js';

// Two real sessions, one at each end of a link. Both are strict, so each accuses the other one of every mistake.

let clocks: VirtualClock[];
let sessions: Session[];

/** An initiator and its acceptor. */
async function pair(initiator: StartOptions = {}, acceptor: StartOptions = {}): Promise<[Session, Session]> {
  const options = { conformance: 'strict', onReport: fail } as const;
  const [near, far] = memoryLinkPair();
  const [left, right] = await Promise.all([
    initiate(near, { ...options, clock: clock(), ...initiator }),
    accept(far, { ...options, clock: clock(), ...acceptor }),
  ]);
  sessions = [left, right];
  return [left, right];
}

function clock(): VirtualClock {
  const made = new VirtualClock();
  clocks.push(made);
  return made;
}

function fail(report: { readonly message: string }): void {
  throw new Error(report.message);
}

/** Accepts everything, and keeps the handles. */
function accepting(connections: Connection[]): OnConnection {
  return (): Acceptance => ({ type: 'accept', setup: (connection) => connections.push(connection) });
}

beforeEach(() => {
  clocks = [];
});

afterEach(async () => {
  const [left, right] = sessions as [Session, Session];
  left.shutdown();
  expect(await left.closed).toEqual({ cause: 'shutdown', by: 'local' });
  expect(await right.closed).toEqual({ cause: 'peer', by: 'peer' });
  expect(clocks.map(({ size }) => size)).toEqual([0, 0]);
});

// r[session.parity] r[session.symmetry]
describe.each<Parity>(['odd', 'even'])('with an %s initiator', (parity) => {
  test('both sides open at once, and each gets ids of its own', async () => {
    const accepted: [Connection[], Connection[]] = [[], []];
    const [left, right] = await pair(
      { parity, onConnection: accepting(accepted[0]) },
      { onConnection: accepting(accepted[1]) },
    );
    const COUNT = 50;
    const open = async (session: Session) => Promise.all(Array.from({ length: COUNT }, async () => session.open()));
    const [byLeft, byRight] = await Promise.all([open(left), open(right)]);
    const ids = (first: number) => Array.from({ length: COUNT }, (_, index) => first + 2 * index);
    expect(byLeft.map(({ id }) => id)).toEqual(ids(parity === 'odd' ? 1 : 2));
    expect(byRight.map(({ id }) => id)).toEqual(ids(parity === 'odd' ? 2 : 1));
    // Each end of a connection states the facts that the other end states of its peer.
    for (const [ours, theirs] of [
      [left.root, right.root],
      ...byLeft.map((connection, index) => [connection, accepted[1][index]]),
      ...byRight.map((connection, index) => [connection, accepted[0][index]]),
    ]) {
      expect(ours).toMatchObject({ id: theirs?.id, localSettings: theirs?.peerSettings });
      expect(ours).toMatchObject({ peerSettings: theirs?.localSettings });
      expect(ours?.parity).not.toBe(theirs?.parity);
    }
    // A message that is sent on one end arrives at the other one.
    await Promise.all(byLeft.map(async (connection) => connection.send(item(connection.id, connection.id))));
    const heard = await Promise.all(accepted[1].map(async (connection) => next(connection)));
    expect(heard).toEqual(byLeft.map(({ id }) => item(id, id)));
  });

  // r[connection.close]
  test('closes that cross are closes by both, and the session goes on', async () => {
    const accepted: Connection[] = [];
    const [left, right] = await pair({ parity }, { onConnection: accepting(accepted) });
    const ours = await left.open();
    const theirs = accepted[0] as Connection;
    await Promise.all([ours.close(), theirs.close()]);
    expect(await Promise.all([ours.closed, theirs.closed])).toEqual([
      { by: 'local', metadata: [] },
      { by: 'local', metadata: [] },
    ]);
    await settle();
    expect([left.connection(ours.id), right.connection(ours.id)]).toEqual([undefined, undefined]);
    expect((await left.open()).id).toBe(ours.id + 2);
  });

  test('a message that crosses a close is dropped, and no violation', async () => {
    const accepted: Connection[] = [];
    const [left] = await pair({ parity }, { onConnection: accepting(accepted) });
    const ours = await left.open();
    const theirs = accepted[0] as Connection;
    const [, sent] = await Promise.all([ours.close(), theirs.send(item(0, 2))]);
    expect(sent).toBeUndefined();
    expect(await theirs.closed).toEqual({ by: 'peer', metadata: [] });
    expect((await left.open()).isConnected).toBe(true);
  });

  // r[connection.close]
  test('a close while the open is pending withdraws the question, and the answer counts for nothing', async () => {
    let answer: (acceptance: Acceptance) => void = () => {};
    let signal: AbortSignal | undefined;
    const setUp: Connection[] = [];
    const [left, right] = await pair(
      { parity },
      {
        onConnection: (request) => {
          ({ signal } = request);
          return new Promise((resolve) => {
            answer = resolve;
          });
        },
      },
    );
    const opening = left.open();
    opening.catch(() => {});
    await settle();
    const id = parity === 'odd' ? 1 : 2;
    await left.close(id);
    await expect(opening).rejects.toMatchObject({ code: 'connection-closed', by: 'local' });
    await settle();
    expect(signal?.reason).toMatchObject({ code: 'connection-closed', by: 'peer' });
    answer({ type: 'accept', setup: (connection) => setUp.push(connection) });
    await settle();
    expect([setUp, left.connection(id), right.connection(id)]).toEqual([[], undefined, undefined]);
  });

  test('a close that crosses the Accept closes what was accepted', async () => {
    const accepted: Connection[] = [];
    const [left, right] = await pair({ parity }, { onConnection: accepting(accepted) });
    const opening = left.open();
    const id = parity === 'odd' ? 1 : 2;
    const closing = left.close(id);
    await expect(opening).rejects.toMatchObject({ code: 'connection-closed', by: 'local' });
    await expect(closing).resolves.toBeUndefined();
    await settle();
    expect(accepted.map((connection) => [connection.id, connection.isConnected])).toEqual([[id, false]]);
    expect(right.connection(id)).toBeUndefined();
  });
});

// r[session]
// r[connection]
describe('ten thousand opens and closes', () => {
  /** Bytes: 50 for each connection. The least that XState itself keeps for a child of a machine is 320. */
  const LEAK = 500_000;

  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  /** Returns the bytes in use after garbage collection. */
  async function heap(): Promise<number> {
    await settle();
    collect();
    // The callbacks of the garbage collector run, and their own objects can be collected then.
    await settle();
    collect();
    return process.memoryUsage().heapUsed;
  }

  /** Returns the state of a session, as an inspector sees it. */
  function held(session: Session): unknown {
    const { live, pending, undecided, port } = session.actor.getSnapshot().context;
    const connections = [...(port as SessionRuntime).actors.all()].map(({ id }) => id);
    return JSON.parse(JSON.stringify({ live, pending, undecided, connections }));
  }

  /** Opens and closes in rounds of a hundred, both sides closing in turn; with a message on each connection. */
  async function openAndClose(left: Session, accepted: Connection[], count: number): Promise<void> {
    for (let round = 0; round < count / 100; round++) {
      const opened = await Promise.all(Array.from({ length: 100 }, async () => left.open()));
      await Promise.all(opened.map(async (connection) => connection.send(item(connection.id, 1))));
      const closing = round % 2 === 0 ? opened : accepted;
      await Promise.all(closing.map(async (connection) => connection.close()));
      await Promise.all([...opened, ...accepted].map(async ({ closed }) => closed));
      accepted.length = 0;
    }
  }

  test('leave nothing behind', async () => {
    const accepted: Connection[] = [];
    const [left, right] = await pair({}, { onConnection: accepting(accepted) });
    const EMPTY = { live: [], pending: 0, undecided: 0, connections: ['0'] };
    await openAndClose(left, accepted, 1_000);
    let opens = 1_000;
    let grown = Number.POSITIVE_INFINITY;
    // Notes of the test runner may fall into one round. A leak shows in every round.
    for (let round = 0; round < 3 && grown >= LEAK; round++) {
      const before = await heap();
      await openAndClose(left, accepted, 10_000);
      grown = (await heap()) - before;
      opens += 10_000;
    }
    expect(grown).toBeLessThan(LEAK);
    for (const session of [left, right]) expect(held(session)).toMatchObject(EMPTY);
    await settle();
    expect(clocks.map(({ size }) => size)).toEqual([0, 0]);
    expect((await left.open()).id).toBe(2 * opens + 1);
    // It takes five seconds on a quiet machine: half a millisecond for each life of a connection at both ends. A busy
    // machine takes several times that.
  }, 120_000);
});

async function next(connection: Connection): Promise<DataMessage | undefined> {
  const { value } = await connection[Symbol.asyncIterator]().next();
  return value;
}
