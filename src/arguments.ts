import type { KeepaliveSettings } from '../machines/keepalive.js';
import type { Codec } from './codec/codec.js';
import { InvalidArgument } from './errors.js';
import { type Limits, MAX_DELAY } from './limits.js';
import type { Parity } from './wire/id.js';
import type { ConnectionSettings } from './wire/message.js';
import { type Metadata, type MetadataEntry, SENSITIVE } from './wire/metadata.js';
import { Sensitive } from './wire/sensitive.js';

/** What `maxConcurrentRequests` is unless a user says otherwise. */
const DEFAULT_MAX_CONCURRENT_REQUESTS = 64;

/** @throws InvalidArgument when `value` is no object to read options from. */
export function objectOf(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgument(`${name} must be an object, not ${String(value)}`);
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
    throw new InvalidArgument(`parity must be 'odd' or 'even', not ${String(settings.parity)}`);
  }
  const max = settings.maxConcurrentRequests;
  if (!Number.isInteger(max) || max < 0 || max > 0xffff_ffff) {
    throw new InvalidArgument(`maxConcurrentRequests must be an integer from 0 to 2^32 − 1, not ${String(max)}`);
  }
  return settings;
}

/**
 * `metadata` with every SENSITIVE value in its box, so that no event or inspector sees it on its way out.
 *
 * @throws InvalidArgument when an entry can't be represented, or the whole does not fit a frame.
 */
export function metadataOf(metadata: Metadata | undefined, codec: Codec, limits: Limits): Metadata {
  if (metadata === undefined) return [];
  if (!Array.isArray(metadata))
    throw new InvalidArgument(`metadata must be an array of entries, not ${typeof metadata}`);
  // The encoder knows best what it can represent, and says so field by field. The largest id stands for any.
  const frame = codec.encode({ type: 'ConnectionClose', connectionId: Number.MAX_SAFE_INTEGER, metadata });
  // Settings and a version come beside it in the largest message that carries metadata.
  if (frame.length + 32 > limits.frame) {
    throw new InvalidArgument(`metadata takes ${frame.length} bytes and does not fit limits.frame: ${limits.frame}`);
  }
  return metadata.map(boxed);
}

function boxed(entry: MetadataEntry): MetadataEntry {
  const isSensitive = (entry.flags & SENSITIVE) !== 0n;
  return isSensitive && !(entry.value instanceof Sensitive) ? { ...entry, value: new Sensitive(entry.value) } : entry;
}

/** @throws InvalidArgument when a time is NaN or above 2^31 − 1. */
export function keepaliveOf(options: Partial<KeepaliveSettings> | undefined): KeepaliveSettings | undefined {
  if (options === undefined) return undefined;
  objectOf(options, 'keepalive');
  for (const name of ['pingInterval', 'pongTimeout'] as const) {
    const value: unknown = options[name];
    if (typeof value !== 'number' || Number.isNaN(value) || value > MAX_DELAY) {
      throw new InvalidArgument(
        `keepalive.${name} must be a number of milliseconds up to 2^31 − 1, not ${String(value)}`,
      );
    }
  }
  return options as KeepaliveSettings;
}
