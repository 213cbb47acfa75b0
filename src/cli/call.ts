import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { MAX_DELAY } from '../base/limits.js';
import {
  ApplicationError,
  Cancelled,
  type Connection,
  channel,
  InvalidArgument,
  InvalidPayload,
  initiate,
  type MethodCallOptions,
  method,
  Rx,
  type Service,
  type Session,
  service,
  type Tx,
  UnknownMethod,
} from '../index.js';
import type { ArgsType, ChannelEnd } from '../payload/postcard/types.js';
import { SERVICE } from '../wire/metadata.js';
import { ADDRESS_HELP, CHILD_HELP, limitsFor, takeCommand, targetOf, withLink } from './address.js';
import { isModule, loadService } from './definition.js';
import { ANSWERED, Failure, UsageError } from './failure.js';
import { jsonLine } from './json.js';
import { entry } from './metadata.js';
import { type Command, integer, parseEntry, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { Demo, TypedDemo } from './service.js';
import { stopAtSignal } from './signals.js';
import { fromJson } from './values.js';

const HELP = `roam-actors call: calls a method of a service, and prints what it returns

Usage: roam-actors call ADDRESS METHOD [ARGS...] [options]
       roam-actors call stdio: METHOD [ARGS...] [options] -- COMMAND [ARGS...]

Opens a connection for the service, and calls the method by its name; with --codec postcard it calls on the root, as Rust
programs do. Each argument is JSON, and so is the result, in one line; byte strings come as hexadecimal, integers of more
than 53 bits as strings. Behind -- an argument may begin with a dash. SIGINT or SIGTERM cancels the call.

  roam-actors call ws://127.0.0.1:9000 echo '"hello"'
  seq 1 100 | roam-actors call ws://127.0.0.1:9000 sum --input
  roam-actors call ws://127.0.0.1:9000 generate 5 --stream
  roam-actors call tcp://127.0.0.1:9000 divide 7 2 --codec postcard --service testbed.ts

By the types of a service an argument is also: bytes, in hexadecimal or base64 (base64:… where it could be either); an integer
of 64 bits or more, as a number or its digits in a string; an enum, {"tag":"Name"} or {"tag":"Name","value":…}; an option of an
option, null or {"some":…}; a map, an object or [[key,value],…]; a set, an array; a unit, null. A negative number begins with a
space where it would stand before --: ' -5'.

The exit status is 0 when the method has returned, 1 when the peer or the link failed, 2 when the command was called wrongly,
and else it says how the method was answered: ${ANSWERED.application} ApplicationError, an error that the service declares; ${ANSWERED['unknown-method']} UnknownMethod;
${ANSWERED['invalid-payload']} InvalidPayload; ${ANSWERED.cancelled} Cancelled.

${ADDRESS_HELP}
${CHILD_HELP}

Options:
  --service NAME       the service; ${Demo.name}, that of roam-actors serve, by default
  --service FILE[#NAME]  a module that exports what service() gives, as roam-actors generate writes it
  --open[=NAME]        opens a connection for the service, or for NAME, with --codec postcard too
  --input              passes a channel behind the arguments, and sends on it what stdin has: one JSON value a line
  --stream             passes a channel behind all others, and prints its items as they come, one JSON value a line. By the
                       types of a service both stand where the method takes them
  --timeout MS         gives up after MS milliseconds, what is printed as it comes included; the server hears of it as a deadline
  --metadata KEY=VALUE what the call carries; as often as needed
${SESSION_HELP}`;

export const call: Command = {
  summary: 'calls a method of a service, and prints what it returns',
  help: HELP,
  async run(args) {
    const { args: own, command } = takeCommand(args);
    const { values, positionals } = parseArgs({
      // `parseArgs` knows no option with an optional value. So `--open` alone becomes `--open=`, with an empty value.
      args: own.map((arg) => (arg === '--open' ? '--open=' : arg)),
      allowPositionals: true,
      options: {
        ...SESSION_OPTIONS,
        service: { type: 'string', default: Demo.name },
        open: { type: 'string' },
        input: { type: 'boolean', default: false },
        stream: { type: 'boolean', default: false },
        timeout: { type: 'string' },
        metadata: { type: 'string', multiple: true, default: [] },
      },
    });
    const [url, name, ...texts] = positionals;
    if (url === undefined) throw new UsageError('call needs an address, such as ws://127.0.0.1:9000');
    if (name === undefined) throw new UsageError('call needs the name of a method');
    const target = targetOf(url, command);
    const settings = { ...sessionOptions(values), limits: limitsFor(target) };
    const isReal = values.codec === 'postcard';
    const definition = await definitionOf(values.service, name, isReal);
    const open = values.open ?? (isReal ? undefined : '');
    const request: Request = {
      definition,
      opens: open === '' ? definition.name : open,
      method: name,
      parameters: parametersOf(definition, name, texts.map(argument), values),
      options: {
        metadata: values.metadata.map(parseEntry),
        ...(values.timeout === undefined ? {} : { timeout: integer('timeout', values.timeout, 1, MAX_DELAY) }),
      },
    };
    const interrupt = new AbortController();
    const ignoreSignals = stopAtSignal(() => interrupt.abort(new Failure('interrupted')));
    const { signal } = interrupt;
    try {
      await withLink(target, { signal }, async (link) => {
        const session = await initiate(link, { ...settings, signal });
        try {
          await make(request, session, signal);
        } finally {
          session.shutdown();
          await session.closed;
        }
      });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      ignoreSignals();
    }
  },
};

/** A channel end as an argument, with the type of its items if there is one. */
interface ChannelParameter {
  readonly is: 'input' | 'stream';
  readonly item: ChannelEnd['item'] | undefined;
}

type Parameter = { readonly is: 'value'; readonly value: unknown } | ChannelParameter;

interface Request {
  readonly definition: Service;
  /** The service name with which a connection is opened for the call. Undefined for a call on the root. */
  readonly opens: string | undefined;
  readonly method: string;
  readonly parameters: readonly Parameter[];
  readonly options: Omit<MethodCallOptions, 'signal'>;
}

/** Returns the service by its name or its module. A service that is known by its name alone has only the called method. */
async function definitionOf(text: string, methodName: string, isReal: boolean): Promise<Service> {
  if (isModule(text)) return loadService(text);
  if (!isReal) return service(text, { [methodName]: method<unknown[], unknown>() }) as Service;
  if (text === TypedDemo.name) return TypedDemo as unknown as Service;
  throw new UsageError(`--codec postcard goes by types: --service takes the module that has those of ${text}`);
}

/** Returns the arguments and the channels in order. Without types of the method, channels come behind the arguments. */
function parametersOf(
  { name: serviceName, methods }: Service,
  name: string,
  given: readonly unknown[],
  { input, stream }: { readonly input: boolean; readonly stream: boolean },
): readonly Parameter[] {
  const called = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (called === undefined) {
    throw new UsageError(`${serviceName} has no method '${name}', but ${Object.keys(methods).join(', ')}`);
  }
  const { elements } = (called.args ?? {}) as Partial<ArgsType>;
  if (elements === undefined) {
    return [
      ...given.map((value): Parameter => ({ is: 'value', value })),
      ...(input ? [{ is: 'input', item: undefined } as const] : []),
      ...(stream ? [{ is: 'stream', item: undefined } as const] : []),
    ];
  }
  const places = elements.map((element) => ('direction' in element ? element.direction : 'value'));
  const count = places.filter((place) => place === 'value').length;
  if (count !== given.length) {
    throw new UsageError(`${name} takes ${count} argument${count === 1 ? '' : 's'}, not ${given.length}`);
  }
  checkChannel(name, places, 'rx', '--input', input);
  checkChannel(name, places, 'tx', '--stream', stream);
  const values = given.values();
  return elements.map((element, index): Parameter => {
    if ('direction' in element) return { is: element.direction === 'rx' ? 'input' : 'stream', item: element.item };
    return { is: 'value', value: fromJson(element, values.next().value, `argument ${index + 1}`) };
  });
}

function checkChannel(name: string, places: readonly string[], end: string, flag: string, isGiven: boolean): void {
  const count = places.filter((place) => place === end).length;
  if (count > 1) throw new UsageError(`${name} takes ${count} channels of one direction: call has one for each`);
  if (count === 1 && !isGiven) throw new UsageError(`${name} takes a channel: it needs ${flag}`);
  if (count === 0 && isGiven) throw new UsageError(`${flag}: ${name} takes no such channel`);
}

function argument(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UsageError(`an argument is JSON, such as '"text"', not '${text}'`, { cause });
  }
}

