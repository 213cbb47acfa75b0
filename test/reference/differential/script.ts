import { ProtocolError } from '../../../src/base/errors.js';
import { postcard } from '../../../src/payload/postcard/index.js';
import type { ConnectionSettings, Message } from '../../../src/wire/message.js';
import type { Metadata } from '../../../src/wire/metadata.js';

/** One thing that is done to a session. `more`: the next step follows before anything of this one has run out. */
export type Step =
  // `lenient`: bytes that the reference takes for a message, and we do not.
  (
    | { readonly do: 'frame'; readonly hex: string; readonly lenient?: true }
    | { readonly do: 'end' | 'fail' | 'refuse' | 'shutdown' | 'answer' }
    | { readonly do: 'advance'; readonly ms: number }
    | { readonly do: 'open'; readonly ref: number; readonly hex: string }
    | { readonly do: 'abandon' | 'give-up'; readonly ref: number }
    | { readonly do: 'close'; readonly id: number; readonly hex: string }
    | { readonly do: 'send'; readonly id: number; readonly hex: string; readonly which?: number }
    | { readonly do: 'release'; readonly id: number; readonly which?: number }
    | { readonly do: 'hold' | 'read' | 'drop'; readonly id: number; readonly which?: number }
    | { readonly do: 'failure'; readonly id: number; readonly request: number; readonly which?: number }
    | {
        readonly do: 'call' | 'call-tx' | 'call-rx';
        readonly id: number;
        readonly ref: number;
        readonly method: number;
        readonly hex: string;
        readonly which?: number;
      }
    | { readonly do: 'item' | 'close-channel'; readonly channel: number; readonly hex: string }
  ) & { readonly more?: true };

/** What both sessions play: how the session is set up, and what is done to it. */
export interface Script {
  readonly role: 'initiator' | 'acceptor';
  /** A message with our settings and our metadata for the root. */
  readonly hello: string;
  /** A message with the settings and the metadata of every acceptance; absent where no acceptor is registered. */
  readonly accept?: string;
  /** A message with the metadata of every rejection. An open is rejected if its metadata has the key `no`. */
  readonly reject?: string;
  /** The ping interval and the pong timeout, in milliseconds. */
  readonly keepalive?: readonly [number, number];
  /** Two connections that are proxied to each other as soon as both are there. */
  readonly proxied?: readonly [number, number];
  /** Whether the link refuses to send from the beginning. */
  readonly refusing?: true;
  /** Whether each connection has a driver, or is read bare. */
  readonly calls?: true;
  readonly steps: readonly Step[];
  /** Decides what the reference takes first of what is ready. */
  readonly seed?: number;
}

/** What a user of a session, or its peer, saw. */
export interface Event {
  readonly ev: string;
  readonly [field: string]: unknown;
}

/** What a bare connection's limits are: none that a script comes to. */
const LIMITS = { metadataEntries: 64, metadataBytes: 16 * 2 ** 10 };

export function hexOf(message: Message): string {
  return Buffer.from(postcard.encode(message)).toString('hex');
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** @throws ProtocolError when it is no message. */
export function messageOf(hex: string): Message {
  return postcard.decode(bytesOf(hex), LIMITS);
}

/** The message, or undefined where our codec refuses the bytes. */
export function received(hex: string): Message | undefined {
  try {
    return messageOf(hex);
  } catch {
    return undefined;
  }
}

/** What our session ends with where it gets these bytes, which are no message to it. */
export function refusal(hex: string): 'limit' | 'violation' {
  try {
    messageOf(hex);
  } catch (error) {
    if (error instanceof ProtocolError && error.limit !== undefined) return 'limit';
  }
  return 'violation';
}

/** The settings and the metadata that a script gives as a message. */
export function partsOf(hex: string): { settings: ConnectionSettings; metadata: Metadata } {
  const message = messageOf(hex);
  if (!('metadata' in message)) throw new TypeError(`a ${message.type} has no metadata`);
  const settings: ConnectionSettings =
    'connectionSettings' in message ? message.connectionSettings : { parity: 'odd', maxConcurrentRequests: 0 };
  return { settings, metadata: message.metadata };
}

/** Steps that belong together: all but the last are followed before anything has run out. */
export function groupsOf(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  let group: Step[] = [];
  for (const step of steps) {
    group.push(step);
    if (step.more === true) continue;
    groups.push(group);
    group = [];
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
