import type { Conformance, Role } from '../../machines/index.js';
import { InvalidArgument } from '../base/errors.js';
import { limitsOf, MAX_DELAY } from '../base/limits.js';
import type { Codec, MalformedFrame } from '../codec/codec.js';
import type { ConnectionId } from '../wire/id.js';
import { PEER_KINDS, type PeerKind } from './deviations.js';
import type { Said } from './exchange.js';
import type { Citation, Limit, Need } from './vocabulary.js';

/**
 * What makes the peer under test act, in the session of the link that `connect` gave last. What `open`, `close` and
 * `shutdown` give is not waited for, and what they throw, or reject with, is the peer's own business.
 */
export interface Control {
  /** Opens a virtual connection. */
  readonly open?: () => unknown;
  /** Closes that virtual connection, also one that the tester has not accepted yet. */
  readonly close?: (id: ConnectionId) => unknown;
  /** Ends the session in an orderly way. */
  readonly shutdown?: () => unknown;
  /**
   * Has the next open rejected; waited for. That open also carries a metadata entry `reject`: for a peer that goes by it,
   * as `roam-actors serve` does, an empty function will do.
   */
  readonly rejectNext?: () => unknown;
  /** Has every open from now on, in this session, wait for a decision that never comes; waited for. */
  readonly defer?: () => unknown;
  /** Resolves when the session is over on the peer's side, however it ended: over a broken link nobody else can tell. */
  readonly ended?: () => unknown;
}

/** How long the tester waits for a peer, in milliseconds. A peer that does as it should is never waited for so long. */
export interface ConformanceTimeouts {
  /** For an answer, and for the end of the link where one is due: 1 000 by default. */
  readonly answer?: number;
  /** For `connect`: 10 000 by default. */
  readonly connect?: number;
  /** How long it listens on when a case is through, for what comes too late to be right: 20 by default; 0 does without. */
  readonly late?: number;
}

/** Options of {@link conformance}. */
export interface ConformanceOptions {
  /** The role of the peer under test; 'acceptor' by default, to which the tester says Hello. */
  readonly role?: Role;
  /**
   * What is expected of the peer. By 'reference', the default, a tolerance of the reference where the specification asks
   * for a ProtocolError is 'non-strict'; by 'strict' it fails.
   */
  readonly conformance?: Conformance;
  /**
   * An official peer, of which is known where it deviates from the protocol: such a case 'deviates' when the peer does just
   * that, and fails when it does anything else. docs/differences.md lists the rows.
   */
  readonly peer?: PeerKind;
  /** What makes the peer act. A case that needs what is not here is skipped. */
  readonly control?: Control;
  readonly timeouts?: ConformanceTimeouts;
  /** MessagePack by default; the peer needs the same. */
  readonly codec?: Codec;
  /** Which cases to run, by name, rule and row; all by default. */
  readonly filter?: (spec: { readonly name: string } & Citation) => boolean;
  /** The peer's keepalive in milliseconds, if it has one; without it the cases of a peer that pings are skipped. */
  readonly keepalive?: { readonly pingInterval: number; readonly pongTimeout: number };
  /** How many milliseconds the peer waits for the handshake; without it, and above 10 000, nobody waits for that. */
  readonly handshakeTimeout?: number;
  /**
   * The limits that the peer enforces on what it receives, by their names in a session's `limits`; without them, and with
   * more than 500 connections or undecided opens, nobody tries.
   */
  readonly limits?: { readonly [L in Limit]?: number };
  /** Called with each result as it comes. */
  readonly onResult?: (result: ConformanceResult) => void;
}

/** How one case went. */
export interface ConformanceResult extends Citation {
  /** Unique. */
  readonly name: string;
  /**
   * 'non-strict': the reference's tolerance, where the specification asks for a ProtocolError. 'deviates': the peer does
   * what is known of its kind, and not what the protocol says.
   */
  readonly verdict: 'pass' | 'non-strict' | 'deviates' | 'fail' | 'skipped';
  /** What went wrong, what is missing, or how the peer deviates. */
  readonly reason?: string;
  /** What was said; `toMermaid` draws it. */
  readonly exchange: readonly Said[];
}

/** Longer than this no case takes, for a peer that it waits for. */
const LONGEST_HANDSHAKE = 10_000;

/** More than this nobody opens. */
const MOST_OPENS = 500;

/** Each with the most that a case tries. */
const LIMITS: Readonly<Record<Limit, number>> = {
  frame: Number.POSITIVE_INFINITY,
  metadataEntries: Number.POSITIVE_INFINITY,
  metadataBytes: Number.POSITIVE_INFINITY,
  connections: MOST_OPENS,
  undecided: MOST_OPENS,
};

