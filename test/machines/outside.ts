import { expect } from '@jest/globals';
import type { AnyStateMachine, EventObject } from 'xstate';
import { Whole } from '../../spec/parts/whole.js';
import type * as Spec from '../../spec/rows/vocabulary.js';
import type { Path } from '../../src/testing/index.js';
import { before, compare } from '../support/comparison.js';
import { Player } from '../support/player.js';
import { settle } from '../support/settle.js';
import { type Actions, Projection } from './project.js';

/** A step of a path with its context. */
export interface Moment {
  readonly event: EventObject;
  /** The name of the state that it starts from. */
  readonly from: string;
  readonly next: EventObject | undefined;
}

/** The way in which a machine's paths are walked from outside, on a public Session. */
export interface Outside {
  readonly given: Spec.Given;
  /** Steps that lead to the machine's start: actions, or events that are turned into actions like those of paths. */
  readonly before: readonly (Spec.Action | EventObject)[];
  /** Returns the actions that cause an event. By default those of {@link Projection}. */
  readonly actions?: (moment: Moment) => Actions | 'as ever';
}

/** Turns a path into a scenario of the table's kind. Returns undefined if the path cannot be caused from outside. */
export function scenarioOf(
  { given, before, actions }: Outside,
  mode: Spec.Mode,
  path: Path<AnyStateMachine>,
): readonly Spec.Step[] | undefined {
  const whole = new Whole(given, mode);
  const projection = new Projection(whole, given.parity);
  const steps: Spec.Step[] = [];
  const act = (action: Spec.Action): void => {
    steps.push({ ...action, ...whole.act(action) });
  };
  for (const one of before) for (const action of 'type' in one ? (projection.of(one) ?? []) : [one]) act(action);
  for (const [index, { event }] of path.steps.entries()) {
    const from = String((path.steps[index - 1]?.snapshot ?? path.start).value);
    const next = path.steps[index + 1]?.event;
    const special = actions === undefined ? 'as ever' : actions({ event, from, next });
    const causes = special === 'as ever' ? projection.of(event) : special;
    if (causes === undefined) return undefined;
    // The link takes everything, so an end that begins is over at once.
    if (causes.length > 0 && whole.phase === 'ended') return undefined;
    for (const action of causes) act(action);
  }
  return steps;
}

/** Plays a scenario on a public Session, and compares after each step all that there is to see. */
export async function playOutside(given: Spec.Given, mode: Spec.Mode, steps: readonly Spec.Step[]): Promise<void> {
  const player = new Player(given, mode);
  for (const [index, step] of steps.entries()) {
    const was = before(player);
    const { got, want } = compare(player, step, was, await player.act(step));
    const where = `step ${String(index + 1)} of ${String(steps.length)}`;
    expect({ where, ...got }).toEqual({ where, ...want });
  }
  player.session?.shutdown();
  if (player.session === undefined) player.peer.say('end');
  await settle();
  expect({ timers: player.clock.size, pending: [...player.recorder.pending] }).toEqual({ timers: 0, pending: [] });
}
