/** The explored worlds of calls and channels. Each is as small as its purpose allows. */
import type { AnyStateMachine } from 'xstate';
import type { Conformance } from '../../../machines/events.js';
import {
  callsMachine,
  channelsMachine,
  incomingCallMachine,
  outgoingCallMachine,
  receiverMachine,
  senderMachine,
  unboundChannelMachine,
} from '../../../machines/index.js';
import { Local } from '../local.js';
import { Answerer, type AnswererOptions } from './answerer.js';
import { Caller, type CallerOptions } from './caller.js';
import { Named, type NamedOptions } from './named.js';
import { Namer } from './namer.js';
import type { Party, PartyState, Said } from './party.js';
import { Receiver, type ReceiverOptions } from './receiver.js';
import { Sender, type SenderOptions } from './sender.js';
import type { WorldOptions } from './world.js';

export interface Machines {
  readonly calls: AnyStateMachine;
  readonly call: AnyStateMachine;
  readonly answer: AnyStateMachine;
  readonly channels: AnyStateMachine;
  readonly offer: AnyStateMachine;
  readonly sender: AnyStateMachine;
  readonly receiver: AnyStateMachine;
}

export const SHIPPED: Machines = {
  calls: callsMachine,
  call: outgoingCallMachine,
  answer: incomingCallMachine,
  channels: channelsMachine,
  offer: unboundChannelMachine,
  sender: senderMachine,
  receiver: receiverMachine,
};

export interface Configuration {
  readonly name: string;
  /** The purpose of the configuration. */
  readonly text: string;
  worldOf(machines: Machines): WorldOptions;
}

const MODES: readonly Conformance[] = ['reference', 'strict'];

// ---- Calls --------------------------------------------------------------------------------------------------------

interface Requests {
  readonly caller?: Partial<CallerOptions>;
  readonly answerer?: Partial<AnswererOptions>;
  readonly fails?: boolean;
}

function requests(name: string, text: string, { caller, answerer, fails = false }: Requests): Configuration[] {
  return MODES.map((conformance) => ({
    name: `${name}-${conformance}`,
    text,
    worldOf: ({ calls, call, answer }) => ({
      parties: [
        new Caller(new Local('call', call), new Local('calls', calls), {
          calls: 2,
          limit: 1,
          conformance,
          gives: ['abort'],
          ...caller,
        }),
        new Answerer(new Local('answer', answer), new Local('calls', calls), {
          limit: 1,
          conformance,
          answers: true,
          listens: false,
          ...answerer,
        }),
      ] as unknown as readonly Party[],
      fails,
      goals: ['calls-settle', 'places-free'],
    }),
  }));
}

const CALLS: readonly Configuration[] = [
  ...requests('turns', 'Three calls under a limit of 1, any of which is aborted, or fails, at any time', {
    caller: { calls: 3, gives: ['abort', 'fail'] },
  }),
  ...requests('pipelined', 'Two calls at a time, of three, answered in any order', {
    caller: { calls: 3, limit: 2 },
    answerer: { limit: 2 },
  }),
  ...requests('listening', 'A handler that answers from within its signal: the answer comes too late', {
    answerer: { listens: true },
  }),
  ...requests('silent', 'Handlers that never have to answer, and calls that expire', {
    caller: { expires: true },
    answerer: { answers: false },
  }),
  ...requests('unsendable', 'A call that can’t be sent, which is known at once or after it was given up', {
    caller: { gives: ['abort', 'fail'], unsendable: [0] },
  }),
  ...requests('closing', 'A link that fails and a caller that closes the connection, at any time', {
    caller: { gives: ['abort', 'close'] },
    fails: true,
  }),
];

// ---- Channels -----------------------------------------------------------------------------------------------------

interface Channel {
  readonly sender?: Partial<SenderOptions>;
  readonly receiver?: Partial<ReceiverOptions>;
  readonly fails?: boolean;
}

function channel(
  name: string,
  text: string,
  window: number,
  { sender: from, receiver: to, fails = false }: Channel = {},
): Configuration[] {
  return MODES.map((conformance) => ({
    name: `${name}-${conformance}`,
    text,
    worldOf: ({ offer, sender, receiver }) => {
      const one = new Sender(new Local('sender', sender), {
        conformance,
        credit: window,
        items: 3,
        gives: [],
        ...from,
      });
      const other = new Receiver(new Local('receiver', receiver), new Local('offer', offer), {
        ...{ conformance, window, room: window, gives: [] },
        ...to,
      });
      return {
        parties: [one, other] as unknown as readonly Party[],
        fails,
        goals: ['sender-goes-on', 'end-known'],
        quiet: (states: readonly PartyState[]) => {
          const [sending, receiving] = states as unknown as [Ends, Ends];
          const credits = [one.creditOf(sending as never), other.creditOf(receiving as never)];
          if (sending.hasEnded || receiving.hasEnded || credits[1] === undefined) return undefined;
          if (credits[0] === credits[1]) return undefined;
          return { property: 'credit-agrees', text: `${credits[0]} at the sender, ${credits[1]} at the receiver` };
        },
      };
    },
  }));
}

interface Ends {
  readonly hasEnded: boolean;
}

