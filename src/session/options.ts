import type { Conformance, KeepaliveSettings, Role } from '../../machines/index.js';
import { objectOf, settingsOf, shown, signalOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { type Limits, limitsOf, MAX_DELAY } from '../base/limits.js';
import { type Report, warn } from '../base/report.js';
import { checkRefusals } from '../calls/serving.js';
import type { Codec } from '../codec/codec.js';
import { metadataOf } from '../codec/metadata.js';
import { messagePack } from '../codec/msgpack/msgpack.js';
import type { Link } from '../link/link.js';
import type { Parity } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { OnConnection } from './incoming-opens.js';
import { type Peer, type PeerConfig, type PeerOptions, peerConfigOf } from './peers.js';

/** What a session can be told. */
export interface SessionOptions extends PeerOptions {
  /**
   * Which program the peer is, where it is one that deviates from the specification: a preset for the options of
   * {@link PeerOptions}. An option that is given beside it wins.
   */
  readonly peer?: Peer;
  /** Our session parity; odd by default. Only an initiator has a choice: an acceptor adopts the opposite of its peer's. */
  readonly parity?: Parity;
  /** How many requests we let the peer have in flight on the root; 64 by default. */
  readonly maxConcurrentRequests?: number;
  /** What Hello or HelloYourself carries; empty by default. */
  readonly metadata?: Metadata;
  /** Decides on what the peer opens. Without it every open is rejected. */
  readonly onConnection?: OnConnection;
  /** Asks the peer for signs of life; off unless `peer` says otherwise. Zero or negative times turn it off, with a report. */
  readonly keepalive?: KeepaliveSettings;
  /** Whether the specification is enforced to the letter, or real peers are met with the reference's tolerance; 'reference' by default. */
  readonly conformance?: Conformance;
  readonly limits?: Partial<Limits>;
  /** MessagePack by default; both sides need the same. */
  readonly codec?: Codec;
  /**
   * Gets what the user should know of and that ends nothing, every time: a peer may set off as many as it sends messages. By
   * default they go to `console.warn`, ten of a kind a minute at most, of all sessions together, and then how many more there were.
   */
  readonly onReport?: (report: Report) => void;
  /** Aborts the handshake; of no effect afterwards. */
  readonly signal?: AbortSignal;
}

/** The input of a session actor. */
export interface SessionLogicInput extends SessionOptions {
  /** As in {@link SessionOptions}; but a SENSITIVE value must be a `Sensitive`, since an inspector sees an actor's input. */
  readonly metadata?: Metadata;
  readonly role: Role;
  readonly link: Link;
}

/** The same, checked and complete. */
export interface SessionConfig {
  readonly role: Role;
  readonly link: Link;
  readonly localSettings: ConnectionSettings;
  readonly metadata: Metadata;
  readonly onConnection: OnConnection | undefined;
  /** Absent when nobody asked for one. */
  readonly keepalive: KeepaliveSettings | undefined;
  readonly conformance: Conformance;
  readonly limits: Limits;
  readonly codec: Codec;
  readonly onReport: (report: Report) => void;
  readonly signal: AbortSignal | undefined;
  readonly peer: PeerConfig;
}

/** @throws InvalidArgument that names the first option that is wrong. */
export function configOf(input: SessionLogicInput): SessionConfig {
  if (typeof input !== 'object' || input === null) throw new InvalidArgument('a session needs a role and a link');
  const { role, link, onConnection, conformance = 'reference', codec = messagePack, onReport = warn, signal } = input;
  if (role !== 'initiator' && role !== 'acceptor') {
    throw new InvalidArgument(`role must be 'initiator' or 'acceptor', not ${String(role)}`);
  }
  if (typeof link?.send !== 'function' || typeof link.start !== 'function') {
    throw new InvalidArgument('link must be a Link, such as memoryLinkPair or connectWebSocket gives');
  }
  if (conformance !== 'reference' && conformance !== 'strict') {
    throw new InvalidArgument(`conformance must be 'reference' or 'strict', not ${String(conformance)}`);
  }
  if (onConnection !== undefined && typeof onConnection !== 'function') {
    throw new InvalidArgument('onConnection must be a function');
  }
  if (typeof onReport !== 'function') throw new InvalidArgument('onReport must be a function');
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw new InvalidArgument('codec must have encode and decode');
  }
  if (codec.refusals !== undefined) checkRefusals(codec.refusals, 'codec.refusals');
  if (codec.release !== undefined && typeof codec.release !== 'function') {
    throw new InvalidArgument('codec.release must be a function, if it is there');
  }
  const limits = limitsOf(input.limits);
  const localSettings = settingsOf(input, 'odd');
  const { keepalive: usual, ...peer } = peerConfigOf(input, {
    role,
    parity: localSettings.parity,
    conformance,
    isStream: link.isStream === true,
  });
  const keepalive = keepaliveOf(input.keepalive) ?? usual;
  if (peer.awaitAnswers && keepalive?.pongTimeout === Number.POSITIVE_INFINITY) {
    throw new InvalidArgument('awaitAnswers waits for Pongs: with it, keepalive.pongTimeout must be finite');
  }
  return {
    role,
    link,
    localSettings,
    metadata: metadataOf(input.metadata, codec, limits),
    onConnection,
    keepalive,
    conformance,
    limits,
    codec,
    onReport,
    signal: signalOf(signal),
    peer,
  };
}

/** @throws InvalidArgument when a time is NaN or above 2^31 − 1, row 6.03; but `pongTimeout` may be Infinity. */
function keepaliveOf(options: Partial<KeepaliveSettings> | undefined): KeepaliveSettings | undefined {
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
