import assert from 'node:assert/strict';
import {
  ConnectionClosed,
  ConnectionRejected,
  callerOf,
  type Metadata,
  SENSITIVE,
  Sensitive,
} from '../../../src/index.js';
import { type Checks, until } from '../checks.js';
import { channelsOf, type Expected } from './calls.js';
import type { Pair } from './pair.js';
import type { Transport } from './rust.js';
import { Testbed } from './services.js';

/** Metadata with one key, by which the Rust peer decides on an open. */
const asking = (key: string, value: bigint | string = 1n): { readonly metadata: Metadata } => ({
  metadata: [{ key, value, flags: 0n }],
});

/** Virtual connections that we open. */
export async function ourConnections(checks: Checks, { session, rust, play, testbed, ours }: Pair): Promise<void> {
  await checks.check('the peers know each other by the metadata of the root', async () => {
    const keys = session.root.peerMetadata.map(({ key }) => key);
    assert.ok(keys.includes('server') || keys.includes('token'), String(keys));
  });

  await checks.check('an open of ours is accepted, with settings and metadata', async () => {
    const connection = await session.open({ ...asking('ours', 'grüße'), maxConcurrentRequests: 5 });
    const { metadata, max } = await rust.take('open', ({ id }) => id === connection.id);
    assert.deepEqual([metadata, max], [[{ key: 'ours', value: { string: 'grüße' }, flags: 'MetadataFlags(0)' }], 5]);
    assert.deepEqual(connection.peerMetadata, [{ key: 'accepted', value: 1n, flags: 0n }]);
    assert.equal(connection.peerSettings.maxConcurrentRequests, 32);
    const client = Testbed.client(connection);
    assert.equal(await client.echo('on it'), 'on it');
    const texts = Array.from({ length: 200 }, (_, n) => `call ${n}`);
    assert.deepEqual(await Promise.all(texts.map((text) => client.echo(text))), texts);
    await connection.close({ metadata: [{ key: 'why', value: 'done', flags: 0n }] });
    await rust.take('connection ended', ({ id }) => id === connection.id);
    await assert.rejects(client.echo('late'), (error) => error instanceof ConnectionClosed && error.by === 'local');
  });

  const client = await session.open(Testbed);
  await channelsOf(checks, client, 'a virtual connection');
  callerOf(client).release();

  await checks.check('a connection that we release is closed, once its calls have settled', async () => {
    const client = await session.open(Testbed);
    const { connection } = callerOf(client);
    const call = client.slow(50n);
    callerOf(client).release();
    assert.equal(await call, 50n);
    assert.deepEqual(await connection.closed, { by: 'local', metadata: [] });
    await rust.take('connection ended', ({ id }) => id === connection.id);
  });

  await checks.check('an open that Rust rejects has the metadata of the Reject', async () => {
    const error = await session.open(asking('reject')).catch((error: unknown) => error);
    assert.ok(error instanceof ConnectionRejected);
    const entries = error.metadata.map(({ key, value, flags }) => [
      key,
      value instanceof Sensitive ? value.reveal() : value,
      flags,
    ]);
    assert.deepEqual(entries, [
      ['reason', 'no', 0n],
      ['code', 7n, SENSITIVE],
      ['raw', Uint8Array.of(1, 2, 3), 2n],
    ]);
    const empty = await session.open(asking('reject-empty')).catch((error: unknown) => error);
    assert.ok(empty instanceof ConnectionRejected && empty.metadata.length === 0);
  });

  await checks.check('a connection that Rust releases is closed', async () => {
    const connection = await session.open(asking('close-after', 50n));
    assert.deepEqual(await connection.closed, { by: 'peer', metadata: [] });
  });

  await checks.check('a connection that Rust closes ends the calls on it', async () => {
    const connection = await session.open();
    const client = Testbed.client(connection);
    const calls = Promise.allSettled([client.slow(100_000n), client.slow(100_000n)]);
    await client.echo('they are under way');
    assert.deepEqual(await play(`close:${connection.id}`), ['Ok(())']);
    for (const result of await calls) {
      assert.ok(result.status === 'rejected' && result.reason instanceof ConnectionClosed);
      assert.equal(result.reason.by, 'peer');
    }
  });

  await checks.check('Rust calls us on a connection that we open', async () => {
    const connection = await session.open(asking('call-back'));
    connection.serve(ours.handler);
    const { saw } = await rust.take('call back');
    assert.equal(saw, 'Ok("from the acceptor")');
    await connection.close();
  });

  await checks.check('Rust opens a connection to us during a call of ours', async () => {
    const saw = await testbed.openBack('theirs');
    assert.match(saw.join(), /^open \d+ (Odd|Even),Ok\("before"\),Ok\(\(\)\),connected false$/);
  });
}

