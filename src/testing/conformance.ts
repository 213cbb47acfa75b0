import type { Conformance } from '../../machines/index.js';
import { InvalidArgument, LinkError } from '../base/errors.js';
import type { Codec } from '../codec/codec.js';
import { messagePack } from '../codec/msgpack/msgpack.js';
import type { Link } from '../link/link.js';
import { BREAKING_CASES, type BreakingCase, playBreaking } from './breaking-links.js';
import { claimCases } from './claims.js';
import { rowCases } from './derive.js';
import { caseFor, EXCUSES } from './deviations.js';
import type { Said } from './exchange.js';
import { malformedOf } from './malformed.js';
import { type ConformanceOptions, type ConformanceResult, checkOptions, missingFrom } from './options.js';
import { call, close } from './phrases.js';
import { type Played, play, type Table } from './play.js';
import { Tester } from './tester.js';
import type { CaseSpec, Offence, Step, TableInput } from './vocabulary.js';

/** The time for a peer to close its end of the link after a case, in milliseconds. No case depends on it. */
const PARTING = 250;

/**
 * Plays the counterpart of a peer that speaks the protocol, one case after the other, and judges each answer.
 *
 * Most cases are those of the protocol's rows, seen from the other side: the tester sends what a row's case lets the peer of a
 * session send, and expects what that session has to send. Cases that depend on the peer's own options, on its codec or on its
 * speed are added. If a peer breaks a general rule in any case, such as an open with the wrong parity, that case fails with
 * this rule.
 *
 * The tester waits by pinging: the messages of the peer before its Pong are its answer, so the tester never waits for a peer
 * that answers. At the end of a case it listens for a moment for messages that come too late (`timeouts.late`).
 *
 * @param connect gives a fresh link to the peer under test, for each case; the tester closes it.
 * @throws InvalidArgument when an argument is wrong; LinkError when `connect` takes too long; an error of `connect`.
 *
 * @example
 * const results = await conformance(() => connectWebSocket('ws://127.0.0.1:9000'));
 * for (const { name, rule, verdict, reason } of results) console.log(verdict, name, rule, reason ?? '');
 */
export async function conformance(
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions = {},
): Promise<readonly ConformanceResult[]> {
  if (typeof connect !== 'function') throw new InvalidArgument(`connect must be a function, not ${String(connect)}`);
  checkOptions(options);
  const { conformance: expected = 'reference', filter = () => true, onResult = () => {} } = options;
  const results: ConformanceResult[] = [];
  for (const spec of conformanceCases(options)) {
    if (!filter({ name: spec.name, rule: spec.rule, row: spec.row })) continue;
    const result = await run(spec, connect, options, expected);
    results.push(result);
    onResult(result);
  }
  const { codec = messagePack, timeouts: { answer = 1_000, connect: connectTime = 10_000 } = {} } = options;
  for (const spec of breakingCases(options)) {
    const result = await playBreaking(spec, () => linkWithin(connectTime, connect), codec, answer);
    results.push(result);
    onResult(result);
  }
  return results;
}

/** Returns the cases of links that break, as far as they are wanted. @internal */
export function breakingCases({ reliable = false, filter = () => true }: ConformanceOptions): readonly BreakingCase[] {
  return reliable ? BREAKING_CASES.filter(({ name, rule }) => filter({ name, rule, row: 'reliable' })) : [];
}

/** Returns all cases for a peer of that role, in order. @internal */
export function conformanceCases(options: ConformanceOptions = {}): readonly CaseSpec[] {
  const { role = 'acceptor', codec = messagePack, limits = {}, peer } = options;
  const input: TableInput = {
    role,
    malformed: malformedFor(codec),
    frameOf: (size, id) => frameOf(codec, size, id),
    limits,
  };
  return [...rowCases(role), ...claimCases(input)].map((spec) => caseFor(peer, spec));
}

