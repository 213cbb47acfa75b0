import { postcard } from '../codec/postcard/postcard.js';
import {
  type Codec,
  type Conformance,
  type KeepaliveSettings,
  type MetadataEntry,
  messagePack,
  type Peer,
  type SessionOptions,
} from '../index.js';
import { UsageError } from './failure.js';
import { entry } from './metadata.js';

/** One command of `roam-actors`. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  /** True if stdout carries only the protocol. No code may touch stdout before the command does then. */
  speaksOnStdout?(args: readonly string[]): boolean;
  run(args: string[]): Promise<void>;
}

/** The options that every command takes, for `parseArgs`. */
export const SESSION_OPTIONS = {
  codec: { type: 'string' },
  peer: { type: 'string' },
  conformance: { type: 'string' },
  keepalive: { type: 'string' },
} as const;

export const CODEC_HELP = `  --codec CODEC        'msgpack', the default, or 'postcard', the wire of the official peers`;

const PEERS: readonly string[] = ['roam-rust-7', 'roam-typescript-7', 'roam-swift-7'];

export const SESSION_HELP = `${CODEC_HELP}
  --peer KIND          what an official peer needs: ${PEERS.join(', ')}
  --conformance MODE   'reference' tolerates what real peers do (the default), 'strict' is the letter
  --keepalive MS       ping the peer MS milliseconds after its last answer; 0, the default, is never`;

/** The least timeout for a Pong, in milliseconds. A longer interval between Pings raises it. */
const LEAST_PONG_TIMEOUT = 2_000;

/** Converts the options of the command line to those of a session. */
export function sessionOptions(values: {
  codec?: string | undefined;
  peer?: string | undefined;
  conformance?: string | undefined;
  keepalive?: string | undefined;
}): Pick<SessionOptions, 'codec' | 'peer' | 'conformance' | 'keepalive'> {
  const conformance = conformanceOf(values.conformance);
  const codec = codecOf(values.codec);
  const peer = values.peer === undefined ? {} : { peer: peerOf(values.peer) };
  const interval = integer('keepalive', values.keepalive ?? '0', 0, 2 ** 31 - 1);
  if (interval === 0) return { codec, ...peer, conformance };
  const keepalive: KeepaliveSettings = {
    pingInterval: interval,
    pongTimeout: Math.max(interval, LEAST_PONG_TIMEOUT),
  };
  return { codec, ...peer, conformance, keepalive };
}

export function codecOf(value = 'msgpack'): Codec {
  if (value === 'msgpack') return messagePack;
  if (value === 'postcard') return postcard;
  throw new UsageError(`--codec takes 'msgpack' or 'postcard', not '${value}'`);
}

function peerOf(value: string): Peer {
  if (PEERS.includes(value)) return value as Peer;
  throw new UsageError(`--peer takes one of ${PEERS.join(', ')}, not '${value}'`);
}

export function conformanceOf(value = 'reference'): Conformance {
  if (value === 'strict' || value === 'reference') return value;
  throw new UsageError(`--conformance takes 'strict' or 'reference', not '${value}'`);
}

/** Reads a whole number from an option's text. */
export function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'`);
}

/** Reads the value of `--metadata key=value`. */
export function parseEntry(text: string): MetadataEntry {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new UsageError(`--metadata takes key=value, not '${text}'`);
  return entry(key, value);
}
