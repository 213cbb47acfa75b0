import type { Parity } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import { InvalidArgument } from './errors.js';

/** The default of `maxConcurrentRequests`. */
const DEFAULT_MAX_CONCURRENT_REQUESTS = 64;

/** A wrong value, as an error shows it: text in quotes; the type of a value that has no short text. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** @throws InvalidArgument when `value` is no object to read options from. */
export function objectOf(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidArgument(`${name} must be an object, not ${describe(value)}`);
  }
}

/** @throws InvalidArgument when `value` is no array; `what` names its elements. */
export function arrayOf(value: unknown, name: string, what = ''): void {
  if (!Array.isArray(value)) throw new InvalidArgument(`${name} must be an array${what}, not ${describe(value)}`);
}

/** @throws InvalidArgument when `value` is no array of functions. */
export function functionsOf(value: unknown, name: string): void {
  arrayOf(value, name, ' of functions');
  for (const [index, each] of (value as unknown[]).entries()) {
    if (typeof each !== 'function')
      throw new InvalidArgument(`${name}[${index}] must be a function, not ${describe(each)}`);
  }
}

/** @throws InvalidArgument when `value` is no integer from 0 to 2^53 − 1, as every id is. */
export function idOf(value: unknown, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new InvalidArgument(`${name} must be an integer from 0 to 2^53 − 1, not ${describe(value)}`);
  }
}

/** @throws InvalidArgument when `signal` is given and is no AbortSignal. */
export function signalOf(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new InvalidArgument('signal must be an AbortSignal');
  }
  return signal;
}

/** The settings of a connection that the application may choose. */
export interface SettingsOptions {
  /** The parity of the ids that we allocate on the connection, for requests and for channels. */
  readonly parity?: Parity;
  /** The number of requests that we let the peer have in flight; 0 to 2^32 − 1, 64 by default. */
  readonly maxConcurrentRequests?: number;
}

/** @throws InvalidArgument when a setting is out of its range. */
export function settingsOf(options: SettingsOptions, parity: Parity): ConnectionSettings {
  const settings = {
    parity: options.parity ?? parity,
    maxConcurrentRequests: options.maxConcurrentRequests ?? DEFAULT_MAX_CONCURRENT_REQUESTS,
  };
  if (settings.parity !== 'odd' && settings.parity !== 'even') {
    throw new InvalidArgument(`parity must be 'odd' or 'even', not ${describe(settings.parity)}`);
  }
  const max = settings.maxConcurrentRequests;
  if (!Number.isInteger(max) || max < 0 || max > 0xffff_ffff) {
    throw new InvalidArgument(`maxConcurrentRequests must be an integer from 0 to 2^32 − 1, not ${describe(max)}`);
  }
  return settings;
}
