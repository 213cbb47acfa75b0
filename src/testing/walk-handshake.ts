import type { EventObject } from 'xstate';
import { NO_METADATA } from '../../machines/events.js';
import { type HandshakeEvent, type HandshakeInput, handshakeMachine, type Role } from '../../machines/index.js';
import { LinkError } from '../base/errors.js';
import { opposite, ROOT } from '../wire/id.js';
import { type Message, PROTOCOL_VERSION } from '../wire/message.js';
import { refusalIn } from '../wire/refusal.js';
import { type PathStep, paths } from './paths.js';
import type { PeerInput } from './peer.js';
import {
  accept,
  call,
  close,
  heard,
  hello,
  helloYourself,
  item,
  open,
  ping,
  pong,
  protocolError,
  reject,
} from './phrases.js';
import { HELLO, helloYourselfOf } from './scenes.js';
import type { Answer, CaseSpec, Citation, Need, Step, TableInput, World } from './vocabulary.js';
import { answers, type Model, messageOf, type Outcome, replay, rx } from './walks.js';

/** The machine's own parity as an initiator. In the case the peer's Hello decides. */
const OUR_PARITY = 'odd';

/** One message of each kind, and every wrong form of the two right ones. */
const ALPHABET: readonly Message[] = [
  ...[hello('odd'), hello('even'), hello('odd', PROTOCOL_VERSION - 1), hello('odd', PROTOCOL_VERSION + 1)],
  ...[hello('odd', PROTOCOL_VERSION, 3), helloYourself('even'), helloYourself('odd'), helloYourself('even', 2)],
  ...[protocolError('session.handshake: so says the tester'), open(1), accept(1), reject(1), close(1)],
  ...[call(ROOT, 1), item(ROOT, 1), ping(1n), pong(1n)],
];

/** Returns every path through the graph of the handshake machine, seen from the other end of the link. */
export function handshakeCases({ role, malformed }: TableInput): readonly CaseSpec[] {
  const input = (conformance: Model): HandshakeInput => ({
    port: {} as HandshakeInput['port'],
    role,
    conformance,
    localSettings: { parity: OUR_PARITY, maxConcurrentRequests: 64 },
    metadata: NO_METADATA,
    timeout: 1,
    isAuthenticating: false,
    authenticateTimeout: 1,
  });
  const events: HandshakeEvent[] = [
    ...ALPHABET.map(rx),
    { type: 'conduit.malformed', rule: 'session.message', description: '' },
    { type: 'link.ended' },
    { type: 'link.failed', error: new LinkError('the link breaks') },
  ];
  const found = paths(handshakeMachine, {
    input: input('strict'),
    events: ({ value }) => (value === 'replying' ? [{ type: 'conduit.flushed' }] : events),
    nameEvent,
  });
  const walked = found.flatMap(({ name, steps }): CaseSpec[] => {
    const [step, ...more] = steps;
    // The start has no message. After the first message the peer continues by itself: it sends its HelloYourself.
    if (step === undefined || more.length > 0) return [];
    const [strict, reference] = (['strict', 'reference'] as const).map((model) =>
      answerOf(replay(handshakeMachine, input(model), [step.event])),
    );
    const due = answers(strict ?? {}, reference ?? {});
    const isOver = 'tolerated' in due ? due.tolerated.ends : due.ends;
    const played: Step = {
      ...due,
      ...doing(step, malformed),
      ...(isOver === true ? {} : { establishes: true }),
    };
    const before: readonly Step[] = role === 'initiator' ? [{ hear: () => [HELLO] }] : [];
    const needs: readonly Need[] = played.breaks ? ['ended'] : played.within === undefined ? [] : ['handshakeTimeout'];
    return [{ ...citation(role, step.event), needs, name, steps: [...before, played] }];
  });
  return [...walked, REFUSALS[role]];
}

