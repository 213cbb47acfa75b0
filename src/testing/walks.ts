import { type AnyMachineSnapshot, type AnyStateMachine, type EventObject, initialTransition, transition } from 'xstate';
import type { ConnectionId } from '../wire/id.js';
import type { Message, MessageType } from '../wire/message.js';
import type { Answer, Expected } from './vocabulary.js';

/** The two modes of a machine of ours: what a peer is to do, and what is tolerated of it. */
export type Model = 'strict' | 'reference';

/** A message as a machine gets it. */
export type Heard = { [T in MessageType]: { type: `rx.${T}`; message: Extract<Message, { type: T }> } }[MessageType];

/** What a machine sends and comes to by the last of these events. */
export interface Outcome {
  readonly snapshot: AnyMachineSnapshot;
  readonly sent: readonly Message[];
}

export function rx(message: Message): Heard {
  return { type: `rx.${message.type}`, message } as Heard;
}

/** The message of an event that has one. */
export function messageOf(event: EventObject): Message | undefined {
  return (event as Partial<Heard>).message;
}

/**
 * Runs a machine over events, as a value: its effects are listed and none is carried out. What it would send is what a
 * peer in its place has to say.
 */
export function replay(machine: AnyStateMachine, input: object, events: readonly EventObject[]): Outcome {
  let [snapshot, effects] = initialTransition(machine, input as never);
  for (const event of events) [snapshot, effects] = transition(machine, snapshot, event);
  const sent = effects
    .filter(({ type }) => (type as string) === 'transmit')
    .map(({ params }) => params as unknown as Message);
  return { snapshot, sent };
}

/** What to say and to listen for at one event: in strict mode, or what is tolerated instead. */
export function answers(
  strict: Answer | 'accused',
  reference: Answer | 'accused',
): Answer | { readonly tolerated: Answer } {
  if (strict !== 'accused') return strict;
  // 9a.01: where both fail, the reference does so without a word.
  return { tolerated: reference === 'accused' ? { ends: true } : reference };
}

/** Listens for what was sent, under the id that the connection has in the case. */
export function hearing(
  sent: readonly Message[],
  expect: (message: Message, id: ConnectionId) => Expected,
  idOf: (world: Parameters<NonNullable<Answer['hear']>>[0]) => ConnectionId,
): Answer {
  if (sent.length === 0) return {};
  return { hear: (world) => sent.map((message) => expect(message, idOf(world))) };
}
