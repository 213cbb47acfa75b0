import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import {
  ApplicationError,
  callerOf,
  channel,
  initiate,
  type MethodCallOptions,
  method,
  Rx,
  type Session,
  service,
  type Tx,
} from '../index.js';
import { MAX_DELAY } from '../limits.js';
import { connectWebSocket } from '../link/websocket-node.js';
import { Failure, UsageError } from './failure.js';
import { jsonLine } from './json.js';
import { type Command, integer, parseEntry, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { Demo } from './service.js';
import { stopAtSignal } from './signals.js';

const HELP = `roam-actors call: calls a method of a service, and prints what it returns

Usage: roam-actors call ws://HOST:PORT METHOD [ARGS...] [options]

Opens a connection for the service, and calls the method by its name. Each argument is JSON, and so is the result, in one
line; byte strings come as hexadecimal, integers of more than 53 bits as strings. Behind -- an argument may begin with a
dash. SIGINT or SIGTERM cancels the call. The exit status is 0 when the method has returned, and 1 when it has not.

  roam-actors call ws://127.0.0.1:9000 echo '"hello"'
  seq 1 100 | roam-actors call ws://127.0.0.1:9000 sum --input
  roam-actors call ws://127.0.0.1:9000 generate 5 --stream

Options:
  --service NAME       the service; ${Demo.name}, that of roam-actors serve, by default
  --input              passes a channel behind the arguments, and sends on it what stdin has: one JSON value a line
  --stream             passes a channel behind all others, and prints its items as they come, one JSON value a line
  --timeout MS         gives up after MS milliseconds, what is printed as it comes included; the server hears of it as a deadline
  --metadata KEY=VALUE what the call carries; as often as needed
${SESSION_HELP}`;

export const call: Command = {
  summary: 'calls a method of a service, and prints what it returns',
  help: HELP,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...SESSION_OPTIONS,
        service: { type: 'string', default: Demo.name },
        input: { type: 'boolean', default: false },
        stream: { type: 'boolean', default: false },
        timeout: { type: 'string' },
        metadata: { type: 'string', multiple: true, default: [] },
      },
    });
    const [url, name, ...texts] = positionals;
    if (url === undefined) throw new UsageError('call needs a URL, such as ws://127.0.0.1:9000');
    if (name === undefined) throw new UsageError('call needs the name of a method');
    const request: Request = {
      definition: definitionOf(values.service, name),
      method: name,
      args: texts.map(argument),
      hasInput: values.input,
      hasStream: values.stream,
      options: {
        metadata: values.metadata.map(parseEntry),
        ...(values.timeout === undefined ? {} : { timeout: integer('timeout', values.timeout, 1, MAX_DELAY) }),
      },
    };
    const settings = sessionOptions(values);
    const interrupt = new AbortController();
    const ignoreSignals = stopAtSignal(() => interrupt.abort(new Failure('interrupted')));
    const { signal } = interrupt;
    try {
      const session = await initiate(await connectWebSocket(url, { signal }), { ...settings, signal });
      try {
        await make(request, session, signal);
      } finally {
        session.shutdown();
        await session.closed;
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      ignoreSignals();
    }
  },
};

interface Request {
  readonly definition: ReturnType<typeof definitionOf>;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly hasInput: boolean;
  readonly hasStream: boolean;
  readonly options: Omit<MethodCallOptions, 'signal'>;
}

/** As much of a service as it takes to call a method whose types nobody has told us. */
function definitionOf(name: string, methodName: string) {
  return service(name, { [methodName]: method<unknown[], unknown>() });
}

function argument(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UsageError(`an argument is JSON, such as '"text"', not '${text}'`, { cause });
  }
}

/** Makes the call, feeds it with what is on stdin, and prints what comes of it. */
async function make(request: Request, session: Session, interrupt: AbortSignal): Promise<void> {
  const client = await session.open(request.definition, { signal: interrupt });
  const giveUp = new AbortController();
  const signal = AbortSignal.any([interrupt, giveUp.signal]);
  const [inputTx, inputRx] = channel<unknown>();
  const [streamTx, streamRx] = channel<unknown>();
  const ends = [...(request.hasInput ? [inputRx] : []), ...(request.hasStream ? [streamTx] : [])];
  const { timeout } = request.options;
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  // The call's own time ends with its answer; what it streams may go on.
  const expire = () => giveUp.abort(new Failure(`the items had not all come within ${timeout} ms`));
  const result = client[request.method]?.(...request.args, ...ends, { ...request.options, signal });
  // What goes wrong on a channel is told once the call itself is over: that says why, where it fails.
  const printed = request.hasStream ? settled(printAll(streamRx, signal)) : undefined;
  const sent = request.hasInput ? settled(sendAll(inputTx, (error) => giveUp.abort(error))) : undefined;
  try {
    const value = await result;
    if (timeout !== undefined) timer = setTimeout(expire, Math.max(0, began + timeout - performance.now()));
    await printed?.();
    if (value instanceof Rx) await printAll(value, signal);
    else if (value !== undefined) await print(value);
    await callerOf(client).connection.close();
  } catch (error) {
    throw giveUp.signal.aborted ? giveUp.signal.reason : sentence(error);
  } finally {
    clearTimeout(timer);
    // An open one would keep the process alive.
    if (sent !== undefined) process.stdin.destroy();
  }
}

/** For who comes later: rejects then, and never unhandled. */
function settled(promise: Promise<void>): () => Promise<void> {
  promise.catch(() => {});
  return () => promise;
}

async function printAll(items: Rx<unknown>, signal: AbortSignal): Promise<void> {
  const stop = () => items.reset();
  signal.addEventListener('abort', stop, { once: true });
  for await (const item of items) await print(item);
  signal.throwIfAborted();
}

/** Waits for whoever reads: what is not printed is not taken, and the peer gets no credit for more. */
async function print(value: unknown): Promise<void> {
  if (!process.stdout.write(`${jsonLine(value)}\n`)) await once(process.stdout, 'drain');
}

async function sendAll(tx: Tx<unknown>, giveUp: (error: Error) => void): Promise<void> {
  let line = 0;
  try {
    for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      await tx.send(JSON.parse(text));
    }
    await tx.close();
  } catch (error) {
    // It wants no more, and answers; or the call is over.
    if (!(error instanceof SyntaxError)) return;
    giveUp(new Failure(`line ${line} of stdin is not JSON`));
    tx.abort();
  }
}

/** The error that the service declares is a value, to be shown as one. */
function sentence(error: unknown): unknown {
  if (error instanceof ApplicationError) {
    return new Failure(`${error.message}: ${jsonLine(error.error)}`);
  }
  return error;
}
