/** The channel between sender.ts and receiver.ts: its id, its messages, and the rules for accusations. */
import type { Conformance } from '../../../machines/events.js';
import type { Item } from '../../../src/wire/message.js';
import type { Event } from '../local.js';
import type { Said, Watch } from './party.js';

/** The channel's id. */
export const CHANNEL = 1;

export function item(number: number): Item {
  return { type: 'Item', item: new Uint8Array([number]) };
}

export function numberOf({ item }: { readonly item: Uint8Array }): number {
  return item[0] as number;
}

/** Returns a message on the channel as an event for its machines. */
export function heard({ body }: Said): Event {
  return { type: `rx.${body.type}`, body } as Event;
}

/** Checks an accusation. It is right in strict mode against a peer that does not conform. */
export function accused(
  mode: Conformance,
  says: readonly Said[],
  params: { readonly rule: string },
  watch: Watch,
): void {
  if (mode === 'reference' || says.length === 0) watch.wrong('never-accused', `of ${params.rule}`);
}