async function run(
  spec: CaseSpec,
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions,
  expected: Conformance,
): Promise<ConformanceResult> {
  const { name, rule, row, needs = [], steps, again, deviates } = spec;
  const missing = missingFrom(options, needs);
  if (missing.length > 0) {
    return { name, rule, row, verdict: 'skipped', reason: `needs ${missing.join(', ')}`, exchange: [] };
  }
  const first = await meet(steps, connect, options);
  const { played, exchange, excused } =
    again === undefined || first.played.verdict === 'fail' ? first : await meetAgain(first, again, connect, options);
  if (played.verdict === 'fail') {
    const broken = { rule: played.rule ?? rule, row: played.row ?? row };
    const reason = deviates === undefined ? played.reason : `${deviates}, and here ${played.reason}`;
    return { name, ...broken, verdict: 'fail', reason, exchange };
  }
  if (excused !== undefined) {
    const reason = `a ${options.peer} peer may do that: ${excused.reason}`;
    return { name, rule: excused.rule, row: excused.row, verdict: 'deviates', reason, exchange };
  }
  if (deviates !== undefined) return { name, rule, row, verdict: 'deviates', reason: deviates, exchange };
  if (played.verdict === 'pass' || expected === 'reference') {
    return { name, rule, row, verdict: played.verdict, exchange };
  }
  const reason = 'tolerated, where the specification asks for a ProtocolError';
  return { name, rule, row, verdict: 'fail', reason, exchange };
}

/** The course of one session. */
interface Meeting {
  readonly played: Played;
  readonly exchange: readonly Said[];
  /** An offence that this kind of peer is known for. */
  readonly excused: Offence | undefined;
}

/** Plays some steps over a new link. */
async function meet(
  steps: readonly Step[],
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions,
): Promise<Meeting> {
  const { role = 'acceptor', codec = messagePack, timeouts = {}, peer } = options;
  const { answer = 1_000, connect: connectTime = 10_000 } = timeouts;
  const tester = new Tester(await linkWithin(connectTime, connect), codec, role, peer && EXCUSES[peer]);
  try {
    const played = await play(steps, tester, tableOf(options, answer));
    // The exchange is copied now: the tester's leave is not part of the case.
    return { played, exchange: [...tester.exchange], excused: tester.excused };
  } finally {
    await tester.leave(Math.min(answer, PARTING));
  }
}

/**
 * Plays some steps after another session, whose end may have harmed the peer. If it then gives no link, that is a verdict
 * too.
 */
async function meetAgain(
  before: Meeting,
  steps: readonly Step[],
  connect: () => Link | Promise<Link>,
  options: ConformanceOptions,
): Promise<Meeting> {
  try {
    const { played, exchange, excused = before.excused } = await meet(steps, connect, options);
    return { played, exchange: [...before.exchange, ...exchange], excused };
  } catch (error) {
    const reason = `there is no other session to be had: ${error instanceof Error ? error.message : String(error)}`;
    return { ...before, played: { verdict: 'fail', reason } };
  }
}

function tableOf(options: ConformanceOptions, answer: number): Table {
  const { control = {}, keepalive, handshakeTimeout = 0, timeouts = {} } = options;
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
        // The peer may reject an open, or close a closed connection. Only its messages on the wire count.
      }
    },
    // The cases that test it need this control. All other cases do without.
    ended: async () => control.ended?.(),
    late: timeouts.late ?? 20,
  };
}

/** Returns the codec's own malformed frames, and those that can be made from any codec's frames, if it refuses them. */
function malformedFor(codec: Codec): TableInput['malformed'] {
  const whole = codec.encode(close(1));
  const made = [
    { name: 'an empty frame', bytes: new Uint8Array() },
    { name: 'a frame cut short', bytes: whole.slice(0, -1) },
    { name: 'a frame with bytes behind the message', bytes: Uint8Array.of(...whole, 0) },
  ];
  return [...malformedOf(codec), ...made.filter(({ bytes }) => isRefused(codec, bytes))];
}

function isRefused(codec: Codec, bytes: Uint8Array): boolean {
  try {
    codec.decode(bytes, { metadataEntries: 64, metadataBytes: 1024 });
    return false;
  } catch {
    return true;
  }
}

/** Returns a Call on the root whose frame has that size. Its args fill the frame. */
function frameOf(codec: Codec, size: number, id: number): Uint8Array {
  const frame = (length: number) => codec.encode(call(0, id, new Uint8Array(Math.max(0, length))));
  const overhead = (length: number) => frame(length).length - length;
  // The overhead is computed twice: a shorter length takes less room itself.
  return frame(size - overhead(size - overhead(size)));
}

/** Resolves with the link to the peer. A link that comes too late is dropped. */
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