const isLimit = (name: string): name is Limit => Object.hasOwn(LIMITS, name);

/** What a case needs and the options do not have, in their own words. */
export function missingFrom(
  { control = {}, keepalive, handshakeTimeout, limits = {} }: ConformanceOptions,
  needs: readonly Need[],
): readonly string[] {
  return needs.flatMap((need) => {
    if (need === 'keepalive') return keepalive === undefined ? [need] : [];
    if (need === 'handshakeTimeout')
      return handshakeTimeout === undefined || handshakeTimeout > LONGEST_HANDSHAKE ? [need] : [];
    if (!isLimit(need)) return control[need] === undefined ? [`control.${need}`] : [];
    const limit = limits[need];
    return limit === undefined || limit > LIMITS[need] ? [`limits.${need}`] : [];
  });
}

/** @throws InvalidArgument when an option is none, or cannot be what it is. */
export function checkOptions(options: ConformanceOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgument(`options must be an object, not ${String(options)}`);
  }
  const { role, conformance, control = {}, timeouts = {}, codec, filter, onResult, peer } = options;
  const { keepalive = {}, handshakeTimeout, limits = {} } = options;
  if (role !== undefined && role !== 'acceptor' && role !== 'initiator') {
    throw new InvalidArgument(`role must be 'initiator' or 'acceptor', not ${String(role)}`);
  }
  if (conformance !== undefined && conformance !== 'reference' && conformance !== 'strict') {
    throw new InvalidArgument(`conformance must be 'reference' or 'strict', not ${String(conformance)}`);
  }
  if (peer !== undefined && !PEER_KINDS.includes(peer)) {
    throw new InvalidArgument(
      `peer must be ${PEER_KINDS.map((kind) => `'${kind}'`).join(' or ')}, not ${String(peer)}`,
    );
  }
  if (peer !== undefined && conformance === 'strict') {
    throw new InvalidArgument(`peer: a ${peer} peer is not strict, so conformance can't be 'strict'`);
  }
  checkControl(control);
  for (const [name, value] of Object.entries({ filter, onResult })) {
    if (value === undefined || typeof value === 'function') continue;
    throw new InvalidArgument(`${name} must be a function, not ${String(value)}`);
  }
  if (codec !== undefined && (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function')) {
    throw new InvalidArgument('codec must have the methods encode and decode');
  }
  checkMalformed(codec?.malformed);
  checkTimes('timeouts.', timeouts, { answer: 1, connect: 1, late: 0 });
  checkTimes('keepalive.', keepalive, { pingInterval: 1, pongTimeout: 1 });
  checkTimes('', { handshakeTimeout }, { handshakeTimeout: 1 });
  limitsOf(limits);
  for (const name of Object.keys(limits)) {
    if (!isLimit(name)) throw new InvalidArgument(`limits.${name} is none that a case tries`);
  }
}

function checkMalformed(malformed: Codec['malformed'] = []): void {
  if (!Array.isArray(malformed)) throw new InvalidArgument('codec.malformed must be a list of frames');
  const names = new Set<string>();
  for (const [index, frame] of (malformed as readonly unknown[]).entries()) {
    const { name, bytes } = (frame ?? {}) as Partial<MalformedFrame>;
    const place = `codec.malformed[${index}]`;
    if (typeof name !== 'string') throw new InvalidArgument(`${place}.name must be a string, not ${String(name)}`);
    if (names.has(name)) throw new InvalidArgument(`${place} has the name of another one: ${name}`);
    if (!(bytes instanceof Uint8Array)) throw new InvalidArgument(`${place}.bytes must be a Uint8Array`);
    names.add(name);
  }
}

function checkControl(control: Control): void {
  const names: Readonly<Record<keyof Control, true>> = {
    ...{ open: true, close: true, shutdown: true, rejectNext: true, defer: true, ended: true },
  };
  for (const [name, value] of Object.entries(control)) {
    if (!Object.hasOwn(names, name)) throw new InvalidArgument(`control.${name} is not a control`);
    if (value === undefined || typeof value === 'function') continue;
    throw new InvalidArgument(`control.${name} must be a function, not ${String(value)}`);
  }
}

function checkTimes(prefix: string, times: object, least: Readonly<Record<string, number>>): void {
  for (const [name, time] of Object.entries(times) as [string, unknown][]) {
    const from = least[name];
    if (from === undefined) throw new InvalidArgument(`${prefix}${name} is not a time`);
    if (time === undefined || (typeof time === 'number' && time >= from && time <= MAX_DELAY)) continue;
    throw new InvalidArgument(`${prefix}${name} must be from ${from} to ${MAX_DELAY} ms, not ${String(time)}`);
  }
}
