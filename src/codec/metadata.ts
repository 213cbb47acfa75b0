import { isBytes } from '../base/bytes.js';
import { InvalidArgument } from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import type { Message } from '../wire/message.js';
import { type Metadata, type MetadataEntry, SENSITIVE, sizeOf } from '../wire/metadata.js';
import { type MetadataValue, Sensitive } from '../wire/sensitive.js';
import type { Codec, DecodeLimits } from './codec.js';
import { malformed } from './msgpack/reader.js';

/**
 * The message in `bytes`, with every SENSITIVE value in its box. Decoded messages enter the library here only, so that no
 * codec has to box values, and a codec that does not know the limits of metadata can't let more in.
 *
 * @throws ProtocolError (side `'remote'`) when the codec refuses the bytes, or metadata is over its limits; what else a
 * codec may throw.
 */
// r[rpc.metadata.flags.sensitive]
export function decodeFrame(codec: Codec, bytes: Uint8Array, limits: DecodeLimits): Message {
  const message = codec.decode(bytes, limits);
  const carrier = carrierOf(message);
  const metadata = carrier?.metadata;
  if (carrier === undefined || metadata === undefined || metadata.length === 0) return message;
  if (codec.checksMetadata !== true) check(metadata, carrier.type, limits);
  if (!metadata.some(isBare)) return message;
  const boxed = metadata.map(wrapSensitive);
  // A copy: a codec may keep what it gave.
  return 'body' in message
    ? ({ ...message, body: { ...message.body, metadata: boxed } } as Message)
    : ({ ...message, metadata: boxed } as Message);
}

/** The entry with its value in a box, if it is SENSITIVE and not in one. */
function wrapSensitive(entry: MetadataEntry): MetadataEntry {
  return isBare(entry) ? { ...entry, value: new Sensitive(entry.value as MetadataValue) } : entry;
}

function isBare({ flags, value }: MetadataEntry): boolean {
  return (flags & SENSITIVE) !== 0n && !(value instanceof Sensitive);
}

/** What has the metadata of a message, in any message that has some. */
function carrierOf(message: Message): { readonly type: string; readonly metadata?: Metadata } | undefined {
  return message?.type === 'RequestMessage' || message?.type === 'ChannelMessage' ? message.body : message;
}

function check(metadata: Metadata, where: string, { metadataEntries, metadataBytes }: DecodeLimits): void {
  if (!Array.isArray(metadata)) throw new TypeError('metadata must be a list');
  if (metadata.length > metadataEntries) {
    throw malformed(where, `metadata has more than ${String(metadataEntries)} entries`, 'metadataEntries');
  }
  let size = 0;
  for (const { key, value, flags } of metadata as Metadata) {
    if (typeof key !== 'string' || typeof flags !== 'bigint') throw new TypeError('metadata needs keys and flags');
    const plain: unknown = value instanceof Sensitive ? value.reveal() : value;
    if (typeof plain !== 'string' && typeof plain !== 'bigint' && !(plain instanceof Uint8Array)) {
      throw new TypeError('metadata needs values');
    }
    size += sizeOf(key) + sizeOf(plain);
    if (size > metadataBytes) {
      throw malformed(where, `metadata has more than ${String(metadataBytes)} bytes`, 'metadataBytes');
    }
  }
}

/** @throws InvalidArgument when `metadata` is no array. */
export function requireEntries(metadata: unknown): void {
  // What it is instead is not shown: it may be a secret.
  if (!Array.isArray(metadata))
    throw new InvalidArgument(`metadata must be an array of entries, not ${typeof metadata}`);
}

/**
 * A copy of `metadata` with every SENSITIVE value in its box, so that no event or inspector sees it on its way out.
 *
 * @throws InvalidArgument when an entry can't be represented, or the whole is over a limit.
 */
export function metadataOf(metadata: Metadata | undefined, codec: Codec, limits: Limits): Metadata {
  if (metadata === undefined) return [];
  requireEntries(metadata);
  // Whatever the user does to it from here on: it leaves as it was when it was checked.
  const copy = Array.from(metadata, copied);
  // Settings and a version come beside it in the largest message that carries metadata.
  const size = encodedSize(copy, codec);
  if (size + 32 > limits.frame) {
    throw new InvalidArgument(`metadata takes ${size} bytes and does not fit limits.frame: ${limits.frame}`);
  }
  checkMetadata(copy, 'metadata', limits);
  return copy.map(wrapSensitive);
}

/** The encoder knows best what it can represent, and says so field by field. */
function encodedSize(metadata: Metadata, codec: Codec): number {
  try {
    // The largest id stands for any.
    return codec.encode({ type: 'ConnectionClose', connectionId: Number.MAX_SAFE_INTEGER, metadata }).length;
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    // biome-ignore lint/style/useErrorCause: the message was a trial, which the user knows nothing of.
    throw new InvalidArgument(error.message.replace(/^ConnectionClose\./, ''));
  }
}

/**
 * Holds what we send against the limits that we set our peer: it has the same ones, unless somebody chose otherwise, and a
 * list over them would end the session. Takes anything: what is no metadata at all, the encoder refuses.
 *
 * @throws InvalidArgument when there are too many entries, or too many bytes in them.
 */
export function checkMetadata(metadata: unknown, name: string, limits: Limits): void {
  if (!Array.isArray(metadata)) return;
  const { metadataEntries, metadataBytes } = limits;
  if (metadata.length > metadataEntries) {
    throw new InvalidArgument(
      `${name} has ${metadata.length} entries, more than limits.metadataEntries: ${metadataEntries}`,
    );
  }
  let size = 0;
  for (const entry of metadata as (Partial<MetadataEntry> | undefined)[]) {
    const value = entry?.value;
    size += sizeOf(entry?.key ?? '') + sizeOf((value instanceof Sensitive ? value.reveal() : value) ?? '');
  }
  if (size > metadataBytes) {
    throw new InvalidArgument(`${name} has ${size} bytes, more than limits.metadataBytes: ${metadataBytes}`);
  }
}

/**
 * For what an inspector has seen before we have: an actor's input.
 *
 * @throws InvalidArgument when a SENSITIVE value is not in its box.
 */
export function requireBoxes(metadata: Metadata = []): void {
  for (const [index, { flags, value }] of metadata.entries()) {
    if ((flags & SENSITIVE) !== 0n && !(value instanceof Sensitive)) {
      throw new InvalidArgument(
        `metadata[${index}].value is SENSITIVE: in an actor's input, which inspectors see, it must be a Sensitive`,
      );
    }
  }
}

/** What is wrong with an entry is left as it is, for the encoder to say. */
function copied(entry: MetadataEntry): MetadataEntry {
  if (typeof entry !== 'object' || entry === null) return entry;
  const { key, value, flags } = entry;
  if (isBytes(value)) return { key, value: new Uint8Array(value), flags };
  const inside = value instanceof Sensitive ? value.reveal() : undefined;
  return { key, value: isBytes(inside) ? new Sensitive(new Uint8Array(inside)) : value, flags };
}
