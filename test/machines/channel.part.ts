import type { EventObject } from 'xstate';
import { channelsMachine, receiverMachine, senderMachine, unboundChannelMachine } from '../../machines/index.js';
import {
  type ChannelsState,
  channels,
  offer,
  type ReceiverState,
  receiver,
  type SenderState,
  sender,
  type UnboundChannelState,
} from '../../spec/parts/channel.js';
import { M, N } from '../../spec/rows/messages.js';
import type { Mode } from '../../spec/rows/vocabulary.js';
import { event, MODES } from './inputs.js';
import type { Part, Variant } from './part.js';

const RECEIVED: readonly EventObject[] = [
  event('rx.Item', { body: { type: 'Item', item: new Uint8Array([1]) } }),
  event('rx.Close', { body: { type: 'Close', metadata: M } }),
  event('rx.Reset', { body: { type: 'Reset', metadata: N } }),
];

function granted(additional: number): EventObject {
  return event('rx.GrantCredit', { body: { type: 'GrantCredit', additional } });
}

const ENDED = event('connection.ended');

function inBothModes(name: string, input: object, rest: Pick<Variant, 'isHidden'> = {}): readonly Variant[] {
  return MODES.map((mode: Mode) => ({
    name: `${name}, ${mode}`,
    mode,
    input: { ...input, conformance: mode },
    told: { ...input, mode },
    ...rest,
  }));
}

const HIDDEN = { isHidden: true } as const;

// ---- Before it is bound -------------------------------------------------------------------------------------------

// r[rpc.channel.lifecycle]
export const unboundChannelPart: Part = {
  machine: unboundChannelMachine,
  variants: [0, 1, 2].flatMap((room) => inBothModes(`room for ${String(room)}`, { room }, room === 1 ? {} : HIDDEN)),
  delays: {},
  serialize: ({ value, context: { items, isClosed, isReset, isGranted } }) =>
    JSON.stringify(value === 'unbound' ? [items, isClosed, isReset, isGranted] : value),
  events: ({ value }) => [
    ...RECEIVED,
    granted(1),
    event('app.bind'),
    event('app.release'),
    ...(value === 'unbound' ? [] : [event('channels.forgotten')]),
    ENDED,
  ],
  nameState: ({ value, context: { items, isClosed, isReset, isGranted } }) => {
    if (value !== 'unbound') return String(value);
    const facts = [
      ...(isClosed === true ? ['closed'] : []),
      ...(isReset === true ? ['reset'] : []),
      ...(isGranted === true ? ['granted'] : []),
    ];
    return `unbound[${[String(items), ...facts].join(', ')}]`;
  },
  isShown: () => true,
  oracle: offer,
  heard: (event) => event,
  seen: ({ status, value, context: { items, isClosed, isReset, isGranted } }) => ({
    phase: value === 'unbound' ? 'open' : value,
    isOver: status === 'done',
    items,
    isClosed,
    isReset,
    isGranted,
  }),
  wanted: ({ phase, items, isClosed, isReset, isGranted }: UnboundChannelState) => ({
    phase,
    isOver: phase !== 'open' && phase !== 'released',
    items,
    isClosed,
    isReset,
    isGranted,
  }),
};

// ---- Without an end here ------------------------------------------------------------------------------------------

const FOUND: readonly object[] = [
  { isOurs: false, wasNamed: false, wasReset: false, hasForgotten: false, hasRoom: true },
  { isOurs: false, wasNamed: false, wasReset: false, hasForgotten: true, hasRoom: false },
  { isOurs: true, wasNamed: false, wasReset: false, hasForgotten: false, hasRoom: true },
  { isOurs: false, wasNamed: true, wasReset: false, hasForgotten: false, hasRoom: true },
  { isOurs: true, wasNamed: true, wasReset: false, hasForgotten: true, hasRoom: true },
  { isOurs: true, wasNamed: true, wasReset: true, hasForgotten: false, hasRoom: false },
];

const NAMED = { id: 4, isTheirs: true, wasNamed: false, isTaken: false, hasRoom: true };

/** A name with one fact that makes a difference, or with none. A taken id was also named before, or is no id of theirs. */
const NAMES: readonly object[] = [
  NAMED,
  { ...NAMED, hasRoom: false },
  { ...NAMED, wasNamed: true },
  { ...NAMED, wasNamed: true, isTaken: true },
  { ...NAMED, isTheirs: false },
  { ...NAMED, isTheirs: false, isTaken: true, hasRoom: false },
];

