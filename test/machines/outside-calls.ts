import type { AnyStateMachine, EventObject } from 'xstate';
import { answer, call } from '../../spec/parts/call.js';
import { offer } from '../../spec/parts/channel.js';
import type { Effect, Oracle } from '../../spec/parts/oracle.js';
import { accept, callNaming, call as callOf, cancel, close, response, settings } from '../../spec/rows/messages.js';
import {
  answered,
  byViolation,
  closedBy,
  connectionClosed,
  failed,
  opened,
  overLimit,
  preamble,
} from '../../spec/rows/outcome.js';
import { PENDING_1 } from '../../spec/rows/scenes.js';
import type * as Spec from '../../spec/rows/vocabulary.js';
import { REFUSED } from '../../spec/rows/vocabulary-calls.js';
import type { Path } from '../../src/testing/index.js';
import type { Call, Response } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import { type Body, type Came, ReceiverModel, receiverEnd, SenderModel, senderEnd } from './channel-ends.js';
import type { Variant } from './part.js';

// The paths of the machines of calls and channels, from outside: a peer sends messages, and an application makes calls,
// serves, sends, receives and gives up, on connection 1 of a public Session. The oracle gives the required result of each
// step.

type Steps = readonly Spec.Step[];

/** Turns a path into a scenario of the table's kind. Gives undefined if the path cannot be caused from outside. */
export type Way = (variant: Variant, path: Path<AnyStateMachine>) => Steps | undefined;

interface Facts extends EventObject {
  readonly body: Body;
  readonly response: Response;
  readonly item: Uint8Array;
  readonly additional: number;
  readonly metadata: Metadata;
  readonly reason: string;
  readonly hasRoom?: boolean;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const request = (id: number, body: Call | Response | { type: 'Cancel'; metadata: Metadata }): Spec.ExpectedMessage =>
  ({ type: 'RequestMessage', connectionId: 1, id, body }) as Spec.ExpectedMessage;

const onChannel = (id: number, body: Body) => ({ type: 'ChannelMessage', connectionId: 1, id, body }) as const;

/** Connection 1 is active, and its peer takes so many requests at a time. */
function active(maxConcurrentRequests = 64): Steps {
  const peer = settings('even', maxConcurrentRequests);
  return [...preamble(), PENDING_1, { peer: accept(1, peer), settled: { a: opened(1, { peer }) } }];
}

const ENDED = { peer: close(1), closed: { a: closedBy('peer') } } as const;

/** Thrown for an event that cannot be caused from outside. */
class Unreachable extends Error {}

function unlessUnreachable(build: () => Steps): Steps | undefined {
  try {
    return build();
  } catch (error) {
    if (error instanceof Unreachable) return undefined;
    throw error;
  }
}

/** Returns a function that steps an oracle, event by event. */
function asked<State, Event>(oracle: Oracle<never, State, Event>, told: object) {
  let { state } = oracle.start(told as never);
  return (event: Event): readonly Effect[] => {
    const verdict = oracle.step(state, event);
    state = verdict.state;
    return verdict.effects;
  };
}

// ---- Calls --------------------------------------------------------------------------------------------------------

const TIMEOUT = 500;

/** Returns the settlement of the caller's promise. */
function settlementOf({
  type,
  response: body,
}: {
  readonly type: string;
  readonly response?: Response;
}): Spec.Settlement {
  if (body !== undefined) return { answered: { ret: body.ret, metadata: body.metadata, offers: body.channels.length } };
  if (type === 'expired') return overLimit('timeout');
  return type === 'ended' ? connectionClosed('peer') : failed({ code: 'cancelled', by: 'local' });
}

/** A call that waits until another one was answered. */
export const callWay: Way = (_, { steps }) =>
  unlessUnreachable(() => {
    const body: Call = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes(3) };
    const tell = asked(call as Oracle<never, never, never>, { call: body });
    let isWaiting = true;
    let isGivenUp = false;
    const made: Steps = [
      ...active(1),
      { user: 'call', on: 'a', as: 'first', args: bytes(1), wire: [callOf(1, 1)] },
      { user: 'call', on: 'a', as: 'it', args: body.args, signal: 's', timeout: TIMEOUT },
    ];
    return [
      ...made,
      ...steps.map(({ event }): Spec.Step => {
        const { type, body: given, reason } = event as Facts;
        const answer: Response = { ...(given as unknown as Response), channels: [] };
        const effects = tell((type === 'rx.Response' ? { type, body: answer } : event) as never);
        const wire = effects.filter(([name]) => name === 'transmit').map(([, what]) => request(3, what as Call));
        const settled = Object.fromEntries(
          effects.filter(([name]) => name === 'settle').map(([, what]) => ['it', settlementOf(what as never)]),
        );
        switch (type) {
          case 'calls.admitted':
            isWaiting = false;
            return { peer: response(1, 1), wire, settled: { first: answered(), ...settled } };
          case 'rx.Response':
            return { peer: request(3, answer) as Spec.PeerInput, wire, settled };
          case 'app.abort':
            isGivenUp = true;
            return { user: 'abort', signal: 's', reason: 'enough', wire, settled };
          case 'deadline.passed':
            // A session without cancelTimeout waits for ever for a Response that it is owed.
            if (isGivenUp) throw new Unreachable();
            isGivenUp = true;
            return { advance: TIMEOUT, wire, settled };
          case 'app.fail':
            isGivenUp = true;
            return { user: 'markFailure', on: 'a', requestId: 3, reason, wire, settled };
          case 'connection.ended': {
            const others = isWaiting ? { first: connectionClosed('peer') } : {};
            return { ...ENDED, wire, settled: { ...others, ...settled } };
          }
          default:
            throw new Unreachable();
        }
      }),
    ];
  });