const CHANNELS: readonly Configuration[] = [
  ...channel('credit-0', 'Nothing is sent before credit is given by hand', 0, {
    receiver: { hands: { times: 3, additional: 1 } },
  }),
  ...channel('credit-1', 'A unit of credit, given back item by item', 1, { sender: { items: 4 } }),
  ...channel('credit-2', 'More items than credit', 2, { sender: { items: 5 } }),
  ...channel('credit-4', 'Credit in batches, and by hand besides', 4, {
    sender: { items: 6 },
    receiver: { hands: { times: 1, additional: 2 } },
  }),
  ...channel('ends', 'Close and Reset cross; the link fails, and either side closes the connection', 1, {
    sender: { gives: ['finish', 'close'] },
    receiver: { gives: ['reset', 'close'] },
    fails: true,
  }),
  ...channel('late', 'A channel that is bound, or refused, after items and a Close have come', 2, {
    sender: { gives: ['finish', 'close'] },
    receiver: { gives: ['reset', 'refuse', 'close'], isLate: true },
    fails: true,
  }),
];

function named(machines: Machines, options: NamedOptions, isAlone?: boolean): Named {
  const { channels, offer, receiver } = machines;
  const [all, offers, receivers] = [
    new Local('channels', channels),
    new Local('offer', offer),
    new Local('receiver', receiver),
  ];
  return new Named(all, offers, receivers, options, isAlone);
}

const NAMES: readonly Configuration[] = [1, 2].flatMap((limit) =>
  MODES.map((conformance) => ({
    name: `names-${limit}-${conformance}`,
    text: `Two channels, named and reset and closed in any order, where ${limit} may be open`,
    worldOf: (machines) => ({
      parties: [
        new Namer(new Local('sender', machines.sender), { conformance, channels: 2 }),
        named(machines, { conformance, limit, credit: 1 }),
      ] as unknown as readonly Party[],
      fails: true,
      goals: [],
    }),
  })),
);

// ---- Adversaries --------------------------------------------------------------------------------------------------

const said = (id: number, body: Said['body']): Said => ({ id, body });
const RESPONSES = [1, 3, 5].map((id) =>
  said(id, { type: 'Response', channels: [], metadata: [], ret: new Uint8Array([id]) }),
);
const CALLS_AND_CANCELS = [1, 3].flatMap((id) => [
  said(id, { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array() }),
  said(id, { type: 'Cancel', metadata: [] }),
]);
const ON_CHANNEL = [
  said(1, { type: 'Item', item: new Uint8Array([1]) }),
  said(1, { type: 'Close', metadata: [] }),
  said(1, { type: 'Reset', metadata: [] }),
  said(1, { type: 'GrantCredit', additional: 1 }),
];

function adversary(name: string, text: string, partyOf: (machines: Machines, mode: Conformance) => unknown) {
  return MODES.map(
    (conformance): Configuration => ({
      name: `adversary-${name}-${conformance}`,
      text,
      worldOf: (machines) => ({ parties: [partyOf(machines, conformance) as Party], fails: true, goals: [] }),
    }),
  );
}

const ADVERSARIES: readonly Configuration[] = [
  ...adversary('caller', 'Responses to calls in flight, given up and never made', ({ calls, call }, conformance) => {
    const options: CallerOptions = { calls: 2, limit: 1, conformance, gives: ['abort', 'fail', 'close'] };
    return new Caller(new Local('call', call), new Local('calls', calls), options, RESPONSES);
  }),
  ...adversary(
    'answerer',
    'Calls beyond the limit and on ids in flight, and Cancels of anything',
    ({ calls, answer }, mode) => {
      const options: AnswererOptions = { limit: 1, conformance: mode, answers: false, listens: true };
      return new Answerer(new Local('answer', answer), new Local('calls', calls), options, CALLS_AND_CANCELS);
    },
  ),
  ...adversary('pipelined', 'The same where two calls are taken at a time', ({ calls, answer }, mode) => {
    const options: AnswererOptions = { limit: 2, conformance: mode, answers: false, listens: false };
    return new Answerer(new Local('answer', answer), new Local('calls', calls), options, CALLS_AND_CANCELS);
  }),
  ...adversary('sender', 'Anything that can be said on a channel, to its sender', ({ sender }, conformance) => {
    const options: SenderOptions = { conformance, credit: 1, items: 3, gives: ['finish', 'close'] };
    return new Sender(new Local('sender', sender), options, ON_CHANNEL);
  }),
  ...adversary(
    'receiver',
    'Anything that can be said on a channel, to its receiver',
    ({ offer, receiver }, conformance) => {
      const options: ReceiverOptions = { conformance, window: 2, room: 3, gives: ['reset', 'close'] };
      return new Receiver(new Local('receiver', receiver), new Local('offer', offer), options, ON_CHANNEL);
    },
  ),
  ...adversary(
    'offer',
    'Anything that can be said on a channel, before it is bound',
    ({ offer, receiver }, conformance) => {
      const options: ReceiverOptions = { conformance, window: 2, room: 2, gives: ['refuse', 'close'], isLate: true };
      return new Receiver(new Local('receiver', receiver), new Local('offer', offer), options, ON_CHANNEL);
    },
  ),
  ...adversary('namer', 'Channels of either parity, named and not, and anything on them', (machines, mode) =>
    named(machines, { conformance: mode, limit: 2, credit: 1 }, true),
  ),
];

export const CONFIGURATIONS: readonly Configuration[] = [...CALLS, ...CHANNELS, ...NAMES, ...ADVERSARIES];

export function configurationOf(name: string): Configuration {
  const configuration = CONFIGURATIONS.find((one) => one.name === name);
  if (configuration === undefined) throw new Error(`there is no configuration ${name}`);
  return configuration;
}
