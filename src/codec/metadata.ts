import { isBytes } from '../base/bytes.js';
import { InvalidArgument } from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import type { Message } from '../wire/message.js';
import { type Metadata, type MetadataEntry, RESERVED, SENSITIVE, sizeOf } from '../wire/metadata.js';
import { type MetadataValue, Sensitive } from '../wire/sensitive.js';
import type { Codec, DecodeLimits } from './codec.js';
import { malformed } from './msgpack/reader.js';

/**
 * Returns the message in `bytes`, with every SENSITIVE value in its box. All decoded messages enter the library here. So no
 * codec has to box values, and the limits of metadata hold even if the codec does not check them.
 *
 * @throws ProtocolError (side `'remote'`) when the codec refuses the bytes, or metadata is over its limits; any other error
 * that the codec throws.
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
  // A copy: a codec may keep the message that it returned.
  return 'body' in message
    ? ({ ...message, body: { ...message.body, metadata: boxed } } as Message)
    : ({ ...message, metadata: boxed } as Message);
}

/** The entry with its value in a box, if it is SENSITIVE and not boxed yet. */
function wrapSensitive(entry: MetadataEntry): MetadataEntry {
  return isBare(entry) ? { ...entry, value: new Sensitive(entry.value as MetadataValue) } : entry;
}

function isBare({ flags, value }: MetadataEntry): boolean {
  return (flags & SENSITIVE) !== 0n && !(value instanceof Sensitive);
}

/** The part of a message that has its metadata, if it has any: the message or its body. */
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
  // The wrong value is not shown: it may be a secret.
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
  requireUnreserved(metadata);
  // The application may change its list later. The copy is sent as it was checked.
  const copy = Array.from(metadata, copied);
  // In the largest message with metadata, settings and a version come with it.
  const size = encodedSize(copy, codec);
  if (size + 32 > limits.frame) {
    throw new InvalidArgument(`metadata takes ${size} bytes and does not fit limits.frame: ${limits.frame}`);
  }
  checkMetadata(copy, 'metadata', limits);
  return copy.map(wrapSensitive);
}

/** @throws InvalidArgument when a key is one that this library keeps for itself. */
function requireUnreserved(metadata: Metadata): void {
  const index = metadata.findIndex((entry) => String(entry?.key).startsWith(RESERVED));
  if (index < 0) return;
  throw new InvalidArgument(`metadata[${index}].key begins with ${RESERVED}, which is reserved: take another key`);
}

/** Encodes a trial message, because the encoder knows what it can represent, and names the field that it refuses. */
function encodedSize(metadata: Metadata, codec: Codec): number {
  try {
    // The largest id, so that any id fits.
    return codec.encode({ type: 'ConnectionClose', connectionId: Number.MAX_SAFE_INTEGER, metadata }).length;
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    // biome-ignore lint/style/useErrorCause: the message was a trial, which the user knows nothing of.
    throw new InvalidArgument(error.message.replace(/^ConnectionClose\./, ''));
  }
}

/**
 * Checks metadata to send against the limits that we set for our peer. The peer has the same limits, unless it is configured
 * otherwise, and a list over them would end the session. Accepts any value: the encoder refuses values that are no metadata.
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
 * For an actor's input, which inspectors see before we do.
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

/** Copies an entry. A wrong entry stays as it is: the encoder reports it. */
function copied(entry: MetadataEntry): MetadataEntry {
  if (typeof entry !== 'object' || entry === null) return entry;
  const { key, value, flags } = entry;
  if (isBytes(value)) return { key, value: new Uint8Array(value), flags };
  const inside = value instanceof Sensitive ? value.reveal() : undefined;
  return { key, value: isBytes(inside) ? new Sensitive(new Uint8Array(inside)) : value, flags };
}
