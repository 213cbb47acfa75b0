import assert from 'node:assert/strict';
import { deferred } from '../../../src/base/promise.js';
import { type Checks, PATIENCE, until, within } from '../checks.js';
import { type PairOptions, pair } from './pair.js';

/** Drains our side. The Rust peer gets no notice, its call at work is answered, and a later one runs in no handler. */
export async function drains(checks: Checks, options: PairOptions): Promise<void> {
  await checks.check('a drain answers the call at work of Rust, and tells Rust nothing', async () => {
    const under = await pair({ ...options, session: { notices: true } });
    try {
      const { session, play, traffic, ours } = under;
      // Among two Rust peers the scenario shows the same.
      const usual = await play('slow:20');
      const { promise, resolve } = deferred<void>();
      ours.held = promise;
      const atWork = play('slow:20');
      await until(() => session.hasWork, 'a call at work');
      const opens = traffic.sent.get('ConnectionOpen');
      const drained = session.drain({ timeout: 2 * PATIENCE });
      assert.match(JSON.stringify(await play('echo:late')), /cancelled/i);
      // Only now: the drain is over with the call at work.
      resolve();
      assert.deepEqual(await atWork, usual);
      const { answered, refused, cancelled, channels } = await within(drained, 'the drain');
      assert.deepEqual({ answered, cancelled, channels }, { answered: 1, cancelled: 0, channels: 0 });
      assert.equal(refused, 1);
      assert.equal(traffic.sent.get('ConnectionOpen'), opens);
    } finally {
      await under.close();
    }
  });
}
