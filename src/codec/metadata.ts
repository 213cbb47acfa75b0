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
export function wrapSensitive(entry: MetadataEntry): MetadataEntry {
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
