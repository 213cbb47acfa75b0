/**
 * The party that is called. It models as little as possible of src/calls: the code that starts the machines of the peer's
 * calls, and finds them by their ids. The machine of all calls keeps our limit.
 */
import type { Conformance } from '../../../machines/events.js';
import type { Response } from '../../../src/wire/message.js';
import { DELIVERY, OPTIONAL } from '../draft.js';
import type { Local } from '../local.js';
import { ask, type Choice, type Input, isDone, type Made, type Party, PORT, play, type Said, Watch } from './party.js';

const CANCELLED = new Uint8Array([9]);

function responseOf(value: number): Response {
  return { type: 'Response', channels: [], metadata: [], ret: new Uint8Array([value]) };
}

export interface AnswererOptions {
  /** Our `maxConcurrentRequests`. */
  readonly limit: number;
  readonly conformance: Conformance;
  /** True if a handler has to answer. False if it may. */
  readonly answers: boolean;
  /** True if a handler answers at once when it is aborted, within its abort signal. */
  readonly listens: boolean;
}

interface AnswerState {
  readonly id: number;
  readonly machine: number;
  readonly isHeld: boolean;
  /** True if the handler has been called, and has not answered. */
  readonly isAtWork: boolean;
  readonly isAnswered: boolean;
  /** True if a later call has its id. */
  readonly isEclipsed: boolean;
}

export interface AnswererState {
  /** The machine of all calls. */
  readonly all: number;
  readonly answers: readonly AnswerState[];
  readonly isOver: boolean;
}

/** The maximum number of an adversary's calls at a time, which exceeds every limit here. */
const MOST_HEARD = 3;

export class Answerer implements Party<AnswererState> {
  readonly name = 'answerer';
  readonly #local: Local;
  readonly #all: Local;
  readonly options: AnswererOptions;
  readonly #says: readonly Said[];

  constructor(local: Local, all: Local, options: AnswererOptions, says: readonly Said[] = []) {
    this.#local = local;
    this.#all = all;
    this.options = options;
    this.#says = says;
  }

  /** Bounds the calls of an adversary, which would have no end. */
  hears({ answers }: AnswererState): readonly Said[] {
    return this.#says.filter(({ body }) => body.type !== 'Call' || answers.length < MOST_HEARD);
  }

  start(): Made<AnswererState> {
    const { conformance, limit: localMax } = this.options;
    const all = this.#all.start({ port: PORT, conformance, localMax, peerMax: 1 }).state;
    return { state: { all, answers: [], isOver: false }, sent: [] };
  }

  choices({ answers }: AnswererState): readonly Choice[] {
    const kind = this.options.answers ? DELIVERY : OPTIONAL;
    return answers.flatMap(({ isAtWork }, of) =>
      isAtWork
        ? [
            { kind, input: { type: 'reply', of } },
            { kind: OPTIONAL, input: { type: 'throw', of } },
          ]
        : [],
    );
  }

