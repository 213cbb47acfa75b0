import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connectWebSocket } from '../link/websocket-node.js';
import { type ConformanceResult, conformance, inWords, type Said } from '../testing/index.js';
import { Failure, UsageError } from './failure.js';
import { type Command, integer } from './options.js';
import { printable } from './printable.js';

const HELP = `roam-actors conform: tells whether a server speaks the protocol, case by case

Usage: roam-actors conform ws://HOST:PORT [options]

Connects once for each case, as the initiator, and judges the answers. A case passes, fails, or is 'non-strict': the
server tolerates, as the reference does, what the specification answers with a ProtocolError. Cases in which the server
has to act by itself are skipped. It has to reject an open whose metadata has the key 'reject', as roam-actors serve
does, and to accept any other. The exit status is 0 when no case fails, and 1 otherwise.

Options:
  --strict             'non-strict' counts as failed
  --filter TEXT        only the cases with TEXT in their name, rule or row
  --timeout MS         how long the server may take for an answer; 1000 by default
  --json FILE          writes all results with what was said into FILE`;

const VERDICTS = ['pass', 'non-strict', 'fail', 'skipped'] as const;

export const conform: Command = {
  summary: 'tells whether a server speaks the protocol, case by case',
  help: HELP,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        strict: { type: 'boolean' },
        filter: { type: 'string' },
        timeout: { type: 'string' },
        json: { type: 'string' },
      },
    });
    const [url, ...more] = positionals;
    if (url === undefined) throw new UsageError('conform needs a URL, such as ws://127.0.0.1:9000');
    if (more.length > 0) throw new UsageError(`conform takes one URL, not ${positionals.length}`);
    const { filter = '', strict = false, json } = values;
    const answer = integer('timeout', values.timeout ?? '1000', 1, 60_000);
    const results = await conformance(() => connectWebSocket(url, { closeTimeout: answer }), {
      // What the help asks of the server: nothing else is to be done.
      control: { rejectNext: () => {} },
      timeouts: { answer },
      filter: ({ name, rule, row }) => [name, rule, row].some((text) => text.includes(filter)),
      onResult: (result) => tell(result, strict),
    });
    if (results.length === 0) throw new UsageError(`no case has '${filter}' in its name, rule or row`);
    console.log(`\n${summary(results)}`);
    if (json !== undefined) write(json, { url, results });
    if (results.some((result) => isFailure(result, strict))) process.exitCode = 1;
  },
};

function isFailure({ verdict }: ConformanceResult, strict: boolean): boolean {
  return verdict === 'fail' || (strict && verdict === 'non-strict');
}

/** One line for each case; of one that fails also why, and what was said. */
function tell(result: ConformanceResult, strict: boolean): void {
  const { name, rule, row, verdict, reason, exchange } = result;
  const mark = isFailure(result, strict) ? verdict.toUpperCase() : verdict;
  console.log(`${mark.padEnd(10)}  ${row.padEnd(5)}  ${rule.padEnd(26)}  ${name}`);
  if (verdict === 'skipped') return;
  if (reason !== undefined) console.log(`            ${printable(reason)}`);
  if (verdict === 'fail') for (const said of exchange) console.log(`              ${sentence(said)}`);
}

function sentence({ from, message }: Said): string {
  return `${from === 'tester' ? '→' : '←'} ${printable(inWords(message))}`;
}

function summary(results: readonly ConformanceResult[]): string {
  const counts = VERDICTS.map((verdict) => {
    return `${results.filter((result) => result.verdict === verdict).length} ${verdict}`;
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

/** What JSON has no words for: a u64 as its digits, bytes in hexadecimal. */
function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