/** Checks virtual connections that Rust opens. We behave like a Rust peer. */
export async function rustConnections(
  checks: Checks,
  { play, ours }: Pair,
  expected: Expected,
  transport: Transport,
): Promise<void> {
  for (const name of CONNECTION_SCENARIOS) {
    await checks.check(`Rust sees the same of us as of Rust: ${name}`, async () => {
      const before = ours.connections.length;
      assert.deepEqual(alike(await play(name)), alike(expected[name] ?? []));
      for (const connection of ours.connections.slice(before)) {
        const { by } = await connection.closed;
        assert.equal(by, 'peer', `connection ${connection.id}`);
      }
    });
  }

  await checks.check('Rust gets no metadata with a Reject, which it would read from freed memory', async () => {
    assert.deepEqual(await play('open:reject'), ['rejected, 0 entries']);
  });

  await checks.check('a connection of Rust that we close ends its calls', async () => {
    const before = ours.connections.length;
    const { slow, givenUp } = ours;
    const held = play('open-hold');
    await until(() => ours.connections.length > before && ours.slow > slow, 'a call on a connection of Rust');
    await ours.connections.at(-1)?.close();
    const [opened, isClosed] = await held;
    assert.match(String(opened), /^open /);
    assert.equal(isClosed, true);
    await until(() => ours.givenUp > givenUp, 'the end of our handler');
  });

  await checks.check('a connection of Rust that we release is closed', async () => {
    const before = ours.connections.length;
    const [opened, isClosed] = await play('open-closed:close-after');
    assert.match(String(opened), /^open /);
    assert.equal(isClosed, true);
    assert.equal(ours.connections.length, before + 1);
    assert.deepEqual(await ours.connections.at(-1)?.closed, { by: 'local', metadata: [] });
  });

  await checks.check('an open that Rust withdraws is moot for us', async () => {
    const { moot } = ours;
    const opened = play('open:undecided');
    await until(() => ours.undecided !== undefined, 'an open of Rust');
    await play(`close:${ours.undecided}`);
    await until(() => ours.moot === moot + 1, 'the end of the open');
    assert.equal((await opened).length, 1);
  });

  // Over WebSocket more than three at once freeze a Rust peer, with another Rust peer too: row 9.31 of docs/peers.md.
  const opens = transport === 'ws' ? 3 : 20;
  await checks.check(`${opens} opens of Rust at once are accepted`, async () => {
    const before = ours.connections.length;
    assert.deepEqual(await play(`open-many:${opens}`), [['open']]);
    assert.equal(ours.connections.length, before + opens);
  });
}

/** Scenarios about virtual connections. */
export const CONNECTION_SCENARIOS = [
  'open:theirs',
  'open:reject-empty',
  'open-release',
  'open-even',
  'open-close',
] as const;

/**
 * Removes the parts that differ from run to run: a connection's number, and whether a call on a connection that Rust has
 * closed itself is given up by Rust, or never ends.
 */
function alike(saw: readonly unknown[]): unknown[] {
  return saw.map((text) =>
    String(text)
      .replace(/^open \d+ (Odd|Even)$/, 'open')
      .replace('Ok(Err(Cancelled))', 'Err(Elapsed(()))'),
  );
}
