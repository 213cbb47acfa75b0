import type { ConnectionSettings, Message } from '../../../src/wire/message.js';
import type { Metadata } from '../../../src/wire/metadata.js';
import type { Rule } from '../../../src/wire/rule.js';
import type { Mode } from '../vocabulary.js';

// The oracle one level down: not what a user sees of a session, but what each of its parts has to do, phase by phase.
// It is written from the specification's tables, and shares with the machines nothing but the names of events and
// effects. What the parts do together has to be what the table demands of the whole: see whole.test.ts.

/** An effect by its name, and with what. `accuse` is a ProtocolError on 0 that begins with that rule. */
export type Effect = readonly [name: EffectName, what?: unknown];

export type EffectName =
  // On the wire, and what becomes of it.
  | 'transmit'
  | 'accuse'
  | 'flush'
  | 'pauseReading'
  | 'resumeReading'
  | 'closeLink'
  | 'confirm'
  // For our user.
  | 'decide'
  | 'dropDecision'
  | 'pend'
  | 'activate'
  | 'deliver'
  | 'retire'
  | 'settle'
  | 'sweep'
  | 'reportRootClosed'
  | 'finish'
  // Of calls and channels.
  | 'handle'
  | 'abort'
  | 'retain'
  | 'release'
  | 'keep'
  | 'forget'
  | 'wait'
  | 'resume'
  | 'conclude'
  // For other parts of the session.
  | 'to handshake'
  | 'to keepalive'
  | 'to connections'
  | 'to parent'
  | 'emit'
  /** A part is over, and this is what it came to. */
  | 'output';

/** What an event has to do. */
export interface Verdict<State> {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** Timers that begin anew though they ran already. Those that only now are needed go without saying. */
  readonly restarts?: readonly string[];
}

/** One part of a session, as the specification has it. */
export interface Oracle<Input, State, Event> {
  start(input: Input): Verdict<State>;
  step(state: State, event: Event): Verdict<State>;
  /** The timers that run in a state, by the names of their limits. */
  timers(state: State): readonly string[];
}

/** A timer has run out. */
export interface TimeEvent {
  readonly type: 'time';
  readonly timer: string;
}

/** A message of the peer's. */
export interface ReceivedEvent {
  readonly type: `rx.${Message['type']}`;
  readonly message: Message;
}

/** A frame that is no message. */
export interface MalformedEvent {
  readonly type: 'conduit.malformed';
  readonly rule: Rule;
  readonly description: string;
  readonly limit?: string | undefined;
}

/** The link, as far as a session hears of it. */
export type LinkEvent =
  | { readonly type: 'link.ended' }
  | { readonly type: 'link.failed' | 'link.unsendable'; readonly error: Error }
  | { readonly type: 'conduit.flushed' }
  | MalformedEvent;

/** How a connection ended. Of a violation the rule alone counts: its words are free. */
export interface ConnectionEnd {
  readonly phase: 'opening' | 'deciding' | 'active';
  readonly outcome: 'closed' | 'rejected' | 'abandoned' | { readonly rule: Rule };
  readonly by: 'local' | 'peer';
  readonly metadata: Metadata;
}

/** What a handshake came to. Of a failure in free words only the rule counts. */
export type HandshakeResult =
  | {
      readonly type: 'established';
      readonly localSettings: ConnectionSettings;
      readonly peerSettings: ConnectionSettings;
      readonly metadata: Metadata;
    }
  | { readonly type: 'failed'; readonly failure: Failure };

export interface Failure {
  readonly message?: string;
  readonly error?: unknown;
  readonly rule?: Rule;
  readonly limit?: string;
}

/** Where nothing happens. */
export function nothing<State>(state: State): Verdict<State> {
  return { state, effects: [] };
}

/** What a mode tolerates: nothing happens in the one, and the other takes it for a violation. */
export function tolerated<State>(mode: Mode, state: State, violation: () => Verdict<State>): Verdict<State> {
  return mode === 'reference' ? nothing(state) : violation();
}
