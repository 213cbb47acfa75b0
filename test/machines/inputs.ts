import type { EventObject } from 'xstate';
import type { Mode } from '../../spec/rows/vocabulary.js';
import type { Message } from '../../src/wire/message.js';

// Short names for the inputs of the peer and the link to a machine.

export const MODES: readonly Mode[] = ['reference', 'strict'];

/** The peer says something. */
export function rx(message: Message): EventObject {
  return { type: `rx.${message.type}`, message } as EventObject;
}

/** An event with more fields than its type. */
export function event(type: string, facts: object = {}): EventObject {
  return { type, ...facts };
}

export const FAILED = event('link.failed', { error: new Error('the link broke') });
export const UNSENDABLE = event('link.unsendable', { error: new Error('the link refused') });
const MALFORMED = event('conduit.malformed', { rule: 'session.message', description: 'no message' });
const OVERSIZED = event('conduit.malformed', {
  rule: 'session.message',
  description: 'too long',
  limit: 'frame',
});

/** The events of the link, failures included. */
export const LINK: readonly EventObject[] = [
  event('link.ended'),
  FAILED,
  UNSENDABLE,
  event('conduit.flushed'),
  MALFORMED,
  OVERSIZED,
];

/** A delayed transition's event in the oracle's words; any other as it is. */
export function heardTime(heard: EventObject): { readonly type: string } {
  const timer = /^xstate\.after\.([^.]+)\./.exec(heard.type)?.[1];
  return timer === undefined ? heard : ({ type: 'time', timer } as { readonly type: string });
}