/** A call of the peer's, whose handler does as the path says. */
export const answerWay: Way = (_, { steps }) => {
  if (steps.some(({ event }) => event.type === 'session.cut')) return undefined;
  const tell = asked(answer as Oracle<never, never, never>, { cancelled: REFUSED.cancelled });
  return [
    ...active(),
    { user: 'serve', on: 'a' },
    { peer: callOf(1, 2), handled: [2] },
    ...steps.map(({ event }): Spec.Step => {
      const { type, response: given } = event as Facts;
      const { metadata, ret } = given ?? {};
      const told = { ...event, ...(given === undefined ? {} : { response: { ...given, channels: [] } }) };
      const effects = tell((type === 'app.fail' ? { type, ret: REFUSED.unknownMethod } : told) as never);
      const wire = effects.filter(([name]) => name === 'transmit').map(([, what]) => request(2, what as Response));
      const givenUp = effects.some(([name]) => name === 'abort') ? [2] : [];
      switch (type) {
        case 'rx.Cancel':
          return { peer: cancel(1, 2), wire, givenUp };
        case 'app.reply':
          return { user: 'reply', request: 2, answer: { ret, metadata }, wire, givenUp } as Spec.Step;
        case 'app.fail':
          return { user: 'fail', request: 2, wire, givenUp };
        default:
          return { ...ENDED, wire, givenUp };
      }
    }),
  ];
};

// ---- Channels -----------------------------------------------------------------------------------------------------

/** Returns the expected effects of an event on channel `id`. */
function expectedOf(came: Came, id: number): Spec.Expectation {
  const said = came.said.map((body) => onChannel(id, body));
  if (came.rule === undefined) return { wire: said, settled: came.settled };
  return { wire: [...said, { violation: came.rule }], ends: byViolation(came.rule), settled: came.settled };
}

/** Passes the channel in a call that is answered at once. The channel outlives its call. */
function passed(pass: 'tx' | 'rx', credit: number): Steps {
  const channels = [{ pass, as: 'c', credit }];
  return [
    ...active(),
    { user: 'call', on: 'a', as: 'it', args: bytes(1), channels, wire: [callNaming(1, 1, [1])] },
    { peer: response(1, 1), settled: { it: answered() } },
  ];
}

