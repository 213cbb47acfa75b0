/**
 * The party that calls. It models as little as possible of src/calls: the code that starts the machines of calls, and
 * allocates their ids. The machine of all calls keeps the peer's limit.
 */
import type { Conformance } from '../../../machines/events.js';
import type { Call } from '../../../src/wire/message.js';
import { DELIVERY, OPTIONAL } from '../draft.js';
import type { Local } from '../local.js';
import {
  ask,
  type Choice,
  END,
  type Input,
  isDone,
  type Made,
  type Party,
  PORT,
  play,
  type Said,
  Watch,
} from './party.js';

const CALL: Call = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array() };

export interface CallerOptions {
  readonly calls: number;
  /** The peer's `maxConcurrentRequests`. */
  readonly limit: number;
  readonly conformance: Conformance;
  /** The events that can end calls, beside their Responses. */
  readonly gives: readonly ('abort' | 'fail' | 'close')[];
  /** True if an unanswered call is given up in the end. */
  readonly expires?: true;
  /** The calls that can't be sent. This is known at once or later. */
  readonly unsendable?: readonly number[];
}

interface CallState {
  readonly machine: number;
  readonly isHeld: boolean;
  readonly isSettled: boolean;
  readonly isAdmitted: boolean;
  readonly isSent: boolean;
  readonly wasCancelled: boolean;
  readonly wasAnswered: boolean;
}

export interface CallerState {
  /** The machine of all calls. */
  readonly all: number;
  readonly calls: readonly CallState[];
  readonly isOver: boolean;
}

/** Returns a request id. Ids have the connection's parity, which is odd for us. */
const idOf = (index: number) => index * 2 + 1;

export class Caller implements Party<CallerState> {
  readonly name = 'caller';
  readonly #local: Local;
  readonly #all: Local;
  readonly options: CallerOptions;
  readonly #says: readonly Said[];

  constructor(local: Local, all: Local, options: CallerOptions, says: readonly Said[] = []) {
    this.#local = local;
    this.#all = all;
    this.options = options;
    this.#says = says;
  }

  hears(): readonly Said[] {
    return this.#says;
  }

  start(): Made<CallerState> {
    const { conformance, limit: peerMax } = this.options;
    const all = this.#all.start({ port: PORT, conformance, localMax: 1, peerMax }).state;
    return { state: { all, calls: [], isOver: false }, sent: [] };
  }

