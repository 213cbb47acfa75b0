import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { preamble, type Scenario, scenarios } from '../../spec/rows/table.js';
import { before, compare } from '../support/comparison.js';
import { sensitiveEquality } from '../support/messages.js';
import { Player } from '../support/player.js';
import { settle, timersAlive } from '../support/settle.js';

// Plays the oracle on the public interface: every case, in each of its modes, and mirrored. Jest fails the running test on
// an unhandled rejection.

expect.addEqualityTesters([sensitiveEquality]);

let timersBefore = 0;
beforeAll(() => {
  timersBefore = timersAlive();
});
afterAll(() => {
  expect(timersAlive()).toBeLessThanOrEqual(timersBefore);
});

/** Plays every step, and compares everything visible after each one. */
async function play(scenario: Scenario): Promise<Player> {
  const { given = {}, steps } = scenario.case;
  const player = new Player(given, scenario.mode);
  const all = [...preamble(given), ...steps];
  for (const [index, step] of all.entries()) {
    const was = before(player);
    const { got, want } = compare(player, step, was, await player.act(step));
    const where = `step ${String(index + 1)} of ${String(all.length)}`;
    expect({ where, ...got }).toEqual({ where, ...want });
  }
  return player;
}

/** Ends the session that a case has left running. */
async function end(player: Player): Promise<void> {
  player.link.take();
  player.session?.shutdown();
  if (player.session === undefined) player.peer.say('end');
  await settle();
}

describe('every case of the table', () => {
  const named = scenarios().map((scenario): [string, Scenario] => [
    `${scenario.row.row} ${scenario.case.name} [${scenario.mode}]`,
    scenario,
  ]);

  test.each(named)('%s', async (_, scenario) => {
    const player = await play(scenario);
    await end(player);
    // No resource may be left, however the case ended: no timer, promise, open connection or link.
    const late = await Promise.all(player.recorder.connections.map(({ connection }) => connection.closed));
    expect({
      timers: player.clock.size,
      pending: [...player.recorder.pending],
      isLinkClosed: player.link.isClosed,
      late,
    }).toEqual({
      timers: 0,
      pending: [],
      isLinkClosed: player.link.isStarted,
      late: player.recorder.connections.map(({ closed }) => closed),
    });
  });
});
