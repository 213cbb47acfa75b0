import type { Conformance, Role } from '../../machines/index.js';
import type { Codec } from '../codec/codec.js';
import { messagePack } from '../codec/msgpack.js';
import { InvalidArgument, LinkError } from '../errors.js';
import { MAX_DELAY } from '../limits.js';
import type { Link } from '../link/link.js';
import type { ConnectionId } from '../wire/id.js';
import type { Said } from './exchange.js';
import { call, close } from './phrases.js';
import { play, type Table } from './play.js';
import { sessionCases } from './rows.js';
import { limitCases } from './rows-limits.js';
import { Tester } from './tester.js';
import type { CaseSpec, Citation, Limit, Need, Step, TableInput } from './vocabulary.js';
import { connectionCases } from './walk-connection.js';
import { handshakeCases } from './walk-handshake.js';

/**
 * What makes the peer under test act, in the session of the link that `connect` gave last. None of them is waited for,
 * but for `rejectNext`; what they throw, or reject with, is the peer's own business.
 */
export interface Control {
  /** Opens a virtual connection. */
  readonly open?: () => unknown;
  /** Closes that virtual connection, also one that the tester has not accepted yet. */
  readonly close?: (id: ConnectionId) => unknown;
  /** Ends the session in an orderly way. */
  readonly shutdown?: () => unknown;
  /**
   * Has the next open rejected. That open also carries a metadata entry `reject`: for a peer that goes by it, as
   * `roam-actors serve` does, an empty function will do.
   */
  readonly rejectNext?: () => unknown;
}

/** How long the tester waits for a peer, in milliseconds. A peer that does as it should is never waited for so long. */
export interface ConformanceTimeouts {
  /** For an answer, and for the end of the link where one is due: 1 000 by default. */
  readonly answer?: number;
  /** For `connect`: 10 000 by default. */
  readonly connect?: number;
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
  readonly control?: Control;
  readonly timeouts?: ConformanceTimeouts;
  /** MessagePack by default; the peer needs the same. */
  readonly codec?: Codec;
  /** Which cases to run, by name, rule and row; all by default. */
  readonly filter?: (spec: { readonly name: string } & Citation) => boolean;
  /** The peer's keepalive, if it has one; without it the cases of a peer that pings are skipped. */
  readonly keepalive?: { readonly pingInterval: number; readonly pongTimeout: number };
  /** How long the peer waits for the handshake; without it, and above 10 s, nobody waits for that. */
  readonly handshakeTimeout?: number;
  /** The limits that the peer enforces on what it receives; without them nobody tries. */
  readonly limits?: { readonly [L in Limit]?: number };
  /** Called with each result as it comes. */
  readonly onResult?: (result: ConformanceResult) => void;
}

/** How one case went. */
export interface ConformanceResult extends Citation {
  /** Unique. */
  readonly name: string;
  /** 'non-strict': the reference's tolerance, where the specification asks for a ProtocolError. */
  readonly verdict: 'pass' | 'non-strict' | 'fail' | 'skipped';
  /** What went wrong, or what is missing. */
  readonly reason?: string;
  /** What was said; `toMermaid` draws it. */
  readonly exchange: readonly Said[];
}

/** How long a peer may take to close its end of the link after a case, in milliseconds: no case depends on it. */
const PARTING = 250;

/** Longer than this no case takes, for a peer that it waits for. */
const LONGEST_HANDSHAKE = 10_000;

/**
 * Plays the counterpart of a peer that speaks the protocol, one case after the other, and judges each answer.
 *
 * The walks through the handshake and through the life of a connection come from the graphs of the machines that ship
 * (`paths`), and so do the answers that they expect: the effects on the same path, of a strict peer and of a tolerant one. What
 * concerns several connections or none, the keepalive, and what does not decode stand in tables, each with the row and the
 * rule that it is about. A rule that is broken in any case, such as an open with the wrong parity, fails that case under its
 * own name.
 *
 * The tester waits by pinging: what the peer says before its Pong is its answer, so that a peer that answers is never
 * waited for, and one that says something wrong only later is not found out.
 *
 * @param connect gives a fresh link to the peer under test, for each case; the tester closes it.
 * @throws InvalidArgument when an option is wrong; LinkError when `connect` takes too long; what `connect` throws.
 *
 * @example
 * const results = await conformance(() => connectWebSocket('ws://127.0.0.1:9000'));
 * for (const { name, rule, verdict, reason } of results) console.log(verdict, name, rule, reason ?? '');
 */
export async function conformance(
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions = {},
): Promise<readonly ConformanceResult[]> {
  const { conformance: expected = 'reference', filter = () => true, onResult = () => {} } = options;
  check(options);
  const results: ConformanceResult[] = [];
  for (const spec of conformanceCases(options)) {
    if (!filter({ name: spec.name, rule: spec.rule, row: spec.row })) continue;
    const result = await run(spec, connect, options, expected);
    results.push(result);
    onResult(result);
  }
  return results;
}

/** All cases for a peer of that role, in order. @internal */
export function conformanceCases(options: ConformanceOptions = {}): readonly CaseSpec[] {
  const { role = 'acceptor', codec = messagePack, limits = {} } = options;
  const input: TableInput = {
    role,
    malformed: malformedFor(codec),
    frameOf: (size, id) => frameOf(codec, size, id),
    limits,
  };
  return [...handshakeCases(input), ...connectionCases(role), ...sessionCases(role), ...limitCases(input)];
}

