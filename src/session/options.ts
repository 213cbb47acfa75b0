import type { Conformance, KeepaliveSettings, Role } from '../../machines/index.js';
import { arrayOf, describe, objectOf, settingsOf, signalOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { type Limits, limitsOf, MAX_DELAY } from '../base/limits.js';
import { type Report, warn } from '../base/report.js';
import { checkRefusals } from '../calls/serving.js';
import type { Codec } from '../codec/codec.js';
import { checkMetadata, metadataOf } from '../codec/metadata.js';
import type { Link } from '../link/link.js';
import type { Parity } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import { type Metadata, NOTICES, SERVICE } from '../wire/metadata.js';
import type { Authenticate } from './authentication.js';
import type { OnConnection } from './incoming-opens.js';
import { type Peer, type PeerConfig, type PeerOptions, peerConfigOf } from './peers.js';

/** Takes the steps of a session's machines. */
export type Interpreter = 'compiled' | 'xstate';

/** Options of a session. */
export interface SessionOptions extends PeerOptions {
  /**
   * The program that the peer is, if that deviates from the specification. It is a preset for the options
   * of {@link PeerOptions}. An option that is given beside it wins.
   */
  readonly peer?: Peer;
  /** Our session parity; odd by default. Only an initiator has a choice: an acceptor adopts the opposite of its peer's. */
  readonly parity?: Parity;
  /** Requests that the peer may have in flight on the root; 64 by default. */
  readonly maxConcurrentRequests?: number;
  /** The metadata of our Hello or HelloYourself; empty by default. */
  readonly metadata?: Metadata;
  /** Decides on the connections that the peer opens. Without it every open is rejected. */
  readonly onConnection?: OnConnection;
  /**
   * Services to open together with Hello, before the peer has answered it. The first `session.open` of each takes that connection
   * and resolves one round trip earlier, if it sets no metadata, signal, parity or maxConcurrentRequests. A connection that is not taken
   * stays open. Only for an initiator. It has no effect if `awaitHello` is true.
   */
  readonly openEarly?: readonly { readonly name: string }[];
  /**
   * Pings the peer to see that it is alive; off unless `peer` says otherwise. Zero or negative times turn it off, with
   * a report.
   */
  readonly keepalive?: KeepaliveSettings;
  /**
   * 'strict' enforces the specification to the letter; 'reference' is as tolerant of real peers as the reference.
   * 'reference' by default.
   */
  readonly conformance?: Conformance;
  /**
   * 'compiled' takes the steps of the session's machines by `roam-actors/compile`, which costs less time. 'xstate' takes them by
   * XState itself. They behave the same. 'compiled' by default.
   */
  readonly interpreter?: Interpreter;
  readonly limits?: Partial<Limits>;
  /** MessagePack by default; both sides need the same. `roam-actors/core` has no default. */
  readonly codec?: Codec;
  /**
   * Gets a report of each event that the application should know and that ends nothing. A peer may cause as many
   * reports as it sends messages. By default reports go to `console.warn`: ten of a kind a minute at most, of all
   * sessions together, and then the number of the others.
   */
  readonly onReport?: (report: Report) => void;
  /**
   * Aborts the handshake; of no effect afterwards. If the reason is an {@link Unavailable}, an acceptor tells its peer that it
   * takes no more sessions.
   */
  readonly signal?: AbortSignal;
  /** True to tell the peer that this side understands notices: the owner of the session acts on them. @internal */
  readonly notices?: boolean;
}

/** The input of a session actor. */
export interface SessionLogicInput extends SessionOptions {
  /** As in {@link SessionOptions}; but a SENSITIVE value must be a `Sensitive`, since an inspector sees an actor's input. */
  readonly metadata?: Metadata;
  /** Only with the role of an acceptor; see {@link Authenticate}. */
  readonly authenticate?: Authenticate;
  readonly role: Role;
  readonly link: Link;
}

/** The input of a session, checked and complete. */
export interface SessionConfig {
  readonly role: Role;
  readonly link: Link;
  readonly localSettings: ConnectionSettings;
  readonly metadata: Metadata;
  readonly authenticate: Authenticate | undefined;
  readonly onConnection: OnConnection | undefined;
  /** Absent when neither the application nor `peer` asks for one. */
  readonly keepalive: KeepaliveSettings | undefined;
  readonly conformance: Conformance;
  readonly interpreter: Interpreter;
  readonly limits: Limits;
  readonly codec: Codec;
  readonly onReport: (report: Report) => void;
  readonly signal: AbortSignal | undefined;
  readonly peer: PeerConfig;
  /** The metadata of each open that leaves behind Hello, by the name of its service. */
  readonly early: ReadonlyMap<string, Metadata>;
}

/** The configurations of inputs that are checked already, until their actors take them. */
const checkedInputs = new WeakMap<SessionLogicInput, SessionConfig>();

/** Returns `input`, and notes that `config` is its configuration, so that its options are not checked again. */
export function checkedInput(input: SessionLogicInput, config: SessionConfig): SessionLogicInput {
  checkedInputs.set(input, config);
  return input;
}

/** @throws InvalidArgument that names the first option that is wrong. */
export function configOf(input: SessionLogicInput): SessionConfig {
  const checked = checkedInputs.get(input);
  // V8 keeps the value of an entry until it next collects all memory, and the value leads to the link.
  if (checked !== undefined) checkedInputs.delete(input);
  return checked ?? check(input);
}

function check(input: SessionLogicInput): SessionConfig {
  if (typeof input !== 'object' || input === null) throw new InvalidArgument('a session needs a role and a link');
  const { role, link, onConnection, conformance = 'reference', codec, onReport = warn, signal } = input;
  const { authenticate } = input;
  if (role !== 'initiator' && role !== 'acceptor') {
    throw new InvalidArgument(`role must be 'initiator' or 'acceptor', not ${String(role)}`);
  }
  if (typeof link?.send !== 'function' || typeof link.start !== 'function') {
    throw new InvalidArgument('link must be a Link, such as memoryLinkPair or connectWebSocket gives');
  }
  if (conformance !== 'reference' && conformance !== 'strict') {
    throw new InvalidArgument(`conformance must be 'reference' or 'strict', not ${String(conformance)}`);
  }
  const { interpreter = 'compiled' } = input;
  if (interpreter !== 'compiled' && interpreter !== 'xstate') {
    throw new InvalidArgument(`interpreter must be 'compiled' or 'xstate', not ${String(interpreter)}`);
  }
  if (authenticate !== undefined && (typeof authenticate !== 'function' || role === 'initiator')) {
    throw new InvalidArgument('authenticate must be a function, and is for acceptors: an initiator shows credentials');
  }
  if (onConnection !== undefined && typeof onConnection !== 'function') {
    throw new InvalidArgument('onConnection must be a function');
  }
  if (typeof onReport !== 'function') throw new InvalidArgument('onReport must be a function');
  if (codec === undefined) {
    throw new InvalidArgument(
      'roam-actors/core has no default codec: pass one as codec, such as that of roam-actors/postcard',
    );
  }
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
    metadata: helloMetadata(input, codec, limits),
    authenticate,
    onConnection,
    keepalive,
    conformance,
    interpreter,
    limits,
    codec,
    onReport,
    signal: signalOf(signal),
    peer,
    early: earlyOf(input, peer, codec, limits),
  };
}

