import assert from 'node:assert/strict';
import { ConnectionClosed, KeepaliveError } from '../../../src/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { type Checks, PATIENCE, within } from '../checks.js';
import { type PairOptions, pair } from './pair.js';

/** The time that Rust calls us, in milliseconds: many times the interval of Pings. */
const TALK = 500;

/** The least number of Pings beside the calls. A busy machine may take longer than `TALK` for them. */
const PINGS = 4;

/** Keepalives of either side, beside calls, and with a peer that has gone silent. */
export async function keepalives(checks: Checks, options: PairOptions): Promise<void> {
  await checks.check('our keepalive goes on beside calls both ways', async () => {
    const keepalive = { pingInterval: 25, pongTimeout: PATIENCE };
    const { session, testbed, traffic, play, close } = await pair({ ...options, session: { keepalive } });
    try {
      const steady = play(`steady:${TALK}`);
      const end = performance.now() + TALK;
      const pings = (): number => traffic.sent.get('Ping') ?? 0;
      while (performance.now() < end || pings() < PINGS) {
        await Promise.all(Array.from({ length: 64 }, () => testbed.echo('x')));
      }
      assert.deepEqual(await steady, ['Ok(true)']);
      assert.ok((traffic.received.get('Pong') ?? 0) >= pings() - 1);
      session.shutdown();
      await session.closed;
    } finally {
      await close();
    }
  });

  await checks.check('our keepalive ends the session with a peer that has gone silent', async () => {
    const clock = new VirtualClock();
    const keepalive = { pingInterval: 50, pongTimeout: 200 };
    const { session, testbed, rust, close } = await pair({ ...options, session: { keepalive, clock } });
    try {
      const rejected = assert.rejects(testbed.slow(100_000n), ConnectionClosed);
      rust.freeze();
      await clock.advance(keepalive.pingInterval + keepalive.pongTimeout);
      await within(rejected, 'the call');
      const { cause, error } = await session.closed;
      assert.ok(cause === 'keepalive' && error instanceof KeepaliveError);
    } finally {
      await close();
    }
  });

  await checks.check('we answer the keepalive of Rust beside calls both ways', async () => {
    // Two messages in flight, of a few KiB. With more, a Rust peer with a keepalive fails, even against another Rust peer.
    const { session, testbed, traffic, play, close } = await pair({
      ...options,
      rust: ['--keepalive', `25,${PATIENCE}`],
    });
    try {
      const steady = play(`steady:${TALK}`);
      const end = performance.now() + TALK;
      const pings = (): number => traffic.received.get('Ping') ?? 0;
      while (performance.now() < end || pings() < PINGS) await testbed.echo('x'.repeat(2000));
      assert.deepEqual(await steady, ['Ok(true)']);
      assert.equal(traffic.sent.get('Pong'), pings());
      session.shutdown();
      await session.closed;
    } finally {
      await close();
    }
  });

  await checks.check('the keepalive of Rust ends the session when nothing reaches it', async () => {
    const { session, rust, relay, close } = await pair({ ...options, rust: ['--keepalive', '50,200'] });
    try {
      relay.hold();
      await rust.take('session ended');
      relay.close();
      assert.ok(['peer', 'link'].includes((await within(session.closed, 'the session')).cause));
    } finally {
      await close();
    }
  });
}
