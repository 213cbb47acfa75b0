import type { EventObject } from 'xstate';
import { NO_METADATA } from '../../machines/events.js';
import { type ConnectionEvent, type ConnectionInput, connectionMachine, type Role } from '../../machines/index.js';
import { type ConnectionId, opposite, type Parity } from '../wire/id.js';
import type { Message } from '../wire/message.js';
import { paths } from './paths.js';
import { accept, acceptOf, call, close, heard, item, open, REJECT_PLEASE, reject } from './phrases.js';
import { ASKED, handshakeWith } from './scenes.js';
import type { Answer, CaseSpec, Citation, Expected, Need, Step, World } from './vocabulary.js';
import { answers, hearing, type Model, messageOf, type Outcome, replay, rx } from './walks.js';

type Origin = 'local' | 'peer';

/** The connection's id in the machine. The case has another one. */
const ID = 1;
const ODD = { parity: 'odd', maxConcurrentRequests: 64 } as const;
const EVEN = { parity: 'even', maxConcurrentRequests: 64 } as const;

const data: readonly ConnectionEvent[] = [rx(call(ID, 1)), rx(item(ID, 1))];
const gone: readonly ConnectionEvent[] = [
  rx(close(ID)),
  { type: 'app.close', id: ID, request: 1, metadata: NO_METADATA },
];
const answered: readonly ConnectionEvent[] = [rx(accept(ID, 'even')), rx(reject(ID))];

/**
 * The events of a connection in each state, as far as the tester can cause them. Missing are a reader that leaves, a time
 * that passes, and data while the peer decides, which depends on the peer's speed (the table has a row for it). Answers to
 * connections that the peer did not open never reach a connection. They stand in the table of the session.
 */
const ALPHABET: Readonly<Record<Origin, Readonly<Record<string, readonly ConnectionEvent[]>>>> = {
  peer: {
    deciding: [
      { type: 'app.accept', id: ID, settings: EVEN, metadata: NO_METADATA },
      { type: 'app.reject', id: ID, metadata: NO_METADATA },
      rx(close(ID)),
    ],
    active: [...data, ...gone],
  },
  local: {
    opening: [...answered, rx(accept(ID, 'odd')), ...data, ...gone],
    active: [...answered, ...data, ...gone],
  },
};

const CITATIONS: Readonly<Record<string, Citation>> = {
  'deciding + app.accept': { row: '5.05', rule: 'connection.open' },
  'deciding + app.reject': { row: '5.04', rule: 'connection.open.rejection' },
  'deciding + rx.ConnectionClose': { row: '5.12', rule: 'connection.close' },
  'opening + rx.ConnectionAccept': { row: '5.08', rule: 'connection.open' },
  "opening + rx.ConnectionAccept (the opener's own parity)": { row: '9a.02', rule: 'connection.parity' },
  'opening + rx.ConnectionReject': { row: '5.09', rule: 'connection.open.rejection' },
  'opening + rx.ConnectionClose': { row: '5.11', rule: 'connection.close' },
  'opening + rx.RequestMessage': { row: '9a.06', rule: 'session.message' },
  'opening + rx.ChannelMessage': { row: '9a.06', rule: 'session.message' },
  'opening + app.close': { row: '5.26', rule: 'connection.close' },
  'active + rx.ConnectionAccept': { row: '9a.04', rule: 'connection.open' },
  'active + rx.ConnectionReject': { row: '9a.04', rule: 'connection.open' },
  'active + rx.ConnectionClose': { row: '5.10', rule: 'connection.close.semantics' },
  'active + rx.RequestMessage': { row: '5.14', rule: 'session.message' },
  'active + rx.ChannelMessage': { row: '5.14', rule: 'session.message' },
  'active + app.close': { row: '5.26', rule: 'connection.close' },
};

/** Returns every path through the graph of the connection machine, for both openers. */
export function connectionCases(role: Role): readonly CaseSpec[] {
  return (['peer', 'local'] as const).flatMap((origin) => casesOf(origin, role));
}

