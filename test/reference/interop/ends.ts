import assert from 'node:assert/strict';
import {
  Cancelled,
  type Connection,
  ConnectionClosed,
  callerOf,
  channel,
  type SessionClosedReason,
} from '../../../src/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { all, type Checks, until, within } from '../checks.js';
import { type Pair, type PairOptions, pair } from './pair.js';
import { Testbed } from './services.js';

/** Work that is under way when the end comes. Returns our promises. */
interface Work {
  readonly name: string;
  begin(pair: Pair, connection: Connection): Promise<Promise<unknown>[]>;
}

const WORKS: readonly Work[] = [
  {
    name: 'calls',
    begin: async ({ ours, play }, connection) => {
      const client = Testbed.client(connection);
      const calls = Array.from({ length: 16 }, () => client.slow(100_000n));
      void play('open-slow:8');
      await until(() => ours.slow === 8, 'calls of Rust');
      return calls;
    },
  },
  {
    name: 'channels',
    begin: async ({ play, ours }, connection) => {
      void play('sum:100000000');
      void play('generate:1000000000');
      const promises = await busy(Testbed.client(connection));
      await until(() => ours.items > 64, 'items of Rust');
      return promises;
    },
  },
  {
    name: 'opens',
    begin: async ({ session, play, ours, relay, fromRust }) => {
      void play('open:undecided');
      await until(() => ours.undecided !== undefined, 'an open of Rust');
      // Rust would answer an open at once.
      relay.hold(fromRust);
      return Array.from({ length: 8 }, () => session.open());
    },
  },
];

/** The keepalive of a session on a virtual clock. It acts only when the check advances that clock. */
const KEEPALIVE = { pingInterval: 100, pongTimeout: 500 };

/** An end of the session. */
interface End {
  readonly name: string;
  readonly hasKeepalive?: true;
  /** The causes that our session may end with. */
  readonly causes: readonly SessionClosedReason['cause'][];
  come(pair: Pair, clock: VirtualClock): Promise<void>;
}

const ENDS: readonly End[] = [
  {
    name: 'we shut down',
    causes: ['shutdown'],
    come: async ({ session, relay }) => {
      session.shutdown();
      relay.release();
    },
  },
  {
    name: 'Rust shuts down',
    hasKeepalive: true,
    causes: ['peer', 'link', 'keepalive'],
    come: async ({ rust, play, relay }, clock) => {
      void play('shutdown');
      relay.release();
      await rust.take('session ended');
      // Rust keeps its link open while one of its senders waits for credit, which it does for ever.
      await clock.advance(KEEPALIVE.pingInterval + KEEPALIVE.pongTimeout);
    },
  },
  {
    name: 'the socket is cut',
    causes: ['link', 'peer'],
    come: async ({ relay }) => relay.cut(),
  },
  {
    name: 'the process of Rust is killed',
    causes: ['link', 'peer'],
    come: async ({ rust, relay }) => {
      await rust.kill();
      relay.release();
    },
  },
];

/** Ends a session in the midst of calls, channels and opens. All of them must settle, and no resource may be left. */
export async function ends(checks: Checks, options: PairOptions): Promise<void> {
  for (const work of WORKS) {
    for (const end of ENDS) {
      await checks.check(`${end.name} in the midst of ${work.name}`, async () => {
        const clock = new VirtualClock();
        const session = end.hasKeepalive ? { keepalive: KEEPALIVE, clock } : {};
        const under = await pair({ ...options, session });
        try {
          const connection = await under.session.open();
          const promises = await work.begin(under, connection);
          const settled = Promise.allSettled(promises);
          await end.come(under, clock);
          const { cause } = await within(under.session.closed, 'the session');
          assert.ok(end.causes.includes(cause), cause);
          await allOver(under, await within(settled, 'what was under way'));
        } finally {
          await under.close();
        }
      });
    }
  }
  await checks.check('a value nested too deep for Rust ends its process, and our call', async () => {
    const under = await pair(options);
    try {
      let node: Parameters<typeof under.types.tNode>[0] = { value: 0, next: null };
      for (let depth = 1; depth < 250; depth++) node = { value: depth, next: node };
      const settled = Promise.allSettled([under.types.tNode(node)]);
      const { cause } = await within(under.session.closed, 'the session');
      assert.ok(cause === 'link' || cause === 'peer', cause);
      const results = await within(settled, 'the call');
      assert.equal(results[0]?.status, 'rejected');
      await allOver(under, results);
    } finally {
      await under.close();
    }
  });
  await closes(checks, options);
}