// r[rpc.channel.lifecycle] r[rpc.channel.close] r[rpc.channel.allocation]
export const channelsPart: Part = {
  machine: channelsMachine,
  variants: MODES.map((mode: Mode) => ({ name: mode, mode, input: { conformance: mode }, told: { mode } })),
  delays: {},
  serialize: ({ value }) => String(value),
  events: () => [
    ...NAMES.map((facts) => event('rx.named', facts)),
    ...FOUND.flatMap((found) =>
      [...RECEIVED, granted(1)].map((received) =>
        event('rx.unknown', { ...received, type: 'rx.unknown', id: 4, ...found }),
      ),
    ),
    ENDED,
  ],
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: channels,
  heard: (event) => event,
  seen: ({ status, value }) => ({ phase: value, isOver: status === 'done' }),
  wanted: ({ phase }: ChannelsState) => ({ phase, isOver: phase !== 'open' }),
};

// ---- The sender's end ---------------------------------------------------------------------------------------------

const ITEM = new Uint8Array([2]);

/** The largest credit: no number beyond it can be counted exactly. */
const ENDLESS = Number.MAX_SAFE_INTEGER;

// r[rpc.channel] r[rpc.flow-control.credit.initial] r[rpc.flow-control.credit.initial.zero]
export const senderPart: Part = {
  machine: senderMachine,
  variants: [
    ...[0, 1, 2].flatMap((credit) => inBothModes(`credit ${String(credit)}`, { credit }, credit === 1 ? {} : HIDDEN)),
    ...[1, 2, 3].flatMap((left) =>
      inBothModes(`credit endless but ${String(left)}`, { credit: ENDLESS - left }, HIDDEN),
    ),
  ],
  delays: {},
  serialize: ({ status, value, context: { credit, waiting } }) =>
    JSON.stringify(status === 'done' ? value : [value, credit, waiting]),
  // Paths end where there is much credit, where endless credit is used up, and where two items wait.
  events: ({ value, context: { credit, waiting } }) =>
    // Items that wait leave as soon as there is credit for them. Nothing comes in between.
    waiting > 0 && credit > 0
      ? [event('queue.next', { item: new Uint8Array([3]) })]
      : [
          ...RECEIVED,
          ...(credit > 1 && credit < ENDLESS - 3 ? [] : [granted(0), granted(2)]),
          ...(credit > 3 && credit < ENDLESS - 3
            ? []
            : [
                ...(waiting < 2 || value === 'closing' ? [event('app.send', { item: ITEM, hasRoom: true })] : []),
                event('app.send', { item: ITEM, hasRoom: false }),
              ]),
          event('app.close', { metadata: M }),
          event('app.fail', { metadata: N }),
          ENDED,
        ],
  nameState: ({ value, context: { credit, waiting } }) => {
    if (value !== 'sending' && value !== 'closing') return String(value);
    return `${value}[${[String(credit), ...(waiting > 0 ? [`${String(waiting)} waiting`] : [])].join(', ')}]`;
  },
  isShown: () => true,
  oracle: sender,
  heard: (event) => event,
  seen: ({ status, value, context: { credit, waiting, metadata } }) =>
    status === 'done'
      ? { phase: value, isOver: true }
      : { phase: value === 'sending' ? 'open' : value, isOver: false, credit, waiting, metadata },
  wanted: ({ phase, credit, waiting, metadata }: SenderState) =>
    phase === 'open' || phase === 'closing'
      ? { phase, isOver: false, credit, waiting, metadata }
      : { phase, isOver: true },
};

// ---- The receiver's end -------------------------------------------------------------------------------------------

/** Each window with room for one item more than it covers. */
const WINDOWS = [0, 1, 2, 4];

// r[rpc.flow-control.credit] r[rpc.channel.item] r[rpc.channel.close] r[rpc.channel.reset]
export const receiverPart: Part = {
  machine: receiverMachine,
  variants: WINDOWS.flatMap((window) =>
    inBothModes(`window ${String(window)}`, { window, room: window + 1 }, window % 4 === 0 ? {} : HIDDEN),
  ),
  delays: {},
  serialize: ({ status, value, context: { credit, held, taken } }) =>
    JSON.stringify(status === 'done' ? value : [credit, held, taken]),
  // An item is taken only if one is held. Paths end where much was granted by hand, or taken without any return.
  events: ({ context: { window, credit, held, taken } }) => [
    ...RECEIVED,
    granted(1),
    ...(held > 0 && taken < 2 + window ? [event('app.take')] : []),
    ...(credit + held + taken > 0 ? [] : [event('app.grant', { additional: 2 })]),
    event('app.reset', { metadata: N }),
    ENDED,
  ],
  nameState: ({ value, context: { credit, held, taken } }) =>
    value === 'receiving' ? `receiving[credit ${credit}, held ${held}, taken ${taken}]` : String(value),
  isShown: (name) => /credit (4, held 0|3, held 1|0, held [3-5]), taken [01]/.test(name),
  oracle: receiver,
  heard: (event) => event,
  seen: ({ status, value, context: { credit, held, taken } }) => ({
    phase: value === 'receiving' ? 'open' : value,
    isOver: status === 'done',
    credit,
    held,
    taken,
  }),
  wanted: ({ phase, credit, held, taken }: ReceiverState) => ({ phase, isOver: phase !== 'open', credit, held, taken }),
};
