/** One of two who speak over a link: what it is, what may happen to it, and what comes of it. All of it is plain data. */
import type { Conformance } from '../../machines/events.js';
import type { Call, Cancel, Close, GrantCredit, Item, Reset, Response } from '../../src/wire/message.js';
import { type Event, type Local, Opaque } from '../local.js';
import type { Property } from './properties.js';

/** A message on a connection, about the request or the channel `id`. */
export interface Said {
  readonly id: number;
  readonly body: Call | Response | Cancel | Item | Close | Reset | GrantCredit | { readonly type: 'End' };
}

/** The connection is closed, after all that was said before. */
export const END: Said = { id: 0, body: { type: 'End' } };

/** What happens to a party: a message comes, the connection ends, or somebody of its own does something. */
export type Input =
  | { readonly type: 'message'; readonly message: Said }
  | { readonly type: 'ended' }
  | { readonly type: string; readonly of?: number };

/** What may happen to a party by itself, and whether it has to: OPTIONAL or DELIVERY. */
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
  /** What an adversary may say to it; nothing where there is none. */
  hears(state: State): readonly Said[];
  /** Whether the peer was accused in this step. */
  isAccused(input: Input, before: State, after: State): boolean;
  /** How it is, for what has to come about in the end. */
  goals(state: State): Partial<Record<Property, boolean>>;
}

export interface PartyState {
  /** The connection is closed, as far as this party knows. */
  readonly isOver: boolean;
}

/** The context's opaque constant: effects come as data. */
export const PORT = new Opaque('port');

/** Whoever watches one step: what is sent, and the first thing that is wrong. */
export class Watch {
  readonly sent: Said[] = [];
  finding: Made<never>['finding'];

  wrong(property: Property, text: string): void {
    this.finding ??= { property, text };
  }
}

/** Takes an effect; `send` keeps an event for after the step, as from within an effect. */
export type Effects = (name: string, params: never, send: (event: Event) => void, state: number) => void;

/** Runs one event of a machine and what its effects send it. */
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

export function isDone(local: Local, state: number): boolean {
  return local.snapshot(state).status === 'done';
}
