import { type AnyStateMachine, createActor, type EventObject } from 'xstate';
import { Stepper, tableOf } from '../../src/compile/stepper.js';

// Compares a machine on XState with the same machine on the stepper: the same events from outside, and the same events sent
// from within effects.

/** The observable result of a run, after its start and after each event. */
export interface Glimpse {
  readonly effects: readonly unknown[];
  readonly status: string;
  readonly value?: unknown;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
}

/** A machine and its inputs. */
export interface Run {
  readonly machine: AnyStateMachine;
  readonly input: object;
  /** The names of the port's effects. */
  readonly effects: readonly string[];
  readonly events: readonly EventObject[];
  /** The reactions of effects, in turn: the event that the effect sends before it returns, or undefined. */
  readonly reactions: readonly (EventObject | undefined)[];
}

/** An effect that is called with this value throws. */
export const FAILURE = { fails: true };

interface Running {
  start(): void;
  send(event: EventObject): void;
  readonly seen: { status: string; value: unknown; context: object; output: unknown };
}

export function onActor(run: Run): readonly Glimpse[] {
  return glimpses(run, (input) => {
    const actor = createActor(run.machine, { input });
    // With an observer, XState does not report the effect's error elsewhere. The snapshot has the error.
    actor.subscribe({ error: () => {} });
    return {
      start: () => actor.start(),
      // XState warns of each event that is sent to an actor that is over.
      send: (event) => {
        if (actor.getSnapshot().status === 'active') actor.send(event);
      },
      get seen() {
        return actor.getSnapshot();
      },
    };
  });
}

export function onStepper(run: Run): readonly Glimpse[] {
  const table = tableOf(run.machine);
  return glimpses(run, (input) => {
    const stepper = new Stepper(table, input);
    return { start: () => stepper.start(), send: (event) => stepper.send(event), seen: stepper };
  });
}

function glimpses({ input, effects, events, reactions }: Run, begin: (input: object) => Running): readonly Glimpse[] {
  const log: unknown[] = [];
  const left = [...reactions];
  const effect = (name: string) => (what?: unknown) => {
    log.push([name, what]);
    if (what === FAILURE) throw new Error('the effect fails');
    const reaction = left.shift();
    if (reaction !== undefined) running.send(reaction);
  };
  const port = Object.fromEntries(effects.map((name) => [name, effect(name)]));
  const running = begin({ ...input, port });
  const glimpse = (step: () => void): Glimpse => {
    try {
      step();
    } catch {
      // An effect threw: the stepper passes the error on to the caller.
    }
    const { status, value, context, output } = running.seen;
    const facts = { effects: log.splice(0), status };
    // If the machine broke down, only this fact counts.
    if (status === 'error') return facts;
    const { port: _, ...rest } = { ...context } as Record<string, unknown>;
    return { ...facts, value, context: rest, output };
  };
  return [glimpse(() => running.start()), ...events.map((event) => glimpse(() => running.send(event)))];
}