/** Makes the call, sends the lines of stdin on its channel, and prints the result and the items that it streams. */
async function make(request: Request, session: Session, interrupt: AbortSignal): Promise<void> {
  const { definition, opens, parameters } = request;
  const connection = await connectionFor(opens, session, interrupt);
  const client = definition.client(connection) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const giveUp = new AbortController();
  const signal = AbortSignal.any([interrupt, giveUp.signal]);
  const [inputTx, inputRx] = channel<unknown>();
  const [streamTx, streamRx] = channel<unknown>();
  const args = parameters.map((each) => (each.is === 'value' ? each.value : each.is === 'input' ? inputRx : streamTx));
  const input = parameters.find((each): each is ChannelParameter => each.is === 'input');
  const { timeout } = request.options;
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  // The call's own timeout ends with its response. The channel may stream on after that, so it has this timer.
  const expire = () => giveUp.abort(new Failure(`the items had not all come within ${timeout} ms`));
  const result = client[request.method]?.(...args, { ...request.options, signal });
  // An error on a channel is reported after the call has ended. If the call fails too, its error is the reason.
  const hasStream = parameters.some(({ is }) => is === 'stream');
  const printed = hasStream ? settled(printAll(streamRx, signal)) : undefined;
  const sent = input === undefined ? undefined : settled(sendAll(inputTx, input.item, (error) => giveUp.abort(error)));
  try {
    const value = await result;
    if (timeout !== undefined) timer = setTimeout(expire, Math.max(0, began + timeout - performance.now()));
    await printed?.();
    if (value instanceof Rx) await printAll(value, signal);
    else if (value !== undefined) await print(value);
    if (opens !== undefined) await connection.close();
  } catch (error) {
    throw giveUp.signal.aborted ? giveUp.signal.reason : sentence(error);
  } finally {
    clearTimeout(timer);
    // An open stdin would keep the process alive.
    if (sent !== undefined) process.stdin.destroy();
  }
}