async function run(
  spec: CaseSpec,
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions,
  expected: Conformance,
): Promise<ConformanceResult> {
  const { role = 'acceptor', codec = messagePack, timeouts = {} } = options;
  const { name, rule, row, needs = [] } = spec;
  const missing = needs.filter((need) => !has(need, options));
  if (missing.length > 0) {
    return { name, rule, row, verdict: 'skipped', reason: `needs ${missing.map(wordsOf).join(', ')}`, exchange: [] };
  }
  const { answer = 1_000, connect: connectTime = 10_000 } = timeouts;
  const tester = new Tester(await linkWithin(connectTime, connect), codec, role);
  try {
    const played = await play(spec, tester, tableOf(options, answer));
    // As it is now: how the tester takes its leave is not part of the case.
    const exchange = [...tester.exchange];
    if (played.verdict === 'fail') {
      return {
        name,
        rule: played.rule ?? rule,
        row: played.row ?? row,
        verdict: 'fail',
        reason: played.reason,
        exchange,
      };
    }
    if (played.verdict === 'pass' || expected === 'reference') {
      return { name, rule, row, verdict: played.verdict, exchange };
    }
    const reason = 'tolerated, where the specification asks for a ProtocolError';
    return { name, rule, row, verdict: 'fail', reason, exchange };
  } finally {
    await tester.leave(Math.min(answer, PARTING));
  }
}

function tableOf({ control = {}, keepalive, handshakeTimeout = 0 }: ConformanceOptions, answer: number): Table {
  const slack: Readonly<Record<NonNullable<Step['within']>, number>> = {
    handshakeTimeout,
    pingInterval: keepalive?.pingInterval ?? 0,
    pongTimeout: keepalive?.pongTimeout ?? 0,
  };
  return {
    timeFor: ({ within }) => answer + (within === undefined ? 0 : slack[within]),
    act: async (what, id) => {
      try {
        await control[what]?.(id);
      } catch {
        // An open that is rejected, a close of what is closed: what the peer says on the wire is what counts.
      }
    },
  };
}

function has(need: Need, { control = {}, keepalive, handshakeTimeout, limits = {} }: ConformanceOptions): boolean {
  if (need === 'keepalive') return keepalive !== undefined;
  if (need === 'handshakeTimeout') return handshakeTimeout !== undefined && handshakeTimeout <= LONGEST_HANDSHAKE;
  if (need === 'frame' || need === 'metadataEntries' || need === 'metadataBytes') return limits[need] !== undefined;
  return control[need] !== undefined;
}

function wordsOf(need: Need): string {
  if (need === 'keepalive' || need === 'handshakeTimeout') return need;
  return `${need in { frame: 0, metadataEntries: 0, metadataBytes: 0 } ? 'limits' : 'control'}.${need}`;
}

/** Bytes that this codec takes for no message. */
function malformedFor(codec: Codec): TableInput['malformed'] {
  const whole = codec.encode(close(1));
  const tried = [
    { name: 'a byte that means nothing', bytes: Uint8Array.of(0xc1) },
    { name: 'an empty frame', bytes: new Uint8Array() },
    { name: 'a frame cut short', bytes: whole.slice(0, -1) },
    { name: 'a frame with bytes behind the message', bytes: Uint8Array.of(...whole, 0) },
    { name: 'a connection id of 2^53', bytes: Uint8Array.of(0x93, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0, 6, 0x90) },
    { name: 'an unknown tag', bytes: Uint8Array.of(0x93, 1, 11, 0x90) },
  ];
  return tried.filter(({ bytes }) => {
    try {
      codec.decode(bytes, { metadataEntries: 64, metadataBytes: 1024 });
      return false;
    } catch {
      return true;
    }
  });
}

/** A Call on the root whose frame has that size; its args fill it. */
function frameOf(codec: Codec, size: number, id: number): Uint8Array {
  const frame = (length: number) => codec.encode(call(0, id, new Uint8Array(Math.max(0, length))));
  const overhead = (length: number) => frame(length).length - length;
  // Twice: the length itself takes less room where it is shorter.
  return frame(size - overhead(size - overhead(size)));
}

/** The link to the peer; one that comes too late is dropped. */
async function linkWithin(time: number, connect: () => Link | Promise<Link>): Promise<Link> {
  const connecting = Promise.resolve(connect());
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      connecting.then(
        (link) => link.abort(),
        () => {},
      );
      reject(new LinkError(`connect gave no link within ${time} ms`));
    }, time);
  });
  try {
    return await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}

function check({ role, conformance: expected, timeouts = {} }: ConformanceOptions): void {
  if (role !== undefined && role !== 'acceptor' && role !== 'initiator') {
    throw new InvalidArgument(`role must be 'initiator' or 'acceptor', not ${String(role)}`);
  }
  if (expected !== undefined && expected !== 'reference' && expected !== 'strict') {
    throw new InvalidArgument(`conformance must be 'reference' or 'strict', not ${String(expected)}`);
  }
  for (const [name, time] of Object.entries(timeouts)) {
    if (typeof time === 'number' && time > 0 && time <= MAX_DELAY) continue;
    throw new InvalidArgument(`timeouts.${name} must be from 1 to ${MAX_DELAY} ms, not ${String(time)}`);
  }
}
