/**
 * The party that calls. It models as little as possible of src/calls: the code that starts the machines of calls, allocates
 * their ids, and keeps the peer's limit.
 */
import type { Conformance } from '../../machines/events.js';
import type { Call } from '../../src/wire/message.js';
import { DELIVERY, OPTIONAL } from '../draft.js';
import type { Local } from '../local.js';
import { type Choice, END, type Input, isDone, type Made, type Party, PORT, play, type Said, Watch } from './party.js';

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
  readonly calls: readonly CallState[];
  readonly isOver: boolean;
}

/** Returns a request id. Ids have the connection's parity, which is odd for us. */
const idOf = (index: number) => index * 2 + 1;

export class Caller implements Party<CallerState> {
  readonly name = 'caller';
  readonly #local: Local;
  readonly options: CallerOptions;
  readonly #says: readonly Said[];

  constructor(local: Local, options: CallerOptions, says: readonly Said[] = []) {
    this.#local = local;
    this.options = options;
    this.#says = says;
  }

  hears(): readonly Said[] {
    return this.#says;
  }

  start(): Made<CallerState> {
    return { state: { calls: [], isOver: false }, sent: [] };
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
    let { isOver } = state;
    const tell = (of: number, event: { readonly type: string }) => {
      calls[of] = this.#tell(calls, of, event, watch);
    };
    if ('message' in input && input.message.body.type !== 'End') {
      const { id, body } = input.message;
      const of = calls.findIndex((call, index) => idOf(index) === id && call.isAdmitted && !this.#isDone(call));
      if (body.type !== 'Response') throw new Error(`a caller hears ${body.type}`);
      if (of >= 0) tell(of, { type: 'rx.Response', body } as never);
      // 9a.15
      else if (this.options.conformance === 'strict') {
        if (this.#says.length === 0) watch.wrong('never-accused', `a Response to ${id} with no call in flight`);
        isOver = true;
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
    } else if ('of' in input && input.of !== undefined) {
      if (input.type === 'abort') tell(input.of, { type: 'app.abort', why: 'aborted' } as never);
      else if (input.type === 'fail') tell(input.of, { type: 'app.fail', reason: '' } as never);
      else tell(input.of, { type: 'calls.refused', error: new Error('it does not fit') } as never);
    } else {
      isOver = true;
      if (input.type === 'close') watch.sent.push(END);
    }
    if (isOver) for (const of of calls.keys()) tell(of, { type: 'connection.ended' });
    // The call that has waited longest is admitted next.
    for (let of = 0; of < calls.length && !isOver && this.#inFlight(calls) < this.options.limit; of++) {
      const call = calls[of] as CallState;
      if (call.isAdmitted || this.#isDone(call)) continue;
      calls[of] = { ...call, isAdmitted: true };
      tell(of, { type: 'calls.admitted' });
    }
    const wrong = calls.findIndex(({ isHeld, isSettled }) => isHeld === isSettled);
    if (wrong >= 0) watch.wrong('request-holds', `call ${idOf(wrong)} holds the connection too long, or not at all`);
    if (isOver) {
      const left = calls.findIndex((call) => !call.isSettled || !this.#isDone(call));
      if (left >= 0) watch.wrong('nothing-waits', `call ${idOf(left)} does, at the end`);
    }
    return { state: { calls, isOver }, sent: watch.sent, finding: watch.finding };
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

  #inFlight(calls: readonly CallState[]): number {
    return calls.filter((call) => call.isAdmitted && !this.#isDone(call)).length;
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
