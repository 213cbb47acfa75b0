import { ProtocolError } from '../../../src/base/errors.js';
import { postcard } from '../../../src/payload/postcard/index.js';
import type { ConnectionSettings, Message } from '../../../src/wire/message.js';
import type { Metadata } from '../../../src/wire/metadata.js';

/** One input of a session. `more`: the next step follows before the effects of this one have run out. */
export type Step =
  // `lenient`: bytes that the reference decodes as a message, and our session does not.
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

/** A script for both sessions: the setup of the session, and the steps. */
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
  /** True if the link refuses to send from the beginning. */
  readonly refusing?: true;
  /** True if each connection has a driver; otherwise each is read bare. */
  readonly calls?: true;
  readonly steps: readonly Step[];
  /** Seeds the order in which the reference takes inputs that are ready at once. */
  readonly seed?: number;
}

/** An event that an application of a session, or its peer, saw. */
export interface Event {
  readonly ev: string;
  readonly [field: string]: unknown;
}

/** The limits of a bare connection. They are so high that no script reaches them. */
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

/** Returns the cause by which our session ends when it gets these bytes, which it cannot decode. */
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

/** Returns the groups of steps: all steps of a group but the last have `more`. */
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
