/** The goals of a world of two peers: states that delivery, or time, must reach. */
import type { Goal } from './liveness.js';
import type { Facts } from './side.js';
import type { World } from './world.js';

export type GoalName =
  | 'handshake-ends'
  | 'opens-settle'
  | 'closes-known'
  | 'end-spreads'
  | 'ends-cleanly'
  | 'no-deadlock'
  | 'death-noticed';

/** For each goal, whether delivery alone must reach it, or time may help. */
export type GoalOptions = Partial<Record<GoalName, Goal['by']>>;

export function goalsOf(world: World, options: GoalOptions): Goal[] {
  const both = (
    isGood: (left: Facts, right: Facts, isQuiet: boolean, hasVanished: boolean) => boolean,
  ): Goal['isGood'] => {
    const [left, right] = world.sides;
    const isHolding = (words: Int32Array, at: number) =>
      [left, right].some(({ facts }, side) => facts[words[at + side] as number]?.holds);
    return (words, at) =>
      isGood(
        left.facts[words[at] as number] as Facts,
        right.facts[words[at + 1] as number] as Facts,
        words[at + 2] === 0 && words[at + 3] === 0 && !isHolding(words, at),
        world.hasVanished(words, at),
      );
  };
  const each = (isGood: (facts: Facts) => boolean) => both((left, right) => isGood(left) && isGood(right));
  const goals: Record<GoalName, Goal['isGood']> = {
    'handshake-ends': each(({ isEstablished, isOver }) => isEstablished || isOver),
    'opens-settle': each(({ isWaiting }) => !isWaiting),
    'closes-known': both((left, right) => left.isOver || right.isOver || left.table?.ids === right.table?.ids),
    'end-spreads': both((left, right) => left.isOver === right.isOver),
    'ends-cleanly': each(({ isOver, isGone }) => isGone || !isOver),
    'no-deadlock': both(({ isGone: one }, { isGone: other }, isQuiet) => isQuiet || (one && other)),
    'death-noticed': both((left, right, _, hasVanished) => !hasVanished || (left.isGone && right.isGone)),
  };
  return (Object.keys(options) as GoalName[]).map((property) => ({
    property,
    by: options[property] ?? 'time',
    isGood: goals[property],
  }));
}