function casesOf(origin: Origin, role: Role): readonly CaseSpec[] {
  const input = (conformance: Model): ConnectionInput => ({
    id: ID,
    origin,
    conformance,
    metadata: NO_METADATA,
    port: {} as ConnectionInput['port'],
    parent: {} as ConnectionInput['parent'],
    ...(origin === 'local' ? { request: 1, localSettings: ODD } : { peerSettings: ODD }),
  });
  const found = paths(connectionMachine, {
    input: input('strict'),
    events: ({ value }) => ALPHABET[origin][String(value)] ?? [],
    nameEvent,
  });
  return found.flatMap(({ name, start, steps }): CaseSpec[] => {
    const last = steps.at(-1);
    if (last === undefined) return [];
    const states = [start, ...steps.map(({ snapshot }) => snapshot)].map(({ value }) => String(value));
    const events = steps.map(({ event }) => event);
    const played = events.flatMap((event, index) => {
      const [strict, reference] = (['strict', 'reference'] as const).map((model) =>
        answerOf(origin, replay(connectionMachine, input(model), events.slice(0, index + 1))),
      );
      return stepsOf(origin, states[index] ?? '', event, answers(strict ?? {}, reference ?? {}));
    });
    const needs = needsOf(origin, events);
    const by = origin === 'local' ? 'the peer' : 'the tester';
    return [
      {
        // A missing row would show as a case without a rule. A test checks that there is none.
        ...(CITATIONS[`${states.at(-2) ?? ''} + ${nameEvent(last.event)}`] ?? { row: '?', rule: '?' }),
        name: name.replace('connection:', `connection opened by ${by}:`),
        ...(needs.length === 0 ? {} : { needs }),
        steps: [...handshakeWith(role), ...(origin === 'local' ? [ASKED] : []), ...played],
      },
    ];
  });
}

function stepsOf(
  origin: Origin,
  state: string,
  event: EventObject,
  due: Answer | { tolerated: Answer },
): readonly Step[] {
  const id = (world: World) => idOf(origin, world);
  if (event.type === 'app.close') return [{ ...due, act: 'close', at: id }];
  if (state !== 'deciding') return [{ ...due, tell: (world) => [inCase(event, origin, world)] }];
  // The peer decides at once, so the open belongs to the step.
  if (event.type === 'app.accept') return [{ ...due, tell: (world) => [open(id(world))] }];
  if (event.type === 'app.reject') {
    return [{ act: 'rejectNext' }, { ...due, tell: (world) => [open(id(world), REJECT_PLEASE)] }];
  }
  // The peer may have accepted or rejected before the Close came.
  const maybe = (world: World) => [acceptOf(id(world)), heard('ConnectionReject', id(world))];
  return [{ ...due, tell: (world) => [open(id(world)), inCase(event, origin, world)], maybe }];
}

function answerOf(origin: Origin, { snapshot, sent }: Outcome): Answer | 'accused' {
  if (snapshot.value === 'violated') return 'accused';
  return hearing(sent, expectedOf, (world) => idOf(origin, world));
}

function expectedOf({ type }: Message, id: ConnectionId): Expected {
  return type === 'ConnectionAccept' ? acceptOf(id) : heard(type, id);
}

/** Returns the machine's message with the id and the parity of the connection in the case. */
function inCase(event: EventObject, origin: Origin, world: World): Message {
  const message = { ...(messageOf(event) as Message), connectionId: idOf(origin, world) };
  if (message.type !== 'ConnectionAccept') return message;
  const isOpeners = message.connectionSettings.parity === ODD.parity;
  return accept(message.connectionId, isOpeners ? world.askedParity : opposite(world.askedParity));
}

function idOf(origin: Origin, world: World): ConnectionId {
  return origin === 'local' ? world.opened : world.mine();
}

function nameEvent(event: EventObject): string {
  const message = messageOf(event);
  if (message?.type !== 'ConnectionAccept') return event.type;
  const parity: Parity = message.connectionSettings.parity;
  return parity === ODD.parity ? `${event.type} (the opener's own parity)` : event.type;
}

function needsOf(origin: Origin, events: readonly EventObject[]): readonly Need[] {
  const types = new Set(events.map(({ type }) => type));
  const needs: readonly [Need, boolean][] = [
    ['open', origin === 'local'],
    ['close', types.has('app.close')],
    ['rejectNext', types.has('app.reject')],
  ];
  return needs.filter(([, isNeeded]) => isNeeded).map(([need]) => need);
}
