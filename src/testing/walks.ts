import { type AnyMachineSnapshot, type AnyStateMachine, type EventObject, initialTransition, transition } from 'xstate';
import type { ConnectionId } from '../wire/id.js';
import type { Message, MessageType } from '../wire/message.js';
import type { Answer, Expected } from './vocabulary.js';

/** The two modes of our machines: the required behaviour, and the tolerated one. */
export type Model = 'strict' | 'reference';

/** The event by which a machine gets a message. */
export type Heard = { [T in MessageType]: { type: `rx.${T}`; message: Extract<Message, { type: T }> } }[MessageType];

/** The messages that a machine sends for the last event, and its snapshot after it. */
export interface Outcome {
  readonly snapshot: AnyMachineSnapshot;
  readonly sent: readonly Message[];
}

export function rx(message: Message): Heard {
  return { type: `rx.${message.type}`, message } as Heard;
}

/** Returns the message of an event that has one. */
export function messageOf(event: EventObject): Message | undefined {
  return (event as Partial<Heard>).message;
}

/**
 * Runs a machine over events as a pure function: its effects are listed, and none is carried out. A peer has to send the
 * messages that the machine would send.
 */
export function replay(machine: AnyStateMachine, input: object, events: readonly EventObject[]): Outcome {
  let [snapshot, effects] = initialTransition(machine, input as never);
  for (const event of events) [snapshot, effects] = transition(machine, snapshot, event);
  const sent = effects
    .filter(({ type }) => (type as string) === 'transmit')
    .map(({ params }) => params as unknown as Message);
  return { snapshot, sent };
}

/** Returns the expected answer to one event: that of strict mode, or the tolerated one. */
export function answers(
  strict: Answer | 'accused',
  reference: Answer | 'accused',
): Answer | { readonly tolerated: Answer } {
  if (strict !== 'accused') return strict;
  // 9a.01: where both modes fail, the reference ends without a ProtocolError.
  return { tolerated: reference === 'accused' ? { ends: true } : reference };
}

/** Listens for the sent messages, with the id of the connection in the case. */
export function hearing(
  sent: readonly Message[],
  expect: (message: Message, id: ConnectionId) => Expected,
  idOf: (world: Parameters<NonNullable<Answer['hear']>>[0]) => ConnectionId,
): Answer {
  if (sent.length === 0) return {};
  return { hear: (world) => sent.map((message) => expect(message, idOf(world))) };
}
