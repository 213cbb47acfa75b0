import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Refusal } from '../../src/wire/refusal.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';

// The oracle one level down: the effects of each part of a session, phase by phase, in place of the effects that an
// application sees. It is written from the specification's tables, and shares with the machines only the names of events and
// effects. Together the parts have to do what the table demands of the whole: see whole.test.ts.

/** The name of an effect and its argument. `accuse` is a ProtocolError on 0 that begins with that rule. */
export type Effect = readonly [name: EffectName, what?: unknown];

export type EffectName =
  // To the link, and about its sending.
  | 'transmit'
  | 'accuse'
  | 'flush'
  | 'pauseReading'
  | 'resumeReading'
  | 'closeLink'
  | 'confirm'
  // To the connections.
  | 'spawn'
  | 'forward'
  // To our application.
  | 'authenticate'
  | 'stopAuthenticating'
  | 'reportUnanswered'
  | 'renew'
  | 'stopRenewing'
  | 'decide'
  | 'dropDecision'
  | 'pend'
  | 'activate'
  | 'deliver'
  | 'dropUnsent'
  | 'closeHandle'
  | 'settle'
  | 'sweep'
  | 'reportRootClosed'
  | 'finish'
  // About calls and channels.
  | 'offer'
  | 'free'
  | 'admit'
  | 'enqueue'
  | 'admitNext'
  | 'nameChannels'
  | 'handle'
  | 'reject'
  | 'abort'
  | 'retain'
  | 'release'
  | 'keep'
  | 'forget'
  | 'wait'
  | 'refuse'
  | 'resume'
  | 'startDeadline'
  | 'stopDeadline'
  | 'decline'
  | 'conclude'
  // Of a reliable link.
  | 'dial'
  | 'take'
  | 'refuse'
  | 'hello'
  | 'welcome'
  | 'settings'
  | 'restored'
  | 'interrupted'
  | 'write'
  | 'trim'
  | 'acknowledge'
  | 'bye'
  | 'probe'
  | 'answer'
  | 'cut'
  // Of a drain.
  | 'drain'
  | 'refuseOpen'
  | 'heedDrain'
  | 'watchWork'
  | 'abandon'
  | 'startTimer'
  | 'stopTimer'
  // About the sessions of a reconnecting client.
  | 'prepare'
  | 'adopt'
  | 'leave'
  | 'failCalls'
  | 'awaitCalls'
  | 'dispose'
  // To other parts of the session.
  | 'to handshake'
  | 'to keepalive'
  | 'to parent'
  | 'emit'
  /** The part is over, and this is its result. */
  | 'output';

/** The required result of an event. */
export interface Verdict<State> {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** Timers that begin anew although they ran already. Timers that only now begin are not listed. */
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

/** The link's events, as far as a session gets them. */
export type LinkEvent =
  | { readonly type: 'link.ended' }
  | { readonly type: 'link.failed' | 'link.unsendable'; readonly error: Error }
  | { readonly type: 'conduit.flushed' }
  | MalformedEvent;

/** The end of a connection. Of a violation only the rule counts: its words are free. */
export interface ConnectionEnd {
  readonly phase: 'opening' | 'deciding' | 'active';
  readonly outcome: 'closed' | 'rejected' | 'abandoned' | { readonly rule: Rule };
  readonly by: 'local' | 'peer';
  readonly metadata: Metadata;
}

/** The result of a handshake. Of a failure in free words only the rule counts. */
export type HandshakeResult =
  | {
      readonly type: 'established';
      readonly localSettings: ConnectionSettings;
      readonly peerSettings: ConnectionSettings;
      readonly metadata: Metadata;
    }
  /** `refused`: our application refuses the peer. */
  | { readonly type: 'failed' | 'refused'; readonly failure: Failure };

export interface Failure {
  readonly message?: string;
  readonly error?: unknown;
  readonly rule?: Rule;
  readonly limit?: string;
  readonly refusal?: Refusal;
}

/** The application's answer to the question who the peer is. */
export type AuthenticationEvent = { readonly type: 'auth.accepted' } | ({ readonly type: 'auth.refused' } & Refusal);

/** The verdict of an event without effects. */
export function nothing<State>(state: State): Verdict<State> {
  return { state, effects: [] };
}

/**
 * The verdict of an event that the reference mode tolerates: nothing happens there, and the strict mode takes it for a
 * violation.
 */
export function tolerated<State>(mode: Mode, state: State, violation: () => Verdict<State>): Verdict<State> {
  return mode === 'reference' ? nothing(state) : violation();
}
