import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MAX_DELAY } from '../base/limits.js';
import { excerpt } from '../base/printable.js';
import { sparing } from '../base/report.js';
import type { Link, Role } from '../index.js';
import { authority } from '../link/listen.js';
import { breakingCases, conformanceCases } from '../testing/conformance.js';
import { PEER_KINDS, type PeerKind } from '../testing/deviations.js';
import {
  type Citation,
  type ConformanceOptions,
  type ConformanceResult,
  conformance,
  inWords,
  type Said,
} from '../testing/index.js';
import {
  ADDRESS_HELP,
  type Address,
  CHILD_HELP,
  dial,
  listen,
  parseAddress,
  takeCommand,
  targetOf,
} from './address.js';
import { Failure, UsageError, verdictOn } from './failure.js';
import { Initiators } from './initiators.js';
import { jsonValue } from './json.js';
import { CODEC_HELP, type Command, codecOf, integer } from './options.js';
import { stopAtSignal } from './signals.js';

const HELP = `roam-actors conform: tells whether a peer speaks the protocol, case by case

Usage: roam-actors conform ADDRESS [options]
       roam-actors conform stdio: [options] -- COMMAND [ARGS...]
       roam-actors conform --listen [ADDRESS] [options]

Connects to a server once for each case, as the initiator, and judges the answers; or, with --listen, meets an initiator
that connects again and again, until it is refused, and judges each session that it begins. A case passes, fails, or is
'non-strict': the peer tolerates, as the reference does, what the specification answers with a ProtocolError. The peer has
to reject an open whose metadata has the key 'reject', as roam-actors serve does, and to accept any other. Cases in which
it would have to act by itself are skipped, and those about what it is set to unless the options say so. SIGINT or SIGTERM
ends it early, with the summary of what was tried. The exit status is 0 when no case fails, and 1 otherwise. With --peer it is known where an official peer does not do what the protocol says:
such a case 'deviates' if the peer does just that, and fails otherwise.

${ADDRESS_HELP}
${CHILD_HELP}; one for each case

Options:
  --listen             waits for an initiator instead of connecting
  --port N             the TCP port of ws://HOST:N to listen on; 0, the default, takes any free one
  --host HOST          the address to listen on with --port; 127.0.0.1 by default
${CODEC_HELP}
  --peer KIND          ${PEER_KINDS.join(' or ')}
  --reliable           adds the cases of links that break; the peer is one such as roam-actors serve --reliable
  --strict             'non-strict' counts as failed
  --filter TEXT        only the cases with TEXT in their name, rule or row
  --timeout MS         how long the peer may take for an answer, with stdio: its start included; 1000 by default
  --late MS            how long to listen for what comes too late, in each case; 20 by default
  --keepalive PING,PONG   the peer's pingInterval and pongTimeout in milliseconds
  --handshake-timeout MS  how long the peer waits for the handshake
  --limit NAME=N       a limit of the peer's: frame, metadataEntries, metadataBytes or connections; as often as needed
  --json FILE          writes all results with what was said into FILE`;