/** Opens channels in both directions that carry items all the time. Returns the promises of two calls and two loops. */
async function busy(client: ReturnType<typeof Testbed.client>): Promise<Promise<unknown>[]> {
  const [up, input] = channel<number>();
  const [down, output] = channel<number>();
  let sent = 0;
  let received = 0;
  const sending = async (): Promise<void> => {
    for (;;) await up.send(sent++ % 1000);
  };
  const receiving = async (): Promise<void> => {
    for await (const _ of output) received++;
  };
  const promises = [client.sum(input), client.generate(2_000_000_000, down), sending(), receiving()];
  // The promises are awaited after the end. Until then this handler prevents unhandled rejections.
  for (const promise of promises) promise.catch(() => {});
  await until(() => sent > 64 && received > 64, 'items both ways');
  return promises;
}

/** A sender that waits for credit, and a receiver that waits for an item. */
function waiting(client: ReturnType<typeof Testbed.client>): Promise<unknown>[] {
  const [up, input] = channel<number>();
  const [late, unsent] = channel<string>();
  const [down, output] = channel<string>();
  const sends = Array.from({ length: 17 }, (_, n) => up.send(n));
  const { closed } = callerOf(client).connection;
  return [
    client.sumLate(100_000n, input),
    client.transform(unsent, down),
    all(output),
    ...sends.slice(16),
    closed.then(() => late.send('too late')),
  ];
}

/** Closes a connection, by either side, in the midst of calls, channels and opens; the session goes on. */
async function closes(checks: Checks, options: PairOptions): Promise<void> {
  const under = await pair(options);
  const { session, play, ours, testbed } = under;
  try {
    for (const by of ['local', 'peer'] as const) {
      const close = async ({ id }: Pick<Connection, 'id'>): Promise<void> => {
        if (by === 'local') await session.close(id);
        else assert.deepEqual(await play(`close:${id}`), ['Ok(())']);
      };
      const whom = by === 'local' ? 'we' : 'Rust';
      await checks.check(`a connection that ${whom} close in the midst of calls and channels`, async () => {
        const connection = await session.open();
        const client = Testbed.client(connection);
        const calls = Array.from({ length: 8 }, () => client.slow(100_000n));
        // Over WebSocket, messages that arrive while a Rust peer closes a connection freeze that peer.
        const isBusy = by === 'local' || options.transport !== 'ws';
        const streams = isBusy ? await busy(client) : waiting(client);
        const settled = Promise.allSettled([...calls, ...streams]);
        await client.echo('they are under way');
        await close(connection);
        for (const result of await within(settled, 'what was under way')) {
          assert.ok(result.status === 'rejected');
          assert.ok(result.reason instanceof ConnectionClosed && result.reason.by === by, String(result.reason));
        }
        assert.equal(await testbed.echo('the session goes on'), 'the session goes on');
      });

      await checks.check(`a connection of Rust that ${whom} close in the midst of its calls`, async () => {
        const before = ours.connections.length;
        const { givenUp } = ours;
        const played = play('open-slow:8');
        await until(() => ours.slow === 8, 'calls of Rust');
        const [connection] = ours.connections.slice(before) as [Connection];
        await close(connection);
        await until(() => ours.slow === 0, 'the end of our handlers');
        assert.equal(ours.givenUp, givenUp + 8);
        assert.deepEqual((await within(played, 'the calls of Rust')).slice(1), [['Err(Cancelled)', 8]]);
      });
    }
    session.shutdown();
    await session.closed;
  } finally {
    await under.close();
  }
}

/** Checks that everything of an ended session is over: promises, connections, handlers, actors and sockets. */
async function allOver({ session, ours }: Pair, settled: readonly PromiseSettledResult<unknown>[]): Promise<void> {
  for (const result of settled) {
    // A call or an open may have been answered just before.
    if (result.status === 'fulfilled') {
      assert.notEqual((result.value as Partial<Connection> | undefined)?.isConnected, true);
    } else assert.ok(isEnd(result.reason), String(result.reason));
  }
  await until(() => ours.slow === 0, 'the end of our handlers');
  assert.equal(ours.undecided === undefined ? 0 : 1, ours.moot);
  for (const connection of [session.root, ...ours.connections]) {
    assert.equal(connection.isConnected, false);
    await connection.closed;
  }
  const { status, children } = session.actor.getSnapshot();
  assert.equal(status, 'done');
  for (const child of Object.values(children)) assert.notEqual(child?.getSnapshot().status, 'active');
}

function isEnd(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'session-closed' || code === 'connection-closed' || error instanceof Cancelled;
}