  choices({ calls, isOver }: CallerState): readonly Choice[] {
    const { gives, unsendable = [] } = this.options;
    if (isOver) return [];
    const choices: Choice[] = [];
    if (calls.length < this.options.calls) choices.push({ kind: OPTIONAL, input: { type: 'call' } });
    for (const [of, call] of calls.entries()) {
      if (this.#isDone(call)) continue;
      if (this.options.expires) choices.push({ kind: DELIVERY, input: { type: 'abort', of } });
      else if (gives.includes('abort')) choices.push({ kind: OPTIONAL, input: { type: 'abort', of } });
      if (gives.includes('fail') && call.isAdmitted) choices.push({ kind: OPTIONAL, input: { type: 'fail', of } });
      if (call.isAdmitted && unsendable.includes(of)) choices.push({ kind: DELIVERY, input: { type: 'refused', of } });
    }
    if (gives.includes('close')) choices.push({ kind: OPTIONAL, input: { type: 'close' } });
    return choices;
  }

  step(state: CallerState, input: Input): Made<CallerState> {
    const watch = new Watch();
    const calls = [...state.calls];
    let { all, isOver } = state;
    const decide = (event: { readonly type: string }): string | undefined => {
      const { state: now, said } = ask(this.#all, all, event);
      all = now;
      return said[0];
    };
    const tell = (of: number, event: { readonly type: string }): void => {
      const before = calls[of] as CallState;
      const after = this.#tell(calls, of, event, watch);
      calls[of] = after;
      if (!this.#isDone(after) || this.#isDone(before)) return;
      if (decide({ type: 'call.done', wasWaiting: !before.isAdmitted } as never) !== 'admitNext') return;
      const next = calls.findIndex((call) => !(call.isAdmitted || this.#isDone(call)));
      if (next < 0) watch.wrong('limit-kept', 'it is the turn of a call that does not wait');
      else admit(next);
    };
    const admit = (of: number): void => {
      calls[of] = { ...(calls[of] as CallState), isAdmitted: true };
      tell(of, { type: 'calls.admitted' });
    };
    if ('message' in input && input.message.body.type !== 'End') {
      const { id, body } = input.message;
      const of = calls.findIndex((call, index) => idOf(index) === id && call.isAdmitted && !this.#isDone(call));
      if (body.type !== 'Response') throw new Error(`a caller hears ${body.type}`);
      if (of >= 0) tell(of, { type: 'rx.Response', body } as never);
      // 9a.15
      else {
        isOver = decide({ type: 'rx.Response' }) === 'accuse';
        const isOffence = this.options.conformance === 'strict' && this.#says.length > 0;
        if (isOver !== isOffence) watch.wrong('never-accused', `of a Response to ${id} with no call in flight`);
      }
    } else if (input.type === 'call') {
      const { state: machine, actions } = this.#local.start({ port: PORT, call: CALL });
      calls.push({
        machine,
        isHeld: actions.some((action) => action.kind === 'effect' && action.name === 'retain'),
        isSettled: false,
        isAdmitted: false,
        isSent: false,
        wasCancelled: false,
        wasAnswered: false,
      });
      const decision = decide({ type: 'app.call', hasRoom: true } as never);
      if (decision === 'admit') admit(calls.length - 1);
      else if (decision !== 'enqueue') watch.wrong('calls-settle', 'a call is refused that could wait');
    } else if ('of' in input && input.of !== undefined) {
      if (input.type === 'abort') tell(input.of, { type: 'app.abort' });
      else if (input.type === 'fail') tell(input.of, { type: 'app.fail', reason: '' } as never);
      else tell(input.of, { type: 'calls.refused', error: new Error('it does not fit') } as never);
    } else {
      isOver = true;
      if (input.type === 'close') watch.sent.push(END);
    }
    if (isOver) {
      decide({ type: 'connection.ended' });
      for (const of of calls.keys()) tell(of, { type: 'connection.ended' });
    }
    const wrong = calls.findIndex(({ isHeld, isSettled }) => isHeld === isSettled);
    if (wrong >= 0) watch.wrong('request-holds', `call ${idOf(wrong)} holds the connection too long, or not at all`);
    if (isOver) {
      const left = calls.findIndex((call) => !call.isSettled || !this.#isDone(call));
      if (left >= 0) watch.wrong('nothing-waits', `call ${idOf(left)} does, at the end`);
    }
    return { state: { all, calls, isOver }, sent: watch.sent, finding: watch.finding };
  }

  isAccused({ type }: Input, before: CallerState, after: CallerState): boolean {
    return type === 'message' && after.isOver && !before.isOver;
  }

  goals({ calls }: CallerState): ReturnType<Party['goals']> {
    return {
      'calls-settle': calls.every(({ isSettled }) => isSettled),
      'places-free': calls.every((call) => this.#isDone(call)),
    };
  }

  #isDone({ machine }: CallState): boolean {
    return isDone(this.#local, machine);
  }

  #tell(calls: readonly CallState[], of: number, event: { readonly type: string }, watch: Watch): CallState {
    const call = { ...(calls[of] as CallState) };
    if (event.type === 'rx.Response') call.wasAnswered = true;
    const id = idOf(of);
    const machine = play(this.#local, call.machine, event, (name, params: { readonly type: string }) => {
      if (name === 'release') {
        if (!call.isHeld || !call.isSettled) watch.wrong('request-holds', `call ${id} is released twice, or too early`);
        call.isHeld = false;
        return;
      }
      if (name === 'startDeadline' || name === 'stopDeadline' || name === 'decline') return;
      if (name === 'settle') {
        if (call.isSettled) watch.wrong('call-settles-once', `call ${id} settles again, as ${params.type}`);
        call.isSettled = true;
        return;
      }
      if (event.type === 'connection.ended') watch.wrong('end-is-silent', `${params.type} of ${id} at the end`);
      if (params.type === 'Cancel') {
        if (call.wasCancelled) watch.wrong('cancel-once', `a second Cancel of ${id}`);
        if (!call.isAdmitted) watch.wrong('cancel-once', `a Cancel of ${id} before its Call`);
        if (call.wasAnswered) watch.wrong('cancel-once', `a Cancel of ${id} after its Response`);
        call.wasCancelled = true;
      }
      // If the Call can't leave, its Cancel has no call to cancel: 9a.16.
      if (params.type === 'Call' && (this.options.unsendable ?? []).includes(of)) return;
      watch.sent.push({ id, body: params as Said['body'] });
      if (params.type !== 'Call') return;
      call.isSent = true;
      // A call counts until its Response: only that tells that the peer's work is over.
      const owed = calls.filter(({ isSent, wasAnswered }) => isSent && !wasAnswered).length;
      if (owed >= this.options.limit) watch.wrong('limit-kept', `${id} is sent while ${owed} are in flight`);
    });
    return { ...call, machine };
  }
}