/** Ends a path with one more send. Shows the sender's end and, if the channel is open, that all waiting items can leave. */
function sendingOn(model: SenderModel, isViolated: boolean, id: number): Steps {
  const last = { user: 'sendItem', channel: 'c', item: bytes(9), as: 'last' } as const;
  if (isViolated) return [{ ...last, settled: { last: connectionClosed('session') } }];
  if (model.end !== undefined) return [{ ...last, settled: { last: senderEnd(model.end) } }];
  const grant: Body = { type: 'GrantCredit', additional: 100 };
  return [
    { ...last, ...expectedOf(model.send(last.item, 'last'), id) },
    { peer: onChannel(id, grant), ...expectedOf(model.hear(grant), id) },
  ];
}

export const senderWay: Way = ({ mode, input }, { steps }) => {
  const { credit } = input as { credit: number };
  // A grant on the wire has at most 32 bits, so this credit cannot be reached from outside.
  if (credit > 0xffff_ffff) return undefined;
  return unlessUnreachable(() => sendingWay(mode, credit, steps));
};

function sendingWay(mode: Spec.Mode, credit: number, steps: Path<AnyStateMachine>['steps']): Steps {
  const model = new SenderModel(mode, credit);
  let isViolated = false;
  // Items that waited leave within the step of the grant.
  const made = steps.filter(({ event: { type } }) => type !== 'queue.next');
  const walked = made.map(({ event }, at): Spec.Step => {
    const { type, body, item, metadata, hasRoom } = event as Facts;
    const as = `${type} ${String(at)}`;
    if (type === 'app.fail' || hasRoom === false) throw new Unreachable();
    if (type === 'app.send')
      return { user: 'sendItem', channel: 'c', item, as, ...expectedOf(model.send(item, as), 1) };
    if (type === 'app.close') {
      return { user: 'closeChannel', channel: 'c', metadata, as, ...expectedOf(model.close(metadata, as), 1) };
    }
    if (type === 'connection.ended') return { ...ENDED, ...expectedOf(model.endConnection(), 1) };
    const came = model.hear(body);
    isViolated = came.rule !== undefined;
    if (isViolated) model.abandon(came);
    return { peer: onChannel(1, body), ...expectedOf(came, 1) };
  });
  return [...passed('rx', credit), ...walked, ...sendingOn(model, isViolated, 1)];
}

/** Ends a path by taking every item that is left, and then by one read behind the last item if the channel has ended. */
function readingOn(model: ReceiverModel, rule: Rule | undefined, id: number): Steps {
  const items = Array.from({ length: model.held }, (_, at): Spec.Step => {
    const as = `item ${String(at)}`;
    return { user: 'take', channel: 'c', as, ...expectedOf(model.take(as), id) };
  });
  const last = { user: 'take', channel: 'c', as: 'last' } as const;
  if (rule !== undefined) return [...items, { ...last, settled: { last: connectionClosed('session') } }];
  return model.end === undefined ? items : [...items, { ...last, settled: { last: receiverEnd(model.end) } }];
}

