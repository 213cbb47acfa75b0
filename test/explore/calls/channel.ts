/** The channel between sender.ts and receiver.ts, and those of namer.ts: ids, messages, and the rules for accusations. */
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

/** Returns the Call that names a channel. Its own id does not matter: it has that of the channel. */
export function naming(id: number): Said {
  return { id, body: { type: 'Call', methodId: 1n, channels: [id], metadata: [], args: new Uint8Array() } };
}

/** Returns the kept messages with one more. Grants are added up and put first: their sum does not matter to a receiver. */
export function keptWith(kept: readonly Said[], message: Said): readonly Said[] {
  if (message.body.type !== 'GrantCredit') return [...kept, message];
  return [message, ...kept.filter(({ body }) => body.type !== 'GrantCredit')];
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