const OPTIONS = {
  codec: { type: 'string' },
  peer: { type: 'string' },
  listen: { type: 'boolean' },
  port: { type: 'string' },
  host: { type: 'string' },
  reliable: { type: 'boolean' },
  strict: { type: 'boolean' },
  filter: { type: 'string' },
  timeout: { type: 'string' },
  late: { type: 'string' },
  keepalive: { type: 'string' },
  'handshake-timeout': { type: 'string' },
  limit: { type: 'string', multiple: true },
  json: { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

const VERDICTS = ['pass', 'non-strict', 'deviates', 'fail', 'skipped'] as const;

export const conform: Command = {
  summary: 'tells whether a peer speaks the protocol, case by case',
  help: HELP,
  async run(args) {
    const { args: own, command } = takeCommand(args);
    const { values, positionals } = parseArgs({ args: own, allowPositionals: true, options: OPTIONS });
    const role = values.listen === true ? 'initiator' : 'acceptor';
    const options = suiteOptions(values);
    const [url, ...more] = positionals;
    if (more.length > 0) throw new UsageError(`conform takes one address, not ${positionals.length}`);
    if (role === 'initiator') {
      if (values.reliable === true) throw new UsageError('--reliable is for a server, and not for --listen');
      const address = addressOf(values, url);
      checkFilter(values, options, role);
      return judgeInitiators(address, values, options);
    }
    if (values.port !== undefined || values.host !== undefined) throw new UsageError('--port and --host need --listen');
    if (url === undefined) throw new UsageError('conform needs an address, such as ws://127.0.0.1:9000, or --listen');
    const target = targetOf(url, command);
    checkFilter(values, options, role);
    const interrupt = new AbortController();
    const { signal } = interrupt;
    const ignoreSignals = stopAtSignal(() => interrupt.abort(new Failure('interrupted')));
    const connect = async () => {
      signal.throwIfAborted();
      return (await dial(target, { closeTimeout: options.timeouts.answer, signal })).link;
    };
    try {
      await judge(connect, { ...options, role }, url, values);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      ignoreSignals();
    }
  },
};

/** Returns the address to listen on for initiators. */
function addressOf({ port, host }: Values, url: string | undefined): Exclude<Address, { scheme: 'stdio' }> {
  if (url === undefined) {
    return { scheme: 'ws', url: `ws://${authority(host ?? '127.0.0.1', integer('port', port ?? '0', 0, 65_535))}` };
  }
  if (port !== undefined || host !== undefined) {
    throw new UsageError('conform --listen takes an address, or --port and --host, not both');
  }
  const address = parseAddress(url);
  if (address.scheme !== 'stdio') return address;
  throw new UsageError('conform --listen needs a session for each case, and there is only one on stdin and stdout');
}

type SuiteOptions = ConformanceOptions & {
  readonly timeouts: { readonly answer: number };
  readonly filter: (spec: { readonly name: string } & Citation) => boolean;
};

function suiteOptions(values: Values): SuiteOptions {
  const { filter = '', strict = false, keepalive } = values;
  const handshakeTimeout = values['handshake-timeout'];
  return {
    // The help asks the user to start a peer that rejects. So there is nothing to do here.
    control: { rejectNext: () => {} },
    codec: codecOf(values.codec),
    ...peerOf(values),
    reliable: values.reliable === true,
    timeouts: {
      answer: integer('timeout', values.timeout ?? '1000', 1, 60_000),
      late: integer('late', values.late ?? '20', 0, 60_000),
    },
    filter: ({ name, rule, row }) => [name, rule, row].some((text) => text.includes(filter)),
    onResult: (result) => tell(result, strict),
    limits: Object.fromEntries((values.limit ?? []).map(limitOf)),
    ...(keepalive === undefined ? {} : { keepalive: keepaliveOf(keepalive) }),
    ...(handshakeTimeout === undefined
      ? {}
      : { handshakeTimeout: integer('handshake-timeout', handshakeTimeout, 1, 10_000) }),
  };
}

function peerOf({ peer, strict = false }: Values): { readonly peer?: PeerKind } {
  if (peer === undefined) return {};
  if (strict) throw new UsageError(`--peer: a ${peer} peer is not strict, and --strict has no meaning for it`);
  const kind = PEER_KINDS.find((each) => each === peer);
  if (kind !== undefined) return { peer: kind };
  throw new UsageError(`--peer takes ${PEER_KINDS.join(' or ')}, whose deviations are known, not '${peer}'`);
}

function checkFilter({ filter = '' }: Values, options: SuiteOptions, role: Role): void {
  if (conformanceCases({ ...options, role }).some(options.filter) || breakingCases(options).length > 0) return;
  throw new UsageError(`no case has '${filter}' in its name, rule or row`);
}

function keepaliveOf(text: string): { pingInterval: number; pongTimeout: number } {
  const [ping = '', pong, ...more] = text.split(',');
  if (pong === undefined || more.length > 0) throw new UsageError(`--keepalive takes two times, not '${text}'`);
  return {
    pingInterval: integer('keepalive', ping, 1, 60_000),
    pongTimeout: integer('keepalive', pong, 1, 60_000),
  };
}

function limitOf(text: string): [name: string, limit: number] {
  const [, name, value] = /^(frame|metadataEntries|metadataBytes|connections)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(
      `--limit takes frame, metadataEntries, metadataBytes or connections, with =N behind, not '${text}'`,
    );
  }
  return [name, integer(`limit ${name}`, value, name === 'frame' ? 1 : 0, 2 ** 30)];
}

async function judgeInitiators(
  address: Exclude<Address, { scheme: 'stdio' }>,
  values: Values,
  options: SuiteOptions,
): Promise<void> {
  const closeTimeout = options.timeouts.answer;
  const initiators = new Initiators();
  const complain = sparing<{ kind: string; message: string }>(({ message }) => console.error(message));
  const onError = (error: unknown) => complain({ kind: 'server', message: `server: ${verdictOn(error).line}` });
  const listener = await listen(address, { closeTimeout, onError }, (link) => initiators.take(link));
  console.log(`listening on ${listener.url}: connect an initiator, again and again, until it is refused\n`);
  const ignoreSignals = stopAtSignal(() => initiators.stop('interrupted'));
  try {
    const timeouts = { ...options.timeouts, connect: MAX_DELAY };
    await judge(() => initiators.next(), { ...options, role: 'initiator', timeouts }, listener.url, values);
  } finally {
    ignoreSignals();
    initiators.stop('all is tried');
    await listener.close();
  }
}

/** Runs the suite and reports on it. If the process ends early, reports on the cases tried until then. */
async function judge(
  connect: () => Promise<Link>,
  options: ConformanceOptions,
  url: string,
  { strict = false, json }: Values,
): Promise<void> {
  const results: ConformanceResult[] = [];
  const onResult = (result: ConformanceResult) => {
    results.push(result);
    options.onResult?.(result);
  };
  const conclude = () => {
    if (results.length > 0) console.log(`\n${summary(results)}`);
    if (results.length > 0 && json !== undefined) write(json, { url, role: options.role, results });
  };
  // A case may still be at work when a signal ends the process.
  process.once('exit', conclude);
  try {
    await conformance(connect, { ...options, onResult });
  } finally {
    process.removeListener('exit', conclude);
    conclude();
  }
  if (results.some((result) => isFailure(result, strict))) process.exitCode = 1;
}

function isFailure({ verdict }: ConformanceResult, strict: boolean): boolean {
  return verdict === 'fail' || (strict && verdict === 'non-strict');
}

/** Prints one line for each case. For a failed case also prints the reason and the messages. */
function tell(result: ConformanceResult, strict: boolean): void {
  const { name, rule, row, verdict, reason, exchange } = result;
  const mark = isFailure(result, strict) ? verdict.toUpperCase() : verdict;
  console.log(`${mark.padEnd(10)}  ${row.padEnd(5)}  ${rule.padEnd(26)}  ${name}`);
  if (verdict === 'skipped') return;
  if (reason !== undefined) console.log(`            ${excerpt(reason)}`);
  if (verdict === 'fail') for (const said of exchange) console.log(`              ${sentence(said)}`);
}

function sentence({ from, message }: Said): string {
  return `${from === 'tester' ? '→' : '←'} ${excerpt(inWords(message))}`;
}

function summary(results: readonly ConformanceResult[]): string {
  const counts = VERDICTS.flatMap((verdict) => {
    const count = results.filter((result) => result.verdict === verdict).length;
    // Only official peers are known to deviate.
    return count === 0 && verdict === 'deviates' ? [] : [`${count} ${verdict}`];
  });
  const skipped = results.filter(({ verdict }) => verdict === 'skipped');
  const needs = new Set(skipped.flatMap(({ reason = '' }) => reason.replace(/^needs /, '').split(', ')));
  const why = needs.size === 0 ? '' : `\nskipped for want of ${[...needs].sort().join(', ')}`;
  return `${results.length} ${results.length === 1 ? 'case' : 'cases'}: ${counts.join(', ')}${why}`;
}

function write(file: string, content: unknown): void {
  try {
    writeFileSync(file, `${JSON.stringify(content, jsonValue, 2)}\n`);
  } catch (error) {
    throw new Failure(`cannot write ${file}: ${(error as Error).message}`, { cause: error });
  }
}
