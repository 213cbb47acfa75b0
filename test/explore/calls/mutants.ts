/** The mutants that the explorer has to find: the shipped machines, each time with one mistake in one of them. */
import { assign } from 'xstate';
import { changed } from '../mutant.js';
import { configurationOf, type Machines, SHIPPED } from './configurations.js';
import { explore, type Failure } from './explore.js';
import type { Property } from './properties.js';

export interface Mutant {
  readonly text: string;
  /** The property that fails, and the configuration in which it does. */
  readonly by: Property;
  readonly configuration: string;
  readonly make: () => Partial<Machines>;
}

const { calls, call, answer, channels, sender, receiver } = SHIPPED;
const settle = { type: 'settle', params: { type: 'ended' } };

/** The part of the context that a channel's guard reads. */
interface Books {
  readonly context: { readonly credit: number; readonly taken: number; readonly window: number };
}

/** The part of the context that a guard of the machine of all calls reads. */
interface Counts {
  readonly context: { readonly inFlight: number; readonly peerMax: number };
}

export const MUTANTS: readonly Mutant[] = [
  {
    text: 'one call more leaves than the peer takes',
    by: 'limit-kept',
    configuration: 'turns-reference',
    make: () => ({
      calls: calls.provide({ guards: { hasSlot: ({ context }: Counts) => context.inFlight <= context.peerMax } }),
    }),
  },
  {
    text: 'the end of a call is the turn of no other',
    by: 'calls-settle',
    configuration: 'turns-strict',
    make: () => ({
      calls: changed(calls, ({ states }) => {
        states.open.on['call.done'].splice(1, 1);
      }),
    }),
  },
  {
    text: 'a call that is over keeps its place',
    by: 'calls-settle',
    configuration: 'pipelined-reference',
    make: () => ({
      calls: changed(calls, ({ states }) => {
        delete states.open.on['call.done'][2].actions;
      }),
    }),
  },
  {
    text: 'a call that is given up before its turn passes the turn on',
    by: 'limit-kept',
    configuration: 'turns-strict',
    make: () => ({
      calls: changed(calls, ({ states }) => {
        states.open.on['call.done'].shift();
      }),
    }),
  },
  {
    text: 'a strict peer is handed one Call more than it takes',
    by: 'limit-kept',
    configuration: 'adversary-answerer-strict',
    make: () => ({ calls: calls.provide({ guards: { isOverMax: () => false } }) }),
  },
  {
    text: 'two Calls may have one id',
    by: 'limit-kept',
    configuration: 'adversary-pipelined-strict',
    make: () => ({ calls: calls.provide({ guards: { isInFlight: () => false } }) }),
  },
  {
    text: 'a Call counts after its Response has left',
    by: 'never-accused',
    configuration: 'turns-strict',
    make: () => ({
      calls: changed(calls, ({ states }) => {
        delete states.open.on['response.sent'];
      }),
    }),
  },
  {
    text: 'a Response to nothing is no offence',
    by: 'never-accused',
    configuration: 'adversary-caller-strict',
    make: () => ({
      calls: changed(calls, ({ states }) => {
        delete states.open.on['rx.Response'];
      }),
    }),
  },
  {
    text: 'a caller hears of the Response to a call that it gave up',
    by: 'call-settles-once',
    configuration: 'turns-strict',
    make: () => ({
      call: changed(call, ({ states }) => {
        states.cancelled.on['rx.Response'] = { target: 'settled', actions: settle };
      }),
    }),
  },
  {
    text: 'a handler that was aborted is heard all the same',
    by: 'one-response',
    configuration: 'turns-reference',
    make: () => ({
      answer: changed(answer, ({ states }) => {
        states.aborted.on['app.reply'] = states.received.on['app.reply'];
      }),
    }),
  },
  {
    text: 'a call that is given up gives up its place, too',
    by: 'limit-kept',
    configuration: 'turns-reference',
    make: () => ({
      call: changed(call, ({ states }) => {
        states.inFlight.on['app.abort'].target = 'settled';
      }),
    }),
  },
  {
    text: 'a call is cancelled as often as it is given up',
    by: 'cancel-once',
    configuration: 'silent-strict',
    make: () => ({
      call: changed(call, ({ states }) => {
        states.cancelled.on['app.abort'] = { actions: states.inFlight.on['app.abort'].actions[0] };
      }),
    }),
  },
  {
    text: 'a handler lets the connection go before it answers',
    by: 'request-holds',
    configuration: 'turns-reference',
    make: () => ({
      answer: changed(answer, ({ states }) => {
        states.answered.entry = [];
        states.received.exit = 'release';
      }),
    }),
  },
  {
    text: 'a call that was given up holds the connection until its Response comes',
    by: 'request-holds',
    configuration: 'silent-strict',
    make: () => ({
      call: changed(call, ({ states }) => {
        states.cancelled.entry = [];
        states.over.entry = 'release';
      }),
    }),
  },
  {
    text: 'the last unit of credit pays for two items',
    by: 'credit-kept',
    configuration: 'credit-2-strict',
    make: () => ({ sender: sender.provide({ guards: { hasCredit: ({ context }: Books) => context.credit >= 0 } }) }),
  },
  {
    text: 'credit that is granted takes the place of what was left',
    by: 'credit-adds',
    configuration: 'credit-4-reference',
    make: () => ({
      sender: sender.provide({
        actions: {
          earn: assign((_, { additional }: { readonly additional: number }) => ({ credit: additional })) as never,
        },
      }),
    }),
  },
  {
    text: 'a receiver does not note the credit that it gives',
    by: 'credit-agrees',
    configuration: 'credit-1-reference',
    make: () => ({ receiver: receiver.provide({ actions: { give: assign({}) } }) }),
  },
  {
    text: 'items cost their sender nothing in the books of the receiver',
    by: 'credit-bounds',
    configuration: 'credit-2-reference',
    make: () => ({
      receiver: receiver.provide({ actions: { hold: assign(({ context }) => ({ held: context.held + 1 })) } }),
    }),
  },
  {
    text: 'an item is handed out twice',
    by: 'in-order',
    configuration: 'credit-1-strict',
    make: () => ({
      receiver: changed(receiver, ({ states }) => {
        const { actions } = states.receiving.on['rx.Item'][0];
        actions.push(actions[1]);
      }),
    }),
  },
  {
    text: 'a sender says that it has finished before it sends its Close',
    by: 'channel-last-word',
    configuration: 'ends-reference',
    make: () => ({
      sender: changed(sender, ({ states }) => {
        states.sending.on['app.close'][1].actions.reverse();
      }),
    }),
  },
  {
    text: 'a Close overtakes the items that wait for credit',
    by: 'close-follows',
    configuration: 'ends-strict',
    make: () => ({ sender: sender.provide({ guards: { isAnyWaiting: () => false } }) }),
  },
  {
    text: 'the Close leaves before the last of the items that wait',
    by: 'channel-last-word',
    configuration: 'ends-reference',
    make: () => ({
      sender: changed(sender, ({ states }) => {
        const [last] = states.closing.on['queue.next'];
        last.actions.push(last.actions.shift());
      }),
    }),
  },
  {
    text: 'a sender that has finished goes on',
    by: 'concludes-once',
    configuration: 'ends-strict',
    make: () => ({
      sender: changed(sender, ({ states }) => {
        states.sending.on['app.close'][1].target = undefined;
      }),
    }),
  },
  {
    text: 'a receiver takes one item less than it has given credit for',
    by: 'never-accused',
    configuration: 'credit-1-strict',
    make: () => ({ receiver: receiver.provide({ guards: { isCovered: ({ context }: Books) => context.credit > 1 } }) }),
  },
  {
    text: 'in reference mode, too, a sender takes offence at a Close',
    by: 'never-accused',
    configuration: 'adversary-sender-reference',
    make: () => ({ sender: sender.provide({ guards: { isReference: () => false } }) }),
  },
  {
    text: 'a handler is not told that the connection is over, and answers',
    by: 'end-is-silent',
    configuration: 'closing-reference',
    make: () => ({
      answer: changed(answer, ({ states }) => {
        delete states.received.on['connection.ended'];
      }),
    }),
  },
  {
    text: 'a call that waits for its turn outlives the connection',
    by: 'nothing-waits',
    configuration: 'closing-strict',
    make: () => ({
      call: changed(call, ({ states }) => {
        delete states.waiting.on['connection.ended'];
      }),
    }),
  },
  {
    text: 'a handler that fails says nothing',
    by: 'calls-settle',
    configuration: 'turns-reference',
    make: () => ({
      answer: changed(answer, ({ states }) => {
        states.received.on['app.fail'] = {};
      }),
    }),
  },
  {
    text: 'a call that is given up waits for ever for what never left',
    by: 'places-free',
    configuration: 'unsendable-reference',
    make: () => ({
      call: changed(call, ({ states }) => {
        delete states.cancelled.on['calls.refused'];
      }),
    }),
  },
  {
    text: 'a Cancel waits for the handler',
    by: 'places-free',
    configuration: 'silent-reference',
    make: () => ({
      answer: changed(answer, ({ states }) => {
        states.received.on['rx.Cancel'] = { actions: 'abort' };
      }),
    }),
  },
  {
    text: 'items that cross our Reset are taken for items behind a Close',
    by: 'never-accused',
    configuration: 'names-2-strict',
    make: () => ({
      channels: changed(channels, ({ states }) => {
        states.open.on['rx.unknown'].splice(1, 1);
      }),
    }),
  },
  {
    text: 'an id that was reset is kept behind its Close',
    by: 'channel-known',
    configuration: 'names-2-strict',
    make: () => ({
      channels: changed(channels, ({ states }) => {
        states.open.on['rx.unknown'].shift();
      }),
    }),
  },
  {
    text: 'strict mode takes a channel that was named before',
    by: 'names-once',
    configuration: 'adversary-namer-strict',
    make: () => ({ channels: channels.provide({ guards: { isNamedAgain: () => false } }) }),
  },
  {
    text: 'reference mode keeps messages on ids that are ours to name',
    by: 'channel-known',
    configuration: 'adversary-namer-reference',
    make: () => ({ channels: channels.provide({ guards: { isOurs: () => false } }) }),
  },
  {
    text: 'credit is given back when more than all of it was used',
    by: 'sender-goes-on',
    configuration: 'credit-2-reference',
    make: () => ({
      receiver: receiver.provide({ guards: { isBatch: ({ context }: Books) => context.taken + 1 > context.window } }),
    }),
  },
  {
    text: 'a receiver that has had enough does not say so',
    by: 'end-known',
    configuration: 'ends-reference',
    make: () => ({
      receiver: changed(receiver, ({ states }) => {
        states.receiving.on['app.reset'].actions.shift();
      }),
    }),
  },
];

/** Returns the failure of a mutant. Of the liveness properties it checks only the mutant's own. */
export function hunt({ by, configuration, make }: Mutant): Failure | undefined {
  return explore(configurationOf(configuration), { ...SHIPPED, ...make() }, [by]).failure;
}
