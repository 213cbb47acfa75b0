import type { KeepaliveSettings } from '../../machines/keepalive.js';
import type { Codec } from '../codec/codec.js';
import { wrapSensitive } from '../codec/metadata.js';
import { isBytes } from '../codec/msgpack/writer.js';
import type { Parity } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import { type Metadata, type MetadataEntry, SENSITIVE, sizeOf } from '../wire/metadata.js';
import { Sensitive } from '../wire/sensitive.js';
import { InvalidArgument } from './errors.js';
import { type Limits, MAX_DELAY } from './limits.js';

/** What `maxConcurrentRequests` is unless a user says otherwise. */
const DEFAULT_MAX_CONCURRENT_REQUESTS = 64;

/** A wrong value, as an error names it: text in quotes, and of what has no text of its own what it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** @throws InvalidArgument when `value` is no object to read options from. */
export function objectOf(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgument(`${name} must be an object, not ${shown(value)}`);
  }
}

/** @throws InvalidArgument when `value` is no array; `what` says of what. */
export function arrayOf(value: unknown, name: string, what = ''): void {
  if (!Array.isArray(value)) throw new InvalidArgument(`${name} must be an array${what}, not ${shown(value)}`);
}

/** @throws InvalidArgument when `value` is no array of functions. */
export function functionsOf(value: unknown, name: string): void {
  arrayOf(value, name, ' of functions');
  for (const [index, each] of (value as unknown[]).entries()) {
    if (typeof each !== 'function')
      throw new InvalidArgument(`${name}[${index}] must be a function, not ${shown(each)}`);
  }
}

/** @throws InvalidArgument when `metadata` is no array. */
export function requireEntries(metadata: unknown): void {
  // What it is instead is not shown: it may be a secret.
  if (!Array.isArray(metadata))
    throw new InvalidArgument(`metadata must be an array of entries, not ${typeof metadata}`);
}

/** @throws InvalidArgument when `value` is no integer from 0 to 2^53 − 1, as every id is. */
export function idOf(value: unknown, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new InvalidArgument(`${name} must be an integer from 0 to 2^53 − 1, not ${shown(value)}`);
  }
}

/** @throws InvalidArgument when `signal` is there and can't be listened to. */
export function signalOf(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new InvalidArgument('signal must be an AbortSignal');
  }
  return signal;
}

/** What a user may say of a connection's settings. */
export interface SettingsOptions {
  /** Which ids we allocate on it, for requests and for channels. */
  readonly parity?: Parity;
  /** How many requests we let the peer have in flight; 0 to 2^32 − 1, 64 by default. */
  readonly maxConcurrentRequests?: number;
}

/** @throws InvalidArgument when a setting is out of its range. */
export function settingsOf(options: SettingsOptions, parity: Parity): ConnectionSettings {
  const settings = {
    parity: options.parity ?? parity,
    maxConcurrentRequests: options.maxConcurrentRequests ?? DEFAULT_MAX_CONCURRENT_REQUESTS,
  };
  if (settings.parity !== 'odd' && settings.parity !== 'even') {
    throw new InvalidArgument(`parity must be 'odd' or 'even', not ${shown(settings.parity)}`);
  }
  const max = settings.maxConcurrentRequests;
  if (!Number.isInteger(max) || max < 0 || max > 0xffff_ffff) {
    throw new InvalidArgument(`maxConcurrentRequests must be an integer from 0 to 2^32 − 1, not ${shown(max)}`);
  }
  return settings;
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

/** @throws InvalidArgument when a time is NaN or above 2^31 − 1, row 6.03; but `pongTimeout` may be Infinity. */
export function keepaliveOf(options: Partial<KeepaliveSettings> | undefined): KeepaliveSettings | undefined {
  if (options === undefined) return undefined;
  objectOf(options, 'keepalive');
  for (const name of ['pingInterval', 'pongTimeout'] as const) {
    const value: unknown = options[name];
    if (name === 'pongTimeout' && value === Number.POSITIVE_INFINITY) continue;
    if (typeof value !== 'number' || Number.isNaN(value) || value > MAX_DELAY) {
      throw new InvalidArgument(
        `keepalive.${name} must be a number of milliseconds up to 2^31 − 1, not ${shown(value)}`,
      );
    }
  }
  const { pingInterval, pongTimeout } = options as KeepaliveSettings;
  return { pingInterval, pongTimeout };
}
