import type { MetadataValue, Sensitive } from './sensitive.js';

/** Flag bit 0: the value never appears in a log, a trace, an error or an inspection event. `[rpc.metadata.flags.sensitive]` */
export const SENSITIVE = 1n;

/** Flag bit 1: a proxy strips the entry. `[rpc.metadata.flags.no-propagate]` */
export const NO_PROPAGATE = 2n;

/** The key, in an Open's metadata, of the name of the connection's service. */
export const SERVICE = 'service';

/** The key, in the metadata of a Reject or a Reset, of the reason. */
export const REASON = 'reason';

/** The beginning of the keys that this library keeps for itself: applications neither set them nor see them in a Hello. */
export const RESERVED = 'roam-actors.';

/** The key, in the metadata of a Response or a Reject, that says that no handler has run, and why: `load`, `draining`. */
export const NOT_RUN = `${RESERVED}not-run`;

/** The key, in the metadata of a Hello or HelloYourself, that says that its sender understands notices. */
export const NOTICES = `${RESERVED}notices`;

/** The key of a notice: its kind in an Open, and the answer in the Reject that follows. */
export const NOTICE = `${RESERVED}notice`;

/** The key, in an Open's metadata, of a connection that only asks if the peer is there. */
export const PROBE = `${RESERVED}probe`;

/** The kind of the notice that shows new credentials of its sender, in the other entries. */
export const RENEW = 'renew';

/** The kind of the notice that says that its sender takes no more calls and opens. */
export const DRAINING = 'draining';

/** True if the peer says that it has refused a call or an open before any handler. */
export function isNotRun(metadata: Metadata): boolean {
  return metadata.some(({ key }) => key === NOT_RUN);
}

/** True if the peer's Hello or HelloYourself says that it understands notices. */
export function hearsNotices(metadata: Metadata): boolean {
  return metadata.some(({ key, value }) => key === NOTICES && typeof value === 'bigint' && value >= 1n);
}

/** Returns the value of the notice in the metadata of an Open, or undefined if the Open is no notice. */
export function noticeOf(metadata: Metadata): MetadataEntry['value'] | undefined {
  return metadata.find(({ key }) => key === NOTICE)?.value;
}

/** Returns the entries that an application sees. Returns the same list if no entry is reserved. */
export function withoutReserved(metadata: Metadata): Metadata {
  return metadata.some(isReserved) ? metadata.filter((entry) => !isReserved(entry)) : metadata;
}

function isReserved({ key }: MetadataEntry): boolean {
  return key.startsWith(RESERVED);
}

/**
 * One entry. `flags` is an unsigned integer of 64 bits; bits that we do not know survive forwarding.
 * The value of an entry with the SENSITIVE bit is a {@link Sensitive}, whether it was received or is to be sent.
 */
export interface MetadataEntry {
  readonly key: string;
  readonly value: MetadataValue | Sensitive;
  readonly flags: bigint;
}

/**
 * An ordered list of entries. Duplicate keys are kept, in order `[rpc.metadata.duplicates]`;
 * a reader ignores keys that it does not know `[rpc.metadata.unknown]`.
 */
// r[rpc.metadata.duplicates]
// r[rpc.metadata.unknown]
export type Metadata = readonly MetadataEntry[];

/** The entries that a proxy passes on: all but those marked NO_PROPAGATE. Returns the same list if no entry is marked. */
// r[rpc.metadata.flags.no-propagate]
export function propagated(metadata: Metadata): Metadata {
  return metadata.some(isPrivate) ? metadata.filter((entry) => !isPrivate(entry)) : metadata;
}

function isPrivate(entry: MetadataEntry): boolean {
  return (entry.flags & NO_PROPAGATE) !== 0n;
}

/** The size of a key or a value in `metadataBytes`: its bytes, those of its UTF-8, or 8 for an integer. */
export function sizeOf(value: MetadataValue): number {
  if (typeof value === 'bigint') return 8;
  if (typeof value !== 'string') return value.length;
  let length = value.length;
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    // A surrogate is half of a sequence of four bytes. Any other unit above U+07FF takes three bytes.
    if (unit >= 0x80) length += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return length;
}
