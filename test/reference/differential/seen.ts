import type { Message } from '../../../src/wire/message.js';
import { type Event, hexOf, messageOf } from './script.js';

/**
 * The events of a group of steps: frames in order, the messages of each connection in order, and all other events, whose
 * order does not matter.
 */
export class Seen {
  readonly frames: string[] = [];
  readonly messages = new Map<number, string[]>();
  readonly rest: string[] = [];
  /**
   * Ids under which a connection has ended and another one has begun. Events name both alike, so the order of the messages
   * that their two readers get does not count.
   */
  readonly #reused = new Set<number>();

  constructor(events: readonly Event[]) {
    const ended = new Set(events.filter(({ ev }) => ev === 'inbox-ended').map(({ id }) => id as number));
    for (const event of events) {
      const hasBegun = event.ev === 'delivered' || event.ev === 'open-ok';
      if (hasBegun && ended.has(event['id'] as number)) this.#reused.add(event['id'] as number);
      if (event.ev === 'frame') this.frames.push(event['hex'] as string);
      else if (event.ev === 'message') this.messagesOf(event['id'] as number).push(event['hex'] as string);
      else this.rest.push(textOf(event));
    }
  }

  messagesOf(id: number): string[] {
    const list = this.messages.get(id) ?? [];
    this.messages.set(id, list);
    return list;
  }

  /** Removes the last such frame. */
  removeFrame(message: Message): void {
    const index = this.frames.lastIndexOf(hexOf(message));
    if (index >= 0) this.frames.splice(index, 1);
  }

  /** Inserts a frame behind the last request or channel message of its connection. */
  insertFrame(message: Message): void {
    const isLike = (hex: string) => {
      const other = messageOf(hex);
      const isData = other.type === 'RequestMessage' || other.type === 'ChannelMessage';
      return isData && other.connectionId === message.connectionId;
    };
    this.frames.splice(this.frames.findLastIndex(isLike) + 1, 0, hexOf(message));
  }

  add(event: Event): void {
    this.rest.push(textOf(event));
  }

  /** Removes one such event. Returns false, and does nothing, if there is none. */
  remove(event: Event): boolean {
    const index = this.rest.indexOf(textOf(event));
    if (index >= 0) this.rest.splice(index, 1);
    return index >= 0;
  }

  /** Replaces one event by another one. Returns false, and does nothing, if there is none. */
  replace(event: Event, other: Event): boolean {
    const isThere = this.remove(event);
    if (isThere) this.add(other);
    return isThere;
  }

  /** One text for all events. Two texts are equal if the events are. */
  get text(): string {
    const messages = [...this.messages]
      .filter(([, list]) => list.length > 0)
      .map(([id, list]) => [id, this.#reused.has(id) ? list.toSorted() : list] as const)
      .sort(([one], [other]) => one - other);
    return JSON.stringify([this.frames, messages, this.rest.toSorted()], null, 1);
  }
}

/** Returns the same text for the same fields, in any order. */
function textOf(event: Event): string {
  return JSON.stringify(sorted(event));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  );
}