export const receiverWay: Way = ({ mode, input }, { steps }) => {
  const { window, room } = input as { window: number; room: number };
  const model = new ReceiverModel(mode, window);
  let rule: Rule | undefined;
  // A real receiver has more room than the path's receiver. Granted items fill the difference first.
  const filler = Math.max(window, 16) - room;
  const item: Body = { type: 'Item', item: bytes(7) };
  const filled: Steps = [
    { user: 'grant', channel: 'c', additional: filler, ...expectedOf(model.grant(filler), 1) },
    ...Array.from({ length: filler }, () => ({ peer: onChannel(1, item), ...expectedOf(model.hear(item), 1) })),
  ];
  const walked = steps.map(({ event }, at): Spec.Step => {
    const { type, body, additional, metadata } = event as Facts;
    const as = `${type} ${String(at)}`;
    if (type === 'app.take') return { user: 'take', channel: 'c', as, ...expectedOf(model.take(as), 1) };
    if (type === 'app.grant') {
      return { user: 'grant', channel: 'c', additional, ...expectedOf(model.grant(additional), 1) };
    }
    if (type === 'app.reset') {
      return { user: 'resetChannel', channel: 'c', metadata, ...expectedOf(model.reset(metadata), 1) };
    }
    if (type === 'connection.ended') return { ...ENDED, ...expectedOf(model.endConnection(), 1) };
    const came = model.hear(body);
    rule = came.rule;
    return { peer: onChannel(1, body), ...expectedOf(came, 1) };
  });
  return [...passed('tx', window), ...filled, ...walked, ...readingOn(model, rule, 1)];
};

/** A channel that the peer has named. `end` is the end that the handler takes when the path binds the channel. */
export const offerWay =
  (end: 'tx' | 'rx'): Way =>
  ({ mode, input }, { steps }) =>
    unlessUnreachable(() => {
      const { room: credit } = input as { room: number };
      const tell = asked(offer as Oracle<never, never, never>, { mode, room: credit });
      const kept: Body[] = [];
      let granted = 0;
      let after: Steps = [];
      let isAnswered = false;
      const bound = (): Spec.Step => {
        const model = end === 'rx' ? new ReceiverModel(mode, credit) : new SenderModel(mode, credit);
        // The grants are added up and come first.
        const heard: readonly Body[] = granted > 0 ? [{ type: 'GrantCredit', additional: granted }, ...kept] : kept;
        const all: Body[] = [];
        let rule: Rule | undefined;
        for (const body of heard) {
          if (rule !== undefined) break;
          const came = model.hear(body);
          all.push(...came.said);
          rule = came.rule;
        }
        after = model instanceof ReceiverModel ? readingOn(model, rule, 2) : sendingOn(model, rule !== undefined, 2);
        const wire = all.map((body) => onChannel(2, body));
        const bind = { user: 'bind', request: 2, end, as: 'c' } as const;
        if (rule === undefined) return { ...bind, wire };
        return { ...bind, wire: [...wire, { violation: rule }], ends: byViolation(rule), givenUp: [2] };
      };
      const walked = steps.map(({ event }): Spec.Step => {
        const { type, body } = event as Facts;
        const effects = tell(event as never);
        const wire: Spec.ExpectedMessage[] = [];
        let violated: Spec.Expectation = {};
        for (const [name, what] of effects) {
          if (name === 'free' || name === 'refuse') continue;
          if (name === 'transmit') wire.push(onChannel(2, what as Body));
          else if (name === 'accuse') {
            wire.push({ violation: what as Rule });
            violated = { ends: byViolation(what as Rule), ...(isAnswered ? {} : { givenUp: [2] }) };
          } else if ((what as Body).type === 'GrantCredit') granted += (what as { additional: number }).additional;
          else kept.push(what as Body);
        }
        if (isAnswered && (type === 'app.bind' || type === 'app.release')) throw new Unreachable();
        if (type === 'app.bind') return bound();
        if (type === 'connection.ended') return { ...ENDED, wire, ...(isAnswered ? {} : { givenUp: [2] }) };
        // The session forgets a channel only when it has more channels than this path.
        if (type === 'channels.forgotten') throw new Unreachable();
        if (type === 'app.release') {
          isAnswered = true;
          return { user: 'reply', request: 2, answer: { ret: bytes(9) }, wire: [response(1, 2), ...wire] };
        }
        return { peer: onChannel(2, body), wire, ...violated };
      });
      return [
        ...active(),
        { user: 'serve', on: 'a', credit },
        { peer: callNaming(1, 2, [2]), handled: [2] },
        ...walked,
        ...after,
      ];
    });
