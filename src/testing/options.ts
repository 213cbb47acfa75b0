import type { Conformance, Role } from '../../machines/index.js';
import { InvalidArgument } from '../base/errors.js';
import { limitsOf, MAX_DELAY } from '../base/limits.js';
import type { Codec, MalformedFrame } from '../codec/codec.js';
import type { ConnectionId } from '../wire/id.js';
import { PEER_KINDS, type PeerKind } from './deviations.js';
import type { Said } from './exchange.js';
import type { Citation, Limit, Need } from './vocabulary.js';

/**
 * Makes the peer under test act, in the session of the link that `connect` gave last. The tester does not await the results
 * of `open`, `close` and `shutdown`, and ignores their errors.
 */
export interface Control {
  /** Opens a virtual connection. */
  readonly open?: () => unknown;
  /** Closes that virtual connection, also one that the tester has not accepted yet. */
  readonly close?: (id: ConnectionId) => unknown;
  /** Ends the session in an orderly way. */
  readonly shutdown?: () => unknown;
  /**
   * Makes the peer reject the next open. The tester awaits it. That open also carries a metadata entry `reject`: for a peer
   * that rejects by it, as `roam-actors serve` does, an empty function is enough.
   */
  readonly rejectNext?: () => unknown;
  /**
   * Makes the peer refuse the credentials that come next, in a Hello or in a notice that renews them, in `authenticate` or its
   * like. The tester awaits it.
   */
  readonly refuseNext?: () => unknown;
  /** Makes every open from now on, in this session, wait for a decision that never comes. The tester awaits it. */
  readonly defer?: () => unknown;
  /**
   * Resolves when the session is over on the peer's side, for any reason. After a broken link only the peer can tell this.
   */
  readonly ended?: () => unknown;
}

/** The times that the tester waits for a peer, in milliseconds. It never waits that long for a correct peer. */
export interface ConformanceTimeouts {
  /** The time for an answer, and for the end of the link where one is due: 1 000 by default. */
  readonly answer?: number;
  /** The time for `connect`: 10 000 by default. */
  readonly connect?: number;
  /** The time that it listens at the end of a case for messages that come too late: 20 by default. 0 skips this. */
  readonly late?: number;
}

/** Options of {@link conformance}. */
export interface ConformanceOptions {
  /** The role of the peer under test. By default 'acceptor', to which the tester sends Hello. */
  readonly role?: Role;
  /**
   * The conformance that is expected of the peer. With 'reference', the default, a tolerance of the reference where the
   * specification asks for a ProtocolError is 'non-strict'. With 'strict' it fails.
   */
  readonly conformance?: Conformance;
  /**
   * The kind of an official peer, whose deviations from the protocol are known. Such a case 'deviates' when the peer does
   * exactly that, and fails when it does anything else. docs/differences.md lists the rows.
   */
  readonly peer?: PeerKind;
  /** The controls of the peer. A case that needs a missing one is skipped. */
  readonly control?: Control;
  readonly timeouts?: ConformanceTimeouts;
  /**
   * Adds the cases of a peer that accepts links that outlive their connections (docs/reliable.md): greetings, replay,
   * duplicates, gaps, refusals, two connections at once, the orderly end. Such a peer serves bare links, too, over which all
   * other cases go. Only for an acceptor. False by default.
   */
  readonly reliable?: boolean;
  /** The codec, by default MessagePack. The peer needs the same one. */
  readonly codec?: Codec;
  /** Selects the cases to run, by name, rule and row. By default all run. */
  readonly filter?: (spec: { readonly name: string } & Citation) => boolean;
  /** The peer's keepalive in milliseconds. Without it the cases of a peer that pings are skipped. */
  readonly keepalive?: { readonly pingInterval: number; readonly pongTimeout: number };
  /** The peer's handshake timeout in milliseconds. Without it, and above 10 000, the cases for it are skipped. */
  readonly handshakeTimeout?: number;
  /**
   * The limits that the peer enforces on received messages, by their names in a session's `limits`. Without them, and with
   * more than 500 connections or undecided opens, the cases for them are skipped.
   */
  readonly limits?: { readonly [L in Limit]?: number };
  /** Called with each result as it comes. */
  readonly onResult?: (result: ConformanceResult) => void;
}

/** The result of one case. */
export interface ConformanceResult extends Citation {
  /** The name. It is unique. */
  readonly name: string;
  /**
   * 'non-strict': the peer has the reference's tolerance, where the specification asks for a ProtocolError. 'deviates': the
   * peer has a known deviation of its kind from the protocol.
   */
  readonly verdict: 'pass' | 'non-strict' | 'deviates' | 'fail' | 'skipped';
  /** The defect, the missing option, or the deviation. */
  readonly reason?: string;
  /** The messages of the case. `toMermaid` draws them. */
  readonly exchange: readonly Said[];
}

/** The longest handshake timeout of a peer that a case waits for. Milliseconds. */
const LONGEST_HANDSHAKE = 10_000;

/** The maximum number of opens in a case. */
const MOST_OPENS = 500;

/** The maximum of each limit that a case tries. */
const LIMITS: Readonly<Record<Limit, number>> = {
  frame: Number.POSITIVE_INFINITY,
  metadataEntries: Number.POSITIVE_INFINITY,
  metadataBytes: Number.POSITIVE_INFINITY,
  connections: MOST_OPENS,
  undecided: MOST_OPENS,
};

const isLimit = (name: string): name is Limit => Object.hasOwn(LIMITS, name);

/** Returns the needs of a case that the options do not meet, in the options' own words. */
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

/** @throws InvalidArgument when an option is unknown, or has an impossible value. */
export function checkOptions(options: ConformanceOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgument(`options must be an object, not ${String(options)}`);
  }
  const { role, conformance, control = {}, timeouts = {}, codec, filter, onResult, peer, reliable = false } = options;
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
  if (typeof reliable !== 'boolean') throw new InvalidArgument(`reliable must be a boolean, not ${String(reliable)}`);
  if (reliable && role === 'initiator') {
    throw new InvalidArgument('reliable: the cases of links that break are for an acceptor');
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
    ...{ open: true, close: true, shutdown: true, rejectNext: true, defer: true },
    ...{ refuseNext: true, ended: true },
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
