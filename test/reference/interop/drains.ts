import assert from 'node:assert/strict';
import { type Checks, until, within } from './checks.js';
import { type PairOptions, pair } from './pair.js';

/** Drains our side. The Rust peer gets no notice, its call at work is answered, and a later one runs in no handler. */
export async function drains(checks: Checks, options: PairOptions): Promise<void> {
  await checks.check('a drain answers the call at work of Rust, and tells Rust nothing', async () => {
    const under = await pair({ ...options, session: { notices: true } });
    try {
      const { session, play, traffic } = under;
      // Among two Rust peers the scenario shows the same.
      const usual = await within(play('slow:20'), 5_000, 'a call');
      const atWork = play('slow:20');
      await until(() => session.hasWork, 5_000, 'a call at work');
      const drained = session.drain({ timeout: 5_000 });
      const late = play('echo:late');
      assert.deepEqual(await within(atWork, 5_000, 'the call at work'), usual);
      assert.match(JSON.stringify(await within(late, 5_000, 'the call that comes late')), /cancelled/i);
      const { answered, refused, cancelled, channels } = await within(drained, 10_000, 'the drain');
      assert.deepEqual({ answered, cancelled, channels }, { answered: 1, cancelled: 0, channels: 0 });
      assert.ok(refused >= 1, `${refused} refused`);
      assert.equal(traffic.sent.get('ConnectionOpen'), undefined);
    } finally {
      await under.close();
    }
  });
}
