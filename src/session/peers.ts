import type { Conformance, KeepaliveSettings, Role } from '../../machines/index.js';
import { shown } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import type { Parity } from '../wire/id.js';

/** What differs from the specification in a peer, one option for each deviation. */
export interface PeerOptions {
  /**
   * Whether at most one more message leaves behind a Ping or ConnectionOpen of ours, until the peer has answered that, or
   * until we give it up. What is held back counts in `limits.outboxBytes`. The official Rust peer needs it over WebSocket,
   * where it freezes for good otherwise. Only for one of the two sides: two that both do it can wait for each other.
   *
   * @defaultValue false
   */
  readonly awaitAnswers?: boolean;
  /**
   * Whether our ConnectionRejects leave without the metadata that `onConnection` gives. The official Rust peer reads a
   * Reject's metadata from freed memory, and may crash by it.
   *
   * @defaultValue false
   */
  readonly emptyRejects?: boolean;
  /**
   * Items of one channel that the peer has not consumed, at most: our senders wait for credit beyond that, whatever the
   * channel's own credit is. 1 or more; Infinity for no bound. The official Rust peer drops what is above 64. A service with
   * a channel whose credit is above twice as much is refused when it is opened or served: a peer that grants credit for
   * halves would never grant any.
   *
   * @defaultValue Infinity
   */
  readonly maxUnconsumed?: number;
  /**
   * Whether the peer sends the Responses and the channel messages of every call on the root connection. They are matched to
   * their call by its id then, wherever it was made, and ids of ours are unique over all connections of the session.
   *
   * @defaultValue false
   */
  readonly answersOnRoot?: boolean;
  /**
   * Milliseconds after which a call that was cancelled gives its place among `maxConcurrentRequests` free without a Response;
   * 1 to 2^31 − 1, or Infinity for never. The official Swift peer does not answer a call that was cancelled.
   *
   * @defaultValue Infinity
   */
  readonly cancelTimeout?: number;
}

/** The official peers of version 7, by the names of their presets. */
export type Peer = 'roam-rust-7' | 'roam-typescript-7' | 'roam-swift-7';

/** The same, checked and complete. */
export type PeerConfig = Required<PeerOptions>;

interface Preset extends PeerOptions {
  readonly keepalive?: KeepaliveSettings;
  /** It breaks rules of the specification at every turn: strict mode would end each session with it. */
  readonly isLenient?: true;
}

const PRESETS: Readonly<Record<Peer, Preset>> = {
  'roam-rust-7': { awaitAnswers: true, emptyRejects: true, maxUnconsumed: 64 },
  // It ends 30 s after the last message that it got, and reads only while a call of its own is under way.
  'roam-typescript-7': {
    answersOnRoot: true,
    keepalive: { pingInterval: 25_000, pongTimeout: Number.POSITIVE_INFINITY },
    isLenient: true,
  },
  'roam-swift-7': { answersOnRoot: true, cancelTimeout: 5_000, isLenient: true },
};

const DEFAULTS: PeerConfig = {
  awaitAnswers: false,
  emptyRejects: false,
  maxUnconsumed: Number.POSITIVE_INFINITY,
  answersOnRoot: false,
  cancelTimeout: Number.POSITIVE_INFINITY,
};

/** What a session is told beside the options of its peer, as far as it matters for them. */
export interface PeerSurroundings {
  readonly role: Role;
  readonly parity: Parity;
  readonly conformance: Conformance;
  /** The link is a byte stream, over which the Rust peer does not freeze. */
  readonly isStream: boolean;
}

/**
 * The options of a peer, and its keepalive: the user's own before those of the preset.
 *
 * @throws InvalidArgument when `peer` is none that is known or can't be met as the session is to be, or an option is wrong.
 */
export function peerConfigOf(
  options: PeerOptions & { readonly peer?: Peer | undefined },
  { role, parity, conformance, isStream }: PeerSurroundings,
): PeerConfig & { readonly keepalive: KeepaliveSettings | undefined } {
  const { peer } = options;
  if (peer !== undefined && !Object.hasOwn(PRESETS, peer)) {
    const known = Object.keys(PRESETS).map((name) => `'${name}'`);
    throw new InvalidArgument(`peer must be one of ${known.join(', ')}, not ${shown(peer)}`);
  }
  const { keepalive, isLenient, ...preset }: Preset = peer === undefined ? {} : PRESETS[peer];
  if (isLenient && conformance === 'strict') {
    throw new InvalidArgument(
      `peer '${peer}' breaks rules that conformance 'strict' enforces: leave conformance out, or make it 'reference'`,
    );
  }
  if (isLenient && role === 'initiator' && parity === 'even') {
    throw new InvalidArgument(
      `peer '${peer}' takes even parity itself, whatever Hello says: leave parity out, or make it 'odd'`,
    );
  }
  const given = {
    awaitAnswers: booleanOf(options.awaitAnswers, 'awaitAnswers'),
    emptyRejects: booleanOf(options.emptyRejects, 'emptyRejects'),
    maxUnconsumed: countOf(options.maxUnconsumed, 'maxUnconsumed', Number.MAX_SAFE_INTEGER),
    answersOnRoot: booleanOf(options.answersOnRoot, 'answersOnRoot'),
    cancelTimeout: countOf(options.cancelTimeout, 'cancelTimeout', MAX_DELAY),
  };
  if (conformance === 'strict' && (given.answersOnRoot === true || Number.isFinite(given.cancelTimeout))) {
    const name = given.answersOnRoot === true ? 'answersOnRoot' : 'cancelTimeout';
    throw new InvalidArgument(`${name} is for peers that break rules: with it, conformance must be 'reference'`);
  }
  const paced = isStream ? { awaitAnswers: false } : {};
  return { ...DEFAULTS, ...preset, ...paced, ...withoutUndefined(given), keepalive };
}

function booleanOf(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new InvalidArgument(`${name} must be true or false, not ${shown(value)}`);
}

function countOf(value: unknown, name: string, most: number): number | undefined {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return value;
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw new InvalidArgument(`${name} must be an integer from 1 to ${most}, or Infinity, not ${shown(value)}`);
}

function withoutUndefined(options: { [Name in keyof PeerConfig]: PeerConfig[Name] | undefined }): Partial<PeerConfig> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
