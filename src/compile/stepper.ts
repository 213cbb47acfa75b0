import type { AnyEventObject, AnyStateMachine, ContextFrom, EventFrom, InputFrom } from 'xstate';
import { type Action, Args, type State, type Table } from './structure.js';

/** An inspector that is told every step. */
export interface StepObserver {
  stepped(stepper: Stepper<AnyStateMachine>, event: AnyEventObject): void;
}

/** The event of a start, as observers see it. The input is left out: it holds the port, which observers must not see. */
const INIT = { type: 'xstate.init' } as const;

/**
 * One instance of a compiled machine. Its steps are XState's own; `send` returns when all effects of the event are done. As
 * with an actor, an error of a guard or an effect ends the instance; `start` or `send` throws it.
 */
export class Stepper<Machine extends AnyStateMachine> {
  readonly table: Table<Machine>;
  /** Its index in the session's list of steppers that inspectors are shown; undefined if it is not in the list. */
  place: number | undefined;
  readonly #observer: StepObserver | undefined;
  readonly #input: InputFrom<Machine>;
  readonly #context: object;
  #state: State;
  #hasFailed = false;
  /** True until it is started, too: events sent before the start come after it. */
  #isBusy = true;
  /** Events sent from within an effect. They wait for the end of the step, as in an actor's mailbox. */
  #waiting: AnyEventObject[] | undefined;

  constructor(table: Table<Machine>, input: InputFrom<Machine>, observer?: StepObserver) {
    this.table = table;
    this.#observer = observer;
    this.#input = input;
    this.#state = table.initial;
    const context = table.contextOf(input) as object;
    this.#context = table.assigns ? { ...context } : context;
  }

  /** The state. Within an effect it is still the state before the step. */
  get value(): string {
    return this.#state.value;
  }

  /** The machine's own context. Later steps update it in place. */
  get context(): ContextFrom<Machine> {
    return this.#context as ContextFrom<Machine>;
  }

  get status(): 'active' | 'done' | 'error' {
    if (this.#hasFailed) return 'error';
    return this.#state.isFinal ? 'done' : 'active';
  }

  /** True if the machine takes no more events. */
  get isDone(): boolean {
    return this.#state.isFinal || this.#hasFailed;
  }

  get output(): unknown {
    if (this.status !== 'done') return undefined;
    const event = { type: `xstate.done.state.${this.#state.id}`, output: undefined };
    return this.table.outputOf?.(new Args(this.#context, event));
  }

  /** Enters the initial state; once. */
  start(): void {
    const { entry } = this.table;
    try {
      // No spread of a constant: V8 puts such an object into old memory at once, and all that it holds lives for long.
      const init = { type: INIT.type, input: this.#input as unknown };
      if (entry.length > 0) this.#run(entry, new Args(this.#context, init));
      this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, INIT);
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  send(event: EventFrom<Machine>): void {
    if (this.#isBusy) {
      if (this.isDone) return;
      this.#waiting ??= [];
      this.#waiting.push(event as AnyEventObject);
      return;
    }
    this.#isBusy = true;
    try {
      this.#step(event as AnyEventObject);
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Makes the steps for the events that were sent during the last step. */
  #settle(): void {
    if (this.#waiting !== undefined) {
      for (const event of this.#waiting) this.#step(event);
      this.#waiting = undefined;
    }
    this.#isBusy = false;
  }

  #fail(error: unknown): never {
    this.#hasFailed = true;
    this.#waiting = undefined;
    throw error;
  }

  #step(event: AnyEventObject): void {
    const state = this.#state;
    const branches = state.isFinal ? undefined : state.on.get(event.type);
    if (branches !== undefined) {
      const args = new Args(this.#context, event);
      for (const { guard, target, actions } of branches) {
        if (guard !== undefined && !guard.check(args, guard.params === undefined ? guard.fixed : guard.params(args))) {
          continue;
        }
        this.#run(actions, args);
        if (target !== undefined) this.#state = target;
        break;
      }
    }
    this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, event);
  }

  #run(actions: readonly Action[], args: Args): void {
    for (const { run, params, fixed, isAssign } of actions) {
      const result = run(args, params === undefined ? fixed : params(args));
      // In place: this costs a tenth of a copy.
      if (isAssign) Object.assign(this.#context, result);
    }
  }
}