const NONE_EARLY: ReadonlyMap<string, Metadata> = new Map();

function earlyOf({ role, openEarly }: SessionLogicInput, peer: PeerConfig, codec: Codec, limits: Limits) {
  if (openEarly === undefined) return NONE_EARLY;
  if (role !== 'initiator') throw new InvalidArgument('openEarly is for initiators: leave it out');
  arrayOf(openEarly, 'openEarly', ' of services');
  const early = new Map<string, Metadata>();
  for (const [index, service] of openEarly.entries()) {
    const name: unknown = service?.name;
    if (typeof name !== 'string')
      throw new InvalidArgument(`openEarly[${index}] must be a service, not ${describe(service)}`);
    if (early.has(name)) throw new InvalidArgument(`openEarly[${index}]: ${describe(name)} is in the list already`);
    early.set(name, metadataOf([{ key: SERVICE, value: name, flags: 0n }], codec, limits));
  }
  if (early.size > limits.connections) {
    throw new InvalidArgument(
      `openEarly has ${early.size} services, more than limits.connections: ${limits.connections}`,
    );
  }
  return peer.awaitHello ? NONE_EARLY : early;
}

/** The metadata of our Hello: the application's, and ours behind it, so that an error cites the application's index. */
function helloMetadata({ metadata, notices }: SessionLogicInput, codec: Codec, limits: Limits): Metadata {
  const given = metadataOf(metadata, codec, limits);
  if (notices !== true) return given;
  const whole = [...given, { key: NOTICES, value: 1n, flags: 0n }];
  checkMetadata(whole, 'metadata', limits);
  return whole;
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
        `keepalive.${name} must be a number of milliseconds up to 2^31 − 1, not ${describe(value)}`,
      );
    }
  }
  const { pingInterval, pongTimeout } = options as KeepaliveSettings;
  return { pingInterval, pongTimeout };
}
