import { type AnyStateMachine, createActor, type EventObject } from 'xstate';
import { Stepper } from '../../src/compile/stepper.js';
import { compile } from '../../src/compile/structure.js';

// The same machine on XState and on the stepper: the same events, and the same answers from within effects.

/** What a run shows from outside, after its start and after each event. */
export interface Glimpse {
  readonly effects: readonly unknown[];
  readonly status: string;
  readonly value?: unknown;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
}

/** A machine, and what is done to it. */
export interface Run {
  readonly machine: AnyStateMachine;
  readonly input: object;
  /** The names of the effects that its port has. */
  readonly effects: readonly string[];
  readonly events: readonly EventObject[];
  /** By turns: the event that an effect sends before it returns, if it is one. */
  readonly reactions: readonly (EventObject | undefined)[];
}

/** An effect that this was given to fails. */
export const FAILURE = { fails: true };

interface Running {
  start(): void;
  send(event: EventObject): void;
  readonly seen: { status: string; value: unknown; context: object; output: unknown };
}

export function onActor(run: Run): readonly Glimpse[] {
  return glimpses(run, (input) => {
    const actor = createActor(run.machine, { input });
    // Observed: what an effect throws is found in the snapshot.
    actor.subscribe({ error: () => {} });
    return {
      start: () => actor.start(),
      // Of what is sent to an actor that is over, XState warns each time.
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
  const table = compile(run.machine);
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
      // Thrown by an effect: the stepper has no observer to tell.
    }
    const { status, value, context, output } = running.seen;
    const facts = { effects: log.splice(0), status };
    // Of a machine that broke down only that counts.
    if (status === 'error') return facts;
    const { port: _, ...rest } = { ...context } as Record<string, unknown>;
    return { ...facts, value, context: rest, output };
  };
  return [glimpse(() => running.start()), ...events.map((event) => glimpse(() => running.send(event)))];
}
