import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { printableLines } from '../base/printable.js';
import { type Connection, initiate, type RequestId, type Session } from '../index.js';
import { ADDRESS_HELP, CHILD_HELP, limitsFor, takeCommand, targetOf, withLink } from './address.js';
import { closeOf, endOf, Failure, UsageError } from './failure.js';
import { type Command, parseEntry, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { stopAtSignal } from './signals.js';

const HELP = `roam-actors connect: sends the lines of stdin as Calls, and prints what returns

Usage: roam-actors connect ADDRESS [options]
       roam-actors connect stdio: [options] -- COMMAND [ARGS...]

Opens one virtual connection. Each line is a Call, its UTF-8 bytes are the args; what the Responses return is printed in
the order of the lines. At the end of stdin it waits for what is outstanding, and closes everything. SIGINT or SIGTERM ends
it early, with a line that says how many lines were sent and answered. The exit status is 0 when all were answered, else 1.

${ADDRESS_HELP}
${CHILD_HELP}

Options:
  --metadata KEY=VALUE what the open carries; as often as needed
${SESSION_HELP}`;

export const connect: Command = {
  summary: 'sends the lines of stdin as Calls, and prints what returns',
  help: HELP,
  async run(args) {
    const options = { ...SESSION_OPTIONS, metadata: { type: 'string', multiple: true } } as const;
    const { args: own, command } = takeCommand(args);
    const { values, positionals } = parseArgs({ args: own, options, allowPositionals: true });
    const [url, ...more] = positionals;
    if (url === undefined) throw new UsageError('connect needs an address, such as ws://127.0.0.1:9000');
    if (more.length > 0) throw new UsageError(`connect takes one address, not ${positionals.length}`);
    const target = targetOf(url, command);
    const metadata = (values.metadata ?? []).map(parseEntry);
    const settings = { ...sessionOptions(values), limits: limitsFor(target) };
    const interrupt = new AbortController();
    const ignoreSignals = stopAtSignal(() => interrupt.abort(new Failure('interrupted')));
    const { signal } = interrupt;
    let conversation: Conversation | undefined;
    try {
      await withLink(target, { signal }, async (link) => {
        const session = await initiate(link, { ...settings, signal });
        try {
          const connection = await session.open({ metadata, signal });
          conversation = new Conversation(connection, session);
          await conversation.run(signal);
          await connection.close();
        } finally {
          session.shutdown();
          await session.closed;
        }
      });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw conversation === undefined ? signal.reason : new Failure(`interrupted: ${conversation.summary}`);
    } finally {
      ignoreSignals();
    }
  },
};

/** The method of every Call; an echo has no other. */
const METHOD = 1n;

class Conversation {
  readonly #connection: Connection;
  readonly #session: Session;
  /** The result of each Call, in the order of the Calls. Undefined until its Response has come. */
  readonly #answers = new Map<RequestId, Uint8Array | undefined>();
  #unanswered = 0;
  #lines = 0;
  #lastId: number;
  #onAnswer: () => void = () => {};

  constructor(connection: Connection, session: Session) {
    this.#connection = connection;
    this.#session = session;
    this.#lastId = connection.parity === 'odd' ? -1 : 0;
  }

  /** A sentence that counts the lines sent and answered until now. */
  get summary(): string {
    const sent = `${this.#lines} ${this.#lines === 1 ? 'line was' : 'lines were'} sent`;
    return `${sent}, ${this.#lines - this.#unanswered} answered`;
  }

  /** Resolves when stdin has ended and every Call is answered. Rejects at once when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { stdin } = process;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      await Promise.race([this.#ask(), this.#listen(), aborted]);
    } finally {
      // No code reads stdin any more, and an open stdin would keep the process alive.
      stdin.destroy();
    }
  }

  async #ask(): Promise<void> {
    const { maxConcurrentRequests: most } = this.#connection.peerSettings;
    if (most === 0) throw new Failure('the peer takes no requests on this connection');
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      while (this.#unanswered >= most) await this.#nextAnswer();
      await this.#call(Buffer.from(line, 'utf8'));
    }
    while (this.#unanswered > 0) await this.#nextAnswer();
  }

  #call(args: Uint8Array): Promise<void> {
    const id = this.#lastId + 2;
    this.#lastId = id;
    this.#lines++;
    this.#answers.set(id, undefined);
    this.#unanswered++;
    const body = { type: 'Call', methodId: METHOD, channels: [], metadata: [], args } as const;
    try {
      return this.#connection.send({ type: 'RequestMessage', id, body });
    } catch (error) {
      // A line that is too long for a frame is a failure, and no wrong use of the command.
      throw new Failure(`cannot send line ${this.#lines}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Reads responses until the connection ends, and rejects then. When we end it ourselves, no code awaits this promise. */
  async #listen(): Promise<never> {
    for await (const { id, body } of this.#connection) {
      if (body.type !== 'Response' || this.#answers.get(id) !== undefined || !this.#answers.has(id)) continue;
      this.#answers.set(id, body.ret);
      this.#unanswered--;
      this.#print();
      this.#onAnswer();
    }
    const reason = await this.#connection.closed;
    if (reason.by !== 'session') throw new Failure(`the connection was closed by ${closeOf(reason)}`);
    throw new Failure(`the session ended: ${endOf(await this.#session.closed)}`);
  }

  /** Prints the results in the order of the Calls, up to the first that is missing. */
  #print(): void {
    for (const [id, ret] of this.#answers) {
      if (ret === undefined) return;
      this.#answers.delete(id);
      // A file or another program gets the bytes as they are. A terminal would obey control characters, so they are escaped.
      const line = process.stdout.isTTY ? printableLines(ret) : ret;
      process.stdout.write(Buffer.concat([Buffer.from(line), Buffer.from('\n')]));
    }
  }

  #nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }
}
