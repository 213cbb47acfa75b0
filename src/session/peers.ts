import type { Conformance, KeepaliveSettings, Role } from '../../machines/index.js';
import { describe } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import type { Parity } from '../wire/id.js';

/** Deviations of a peer from the specification, one option for each. */
export interface PeerOptions {
  /**
   * True if at most one more message may leave behind a Ping or ConnectionOpen of ours, until the peer has answered
   * that or we give it up. Messages that are held back count in `limits.outboxBytes`. The official Rust peer needs this
   * over WebSocket, where it freezes for good otherwise. Use it on one of the two sides only: two sides that both do it
   * can wait for each other.
   *
   * @defaultValue false
   */
  readonly awaitAnswers?: boolean;
  /**
   * True if our ConnectionRejects leave without the metadata that `onConnection` gives. The official Rust peer reads
   * the metadata of a Reject from freed memory, and may crash because of it.
   *
   * @defaultValue false
   */
  readonly emptyRejects?: boolean;
  /**
   * Items of one channel that the peer has not consumed, at most. Our senders wait for credit beyond that, even if the
   * channel's own credit is higher. 1 or more; Infinity for no bound. The official Rust peer drops items above 64. A
   * service with a channel whose credit is above twice this number is refused when it is opened or served: a peer that
   * grants credit after each half of the channel's credit would never grant any.
   *
   * @defaultValue Infinity
   */
  readonly maxUnconsumed?: number;
  /**
   * True if the peer sends the Responses and the channel messages of every call on the root connection. They are then
   * matched to their call by its id, on any connection. Our ids are then unique over all connections of the session.
   *
   * @defaultValue false
   */
  readonly answersOnRoot?: boolean;
  /**
   * Milliseconds after which a cancelled call frees its place among `maxConcurrentRequests` without a Response; 1 to
   * 2^31 − 1, or Infinity for never. The official Swift peer does not answer a call that was cancelled.
   *
   * @defaultValue Infinity
   */
  readonly cancelTimeout?: number;
  /**
   * True if nothing may leave behind our Hello until the peer has answered it: `openEarly` then has no effect.
   *
   * @defaultValue false
   */
  readonly awaitHello?: boolean;
}

/** The official peers of version 7, by the names of their presets. */
export type Peer = 'roam-rust-7' | 'roam-typescript-7' | 'roam-swift-7';

/** The options of a peer, checked and complete. */
export type PeerConfig = Required<PeerOptions>;

interface Preset extends PeerOptions {
  readonly keepalive?: KeepaliveSettings;
  /** True for a peer that constantly breaks rules of the specification: strict mode would end each session with it. */
  readonly isLenient?: true;
}

const PRESETS: Readonly<Record<Peer, Preset>> = {
  'roam-rust-7': { awaitAnswers: true, emptyRejects: true, maxUnconsumed: 64 },
  // This peer ends 30 s after the last message that it got, and reads only while a call of its own is under way.
  'roam-typescript-7': {
    answersOnRoot: true,
    keepalive: { pingInterval: 25_000, pongTimeout: Number.POSITIVE_INFINITY },
    awaitHello: true,
    isLenient: true,
  },
  'roam-swift-7': { answersOnRoot: true, cancelTimeout: 5_000, awaitHello: true, isLenient: true },
};

const DEFAULTS: PeerConfig = {
  awaitAnswers: false,
  emptyRejects: false,
  maxUnconsumed: Number.POSITIVE_INFINITY,
  answersOnRoot: false,
  cancelTimeout: Number.POSITIVE_INFINITY,
  awaitHello: false,
};

/** Settings of a session that matter for the options of its peer. */
export interface PeerSurroundings {
  readonly role: Role;
  readonly parity: Parity;
  readonly conformance: Conformance;
  /** True if the link is a byte stream, over which the Rust peer does not freeze. */
  readonly isStream: boolean;
}

/**
 * Returns the options of a peer, and its keepalive. The application's own options win over those of the preset.
 *
 * @throws InvalidArgument when `peer` is unknown or does not work with the session's settings, or an option is wrong.
 */
export function peerConfigOf(
  options: PeerOptions & { readonly peer?: Peer | undefined },
  { role, parity, conformance, isStream }: PeerSurroundings,
): PeerConfig & { readonly keepalive: KeepaliveSettings | undefined } {
  const { peer } = options;
  if (peer !== undefined && !Object.hasOwn(PRESETS, peer)) {
    const known = Object.keys(PRESETS).map((name) => `'${name}'`);
    throw new InvalidArgument(`peer must be one of ${known.join(', ')}, not ${describe(peer)}`);
  }
  const { keepalive, isLenient, ...preset }: Preset = peer === undefined ? {} : PRESETS[peer];
  if (isLenient && conformance === 'strict') {
    throw new InvalidArgument(
      `peer '${peer}' breaks rules that conformance 'strict' enforces: leave conformance out, or make it 'reference'`,
    );
  }
  if (isLenient && role === 'initiator' && parity === 'even') {
    throw new InvalidArgument(
      `peer '${peer}' always takes even parity itself, and ignores that of Hello: leave parity out, or make it 'odd'`,
    );
  }
  const usual = { ...DEFAULTS, ...preset, ...(isStream ? { awaitAnswers: false } : {}) };
  const {
    awaitAnswers = usual.awaitAnswers,
    emptyRejects = usual.emptyRejects,
    maxUnconsumed = usual.maxUnconsumed,
    answersOnRoot = usual.answersOnRoot,
    cancelTimeout = usual.cancelTimeout,
    awaitHello = usual.awaitHello,
  } = options;
  const config = {
    awaitAnswers: booleanOf(awaitAnswers, 'awaitAnswers'),
    emptyRejects: booleanOf(emptyRejects, 'emptyRejects'),
    maxUnconsumed: countOf(maxUnconsumed, 'maxUnconsumed', Number.MAX_SAFE_INTEGER),
    answersOnRoot: booleanOf(answersOnRoot, 'answersOnRoot'),
    cancelTimeout: countOf(cancelTimeout, 'cancelTimeout', MAX_DELAY),
    awaitHello: booleanOf(awaitHello, 'awaitHello'),
    keepalive,
  };
  if (conformance === 'strict' && (config.answersOnRoot || Number.isFinite(config.cancelTimeout))) {
    const name = config.answersOnRoot ? 'answersOnRoot' : 'cancelTimeout';
    throw new InvalidArgument(`${name} is for peers that break rules: with it, conformance must be 'reference'`);
  }
  return config;
}

function booleanOf(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new InvalidArgument(`${name} must be true or false, not ${describe(value)}`);
}

function countOf(value: unknown, name: string, most: number): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw new InvalidArgument(`${name} must be an integer from 1 to ${most}, or Infinity, not ${describe(value)}`);
}