  step(state: AnswererState, input: Input): Made<AnswererState> {
    const watch = new Watch();
    const answers = [...state.answers];
    let { all, isOver } = state;
    const decide = (event: { readonly type: string }): string | undefined => {
      const { state: now, said } = ask(this.#all, all, event);
      all = now;
      return said[0];
    };
    const tell = (of: number, event: { readonly type: string }) => {
      const before = answers[of] as AnswerState;
      const after = this.#tell(before, event, isOver, watch);
      answers[of] = after;
      if (after.isAnswered && !before.isAnswered) decide({ type: 'response.sent' });
    };
    if ('message' in input && input.message.body.type !== 'End') {
      const { id, body } = input.message;
      const of = answers.findIndex((answer) => answer.id === id && !answer.isAnswered && !answer.isEclipsed);
      if (body.type === 'Cancel') {
        // 9a.16
        if (of >= 0) tell(of, { type: 'rx.Cancel' });
        else if (decide({ type: 'rx.Cancel' }) !== undefined) watch.wrong('never-accused', `of a Cancel of ${id}`);
      } else {
        const facts = { hasPeerParity: true, isInFlight: of >= 0, isOverLoad: false, isDraining: false };
        const decision = decide({ type: 'rx.Call', id, body, ...facts } as never);
        isOver = decision === 'accuse';
        this.#check(answers, of, decision, watch);
        // In reference mode a call beyond the limit is delivered like any other.
        if (!isOver && of >= 0) answers[of] = { ...(answers[of] as AnswerState), isEclipsed: true };
        if (!isOver) this.#begin(answers, id, watch);
      }
    } else if ('of' in input && input.of !== undefined) {
      const event =
        input.type === 'reply' ? { type: 'app.reply', response: responseOf(1) } : { type: 'app.fail', ret: CANCELLED };
      answers[input.of] = { ...(answers[input.of] as AnswerState), isAtWork: false };
      tell(input.of, event);
    } else {
      isOver = true;
      decide({ type: 'connection.ended' });
    }
    if (isOver && !state.isOver) for (const of of answers.keys()) tell(of, { type: 'connection.ended' });
    const wrong = answers.find(({ isHeld, isAnswered }) => isHeld === isAnswered);
    if (wrong !== undefined && !isOver) {
      watch.wrong('request-holds', `the handler of ${wrong.id} holds the connection too long, or not at all`);
    }
    if (isOver) {
      const left = answers.find(({ machine, isAtWork }) => !isAtWork && !isDone(this.#local, machine));
      if (left !== undefined) watch.wrong('nothing-waits', `the handler of ${left.id} is done, and its answer is not`);
    }
    // Finished calls are forgotten.
    const kept = answers.filter(({ machine }) => !isDone(this.#local, machine));
    return { state: { all, answers: kept, isOver }, sent: watch.sent, finding: watch.finding };
  }

  isAccused({ type }: Input, before: AnswererState, after: AnswererState): boolean {
    return type === 'message' && after.isOver && !before.isOver;
  }

  goals({ answers }: AnswererState): ReturnType<Party['goals']> {
    return { 'places-free': answers.every(({ isAnswered }) => isAnswered) };
  }

  /** 9a.14: in strict mode a Call beyond the limit, or with the id of a call in flight, is an offence. No other is. */
  #check(answers: readonly AnswerState[], of: number, decision: string | undefined, watch: Watch): void {
    const inFlight = answers.filter(({ isAnswered }) => !isAnswered).length;
    const isWrong = of >= 0 || inFlight >= this.options.limit;
    if (this.#says.length === 0 && isWrong) watch.wrong('limit-kept', `${inFlight} are in flight already`);
    const isOffence = isWrong && this.options.conformance === 'strict';
    if (decision === (isOffence ? 'accuse' : 'handle')) return;
    if (isOffence) watch.wrong('limit-kept', `a Call beside ${inFlight} in flight is no offence`);
    else watch.wrong('never-accused', `a Call beside ${inFlight} in flight: ${decision}`);
  }

  #begin(answers: AnswerState[], id: number, watch: Watch): void {
    const { state: machine, actions } = this.#local.start({ port: PORT, cancelled: CANCELLED });
    const isAtWork = actions.some((action) => action.kind === 'effect' && action.name === 'handle');
    if (!isAtWork) watch.wrong('nothing-waits', `no handler is asked about ${id}`);
    const isHeld = actions.some((action) => action.kind === 'effect' && action.name === 'retain');
    answers.push({ id, machine, isHeld, isAtWork, isAnswered: false, isEclipsed: false });
  }

  #tell(before: AnswerState, event: { readonly type: string }, isOver: boolean, watch: Watch): AnswerState {
    const answer = { ...before };
    const machine = play(this.#local, answer.machine, event, (name, params: Response, send) => {
      if (name === 'release') {
        if (!answer.isHeld || !(answer.isAnswered || isOver)) {
          watch.wrong('request-holds', `the handler of ${answer.id} is released twice, or before its Response`);
        }
        answer.isHeld = false;
        return;
      }
      if (name === 'abort') {
        if (!answer.isAtWork || !this.options.listens) return;
        answer.isAtWork = false;
        send({ type: 'app.reply', response: responseOf(2) } as never);
        return;
      }
      if (isOver) watch.wrong('end-is-silent', `a Response to ${answer.id} at the end`);
      if (answer.isAnswered) watch.wrong('one-response', `a second Response to ${answer.id}`);
      answer.isAnswered = true;
      watch.sent.push({ id: answer.id, body: params });
    });
    return { ...answer, machine };
  }
}
