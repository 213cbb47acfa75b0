import type { Conformance, KeepaliveSettings, MetadataEntry, SessionOptions } from '../index.js';
import { UsageError } from './failure.js';
import { entry } from './metadata.js';

/** One command of `roam-actors`. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  run(args: string[]): Promise<void>;
}

/** What every command understands, for `parseArgs`. */
export const SESSION_OPTIONS = {
  conformance: { type: 'string' },
  keepalive: { type: 'string' },
} as const;

export const SESSION_HELP = `  --conformance MODE   'reference' tolerates what real peers do (the default), 'strict' is the letter
  --keepalive MS       ping the peer MS milliseconds after its last answer; 0, the default, is never`;

/** A Pong that takes longer than this, and longer than the Pings are apart, is late. */
const LEAST_PONG_TIMEOUT = 2_000;

/** What both options mean to a session. */
export function sessionOptions(values: {
  conformance?: string | undefined;
  keepalive?: string | undefined;
}): Pick<SessionOptions, 'conformance' | 'keepalive'> {
  const conformance = conformanceOf(values.conformance);
  const interval = integer('keepalive', values.keepalive ?? '0', 0, 2 ** 31 - 1);
  if (interval === 0) return { conformance };
  const keepalive: KeepaliveSettings = {
    pingInterval: interval,
    pongTimeout: Math.max(interval, LEAST_PONG_TIMEOUT),
  };
  return { conformance, keepalive };
}

export function conformanceOf(value = 'reference'): Conformance {
  if (value === 'strict' || value === 'reference') return value;
  throw new UsageError(`--conformance takes 'strict' or 'reference', not '${value}'`);
}

/** A whole number from an option's text. */
export function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
}

/** Of `--metadata key=value`. */
export function parseEntry(text: string): MetadataEntry {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new UsageError(`--metadata takes key=value, not '${text}'`);
  return entry(key, value);
}