function connectionFor(
  opens: string | undefined,
  session: Session,
  signal: AbortSignal,
): Connection | Promise<Connection> {
  return opens === undefined ? session.root : session.open({ metadata: [entry(SERVICE, opens)], signal });
}

/** Returns a function that gives the promise to a later reader. Until then a rejection counts as handled. */
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

/** Prints a value, and waits until stdout has room. Meanwhile no further item is received and the peer gets no credit. */
async function print(value: unknown): Promise<void> {
  if (!process.stdout.write(`${jsonLine(value)}\n`)) await once(process.stdout, 'drain');
}

async function sendAll(
  tx: Tx<unknown>,
  item: ChannelEnd['item'] | undefined,
  giveUp: (error: Error) => void,
): Promise<void> {
  let line = 0;
  try {
    for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      const value: unknown = JSON.parse(text);
      await tx.send(item === undefined ? value : fromJson(item, value, 'the value'));
    }
    await tx.close();
  } catch (error) {
    const why = reasonAgainst(error);
    // Any other error: the peer has reset the channel and its response follows, or the call has ended. Both are no error
    // here.
    if (why === undefined) return;
    giveUp(new Failure(`line ${line} of stdin ${why}`));
    tx.abort();
  }
}

/** Says why a line of stdin is wrong. Undefined if the error has another cause. */
function reasonAgainst(error: unknown): string | undefined {
  if (error instanceof SyntaxError) return 'is not JSON';
  if (error instanceof UsageError || error instanceof InvalidArgument) return `is no item: ${error.message}`;
  return undefined;
}

/** Names the peer's response if it is one of the four that are no result. Returns any other error as it is. */
function sentence(error: unknown): unknown {
  if (error instanceof ApplicationError) {
    return new Failure(`ApplicationError: ${error.message}: ${jsonLine(error.error)}`, {
      status: ANSWERED.application,
    });
  }
  const isAnswer = error instanceof UnknownMethod || error instanceof InvalidPayload;
  if (!isAnswer && !(error instanceof Cancelled && error.by === 'peer')) return error;
  return new Failure(`${error.name}: ${error.message}`, { status: ANSWERED[error.code], cause: error });
}
