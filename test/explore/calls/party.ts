/** One of two parties on a link: its state, its possible inputs, and their effects. All of it is plain data. */
import type { Conformance } from '../../../machines/events.js';
import type { Call, Cancel, Close, GrantCredit, Item, Reset, Response } from '../../../src/wire/message.js';
import { type Event, type Local, Opaque } from '../local.js';
import type { Property } from './properties.js';

/** A message on a connection, about the request or the channel `id`. */
export interface Said {
  readonly id: number;
  readonly body: Call | Response | Cancel | Item | Close | Reset | GrantCredit | { readonly type: 'End' };
}

/** The end of the connection, after all earlier messages. */
export const END: Said = { id: 0, body: { type: 'End' } };

/** An input of a party: a message comes, the connection ends, or its own user or handler acts. */
export type Input =
  | { readonly type: 'message'; readonly message: Said }
  | { readonly type: 'ended' }
  | { readonly type: string; readonly of?: number };

/** An input that a party may make itself. Its kind is OPTIONAL or DELIVERY: the latter has to happen. */
export interface Choice {
  readonly kind: number;
  readonly input: Input;
}

export interface Made<State> {
  readonly state: State;
  readonly sent: readonly Said[];
  readonly finding?: { readonly property: Property; readonly text: string } | undefined;
}

export interface Party<State extends PartyState = never> {
  readonly name: string;
  readonly options: { readonly conformance: Conformance };
  start(): Made<State>;
  choices(state: State): readonly Choice[];
  step(state: State, input: Input): Made<State>;
  /** Returns the messages that an adversary may send to it. Empty without an adversary. */
  hears(state: State): readonly Said[];
  /** Returns true if the peer was accused in this step. */
  isAccused(input: Input, before: State, after: State): boolean;
  /** Returns for each liveness property whether the state is good. */
  goals(state: State): Partial<Record<Property, boolean>>;
}

export interface PartyState {
  /** True if this party knows the connection as closed. */
  readonly isOver: boolean;
}

/** The opaque constant for the context's port: effects come as data. */
export const PORT = new Opaque('port');

/** Watches one step: the sent messages, and the first finding. */
export class Watch {
  readonly sent: Said[] = [];
  finding: Made<never>['finding'];

  wrong(property: Property, text: string): void {
    this.finding ??= { property, text };
  }
}

/** Handles an effect. `send` keeps an event until after the step, as if sent within an effect. */
export type Effects = (name: string, params: never, send: (event: Event) => void, state: number) => void;

/** Runs one event of a machine, and then the events that its effects send to it. */
export function play(local: Local, state: number, event: Event, effects: Effects): number {
  const mailbox = [event];
  let now = state;
  for (const next of mailbox) {
    const { state: then, actions } = local.step(now, next);
    now = then;
    for (const action of actions) {
      if (action.kind !== 'effect') throw new Error(`${local.name} does more than effects: ${action.kind}`);
      effects(action.name, action.params as never, (sent) => mailbox.push(sent), now);
    }
  }
  return now;
}

/** Runs one event of a machine whose effects only say what is to be done. Returns its new state, and the effects' names. */
export function ask(local: Local, state: number, event: Event): { readonly state: number; readonly said: string[] } {
  const said: string[] = [];
  return { state: play(local, state, event, (name) => said.push(name)), said };
}

export function isDone(local: Local, state: number): boolean {
  return local.snapshot(state).status === 'done';
}