/** The refusal of a peer. The graph has none: the application decides. */
const REFUSALS: Readonly<Record<Role, CaseSpec>> = {
  acceptor: {
    name: 'handshake: a Hello that is refused is told why',
    row: '3.12',
    rule: 'session.handshake',
    needs: ['refuseNext'],
    steps: [
      {
        act: 'refuseNext',
        tell: (world) => [hello(world.parity)],
        hear: () => [heard('ProtocolError', ROOT, isRefusal)],
        ends: true,
      },
    ],
  },
  initiator: {
    name: 'handshake: a refusal ends the handshake, and is not answered',
    row: '3.12',
    rule: 'session.handshake',
    steps: [
      { hear: () => [HELLO] },
      { tell: () => [protocolError('refused.unauthenticated: so says the tester')], ends: true },
    ],
  },
};

function isRefusal({ description }: { readonly description: string }): { reason: string } | undefined {
  return refusalIn(description) === undefined ? { reason: `it says ${JSON.stringify(description)}` } : undefined;
}

function answerOf({ snapshot, sent }: Outcome): Answer | 'accused' {
  if (snapshot.value !== 'failed') return sent.length === 0 ? {} : { hear: () => [helloYourselfOf()] };
  const { failure } = snapshot.context as { failure?: { rule?: string } };
  return failure?.rule === undefined ? { ends: true } : 'accused';
}

/** Returns the part of a step by which the tester causes an event. */
function doing(
  { event, delay }: Pick<PathStep<typeof handshakeMachine>, 'event' | 'delay'>,
  malformed: TableInput['malformed'],
): Step {
  if (delay !== undefined) return { within: 'handshakeTimeout' };
  if (event.type === 'link.failed') return { breaks: true };
  return { tell: (world) => [inputOf(event, world, malformed)] };
}

/** Returns the tester's input that causes this event at the peer. */
function inputOf(event: EventObject, { parity }: World, malformed: TableInput['malformed']): PeerInput {
  const message = messageOf(event);
  if (message === undefined) return event.type === 'link.ended' ? 'end' : (malformed[0]?.bytes ?? new Uint8Array());
  if (message.type !== 'HelloYourself') return message;
  const isOurs = message.connectionSettings.parity === OUR_PARITY;
  return helloYourself(isOurs ? opposite(parity) : parity, message.connectionId);
}

function nameEvent(event: EventObject): string {
  const message = messageOf(event);
  const [, , delay] = event.type.split('.');
  if (message === undefined && delay !== undefined) return delay;
  if (message?.type !== 'Hello' && message?.type !== 'HelloYourself') return event.type;
  const { connectionId, connectionSettings } = message;
  const where = connectionId === ROOT ? '' : `, on id ${connectionId}`;
  if (message.type === 'Hello')
    return `${event.type} (version ${message.version}, ${connectionSettings.parity}${where})`;
  return `${event.type} (${connectionSettings.parity === OUR_PARITY ? "the peer's own" : 'the other'} parity${where})`;
}

function citation(role: Role, event: EventObject): Citation {
  const rule = 'session.handshake';
  const message = messageOf(event);
  if (event.type === 'conduit.malformed') return { rule: 'session.message', row: '9a.12' };
  if (event.type === 'link.ended') return { rule, row: '3.04' };
  if (event.type === 'link.failed') return { rule, row: '3.05' };
  if (message === undefined) return { rule, row: '3.07' };
  if (message.type === 'ProtocolError') return { rule, row: '3.02' };
  if (message.type === 'Hello' && role === 'acceptor') {
    if (message.connectionId !== ROOT) return { rule, row: '9a.02' };
    return { rule, row: message.version === PROTOCOL_VERSION ? '3.08' : '3.09' };
  }
  if (message.type === 'HelloYourself' && role === 'initiator') {
    if (message.connectionSettings.parity === OUR_PARITY) return { rule: 'session.parity', row: '9a.02' };
    return { rule, row: message.connectionId === ROOT ? '3.01' : '9a.02' };
  }
  return { rule, row: role === 'acceptor' ? '3.11' : '3.03' };
}
