import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { excerpt } from '../base/printable.js';
import { ConnectionRejected, type Link } from '../index.js';
import { streamLink } from '../link/stream.js';
import { Failure, verdictOn } from './failure.js';

/** The time for a command to end after its stdin has ended, and again after SIGTERM. Milliseconds. */
const GRACE_MS = 2_000;

/** The time that an error waits for the command to end, which may be its cause. Milliseconds. */
const FATE_MS = 500;

/** The number of characters kept from the end of a command's stderr. */
const MAX_STDERR = 4_096;

/** The number of lines of stderr that an error quotes. */
const MAX_LINES = 5;

/** A command that speaks the protocol on its stdin and stdout. It is ended when the link ends. */
export class Child {
  readonly link: Link;
  readonly #name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #closed: Promise<void>;
  #stderr = '';

  /** Rejects with a Failure when there is no such command. */
  static async start([file = '', ...args]: readonly string[], options: { closeTimeout?: number }): Promise<Child> {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
        const why = { ENOENT: 'there is no such command', EACCES: 'it may not be executed' }[code ?? ''] ?? message;
        reject(new Failure(`cannot run ${excerpt(file, 100)}: ${why}`));
      });
    });
    return new Child(file, child, options.closeTimeout ?? GRACE_MS);
  }

  private constructor(file: string, process: ChildProcessByStdio<Writable, Readable, Readable>, closeTimeout: number) {
    this.#name = excerpt(file, 100);
    this.#process = process;
    this.#closed = new Promise((resolve) => process.once('close', () => resolve()));
    // The error is emitted when the command can't be killed. We can do nothing about that.
    process.on('error', () => {});
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR);
    });
    this.link = streamLink({ readable: process.stdout, writable: process.stdin }, { closeTimeout });
    process.stdin.once('close', () => void this.#end());
    const kill = () => void process.kill('SIGKILL');
    globalThis.process.once('exit', kill);
    process.once('exit', () => globalThis.process.removeListener('exit', kill));
  }

  /** Ends a command that has not ended by itself after the end of its stdin: with SIGTERM, then with SIGKILL. */
  async #end(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await this.#within(GRACE_MS);
      if (this.#isOver) return;
      this.#process.kill(signal);
    }
  }

  get #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async #within(time: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.#closed, delay(time, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  /** Adds to an error how the command has ended, and the end of its stderr, where that may be the error's cause. */
  async explain(error: unknown): Promise<unknown> {
    const { line, status } = verdictOn(error);
    // A response of the peer is an error of the call. The fate of the peer's process does not explain it.
    if (status !== 1 || error instanceof ConnectionRejected) return error;
    await this.#within(FATE_MS);
    const { exitCode, signalCode } = this.#process;
    const lines = this.#stderr
      .trim()
      .split(/\s*\n\s*/)
      .slice(-MAX_LINES);
    const said = lines.join('') === '' ? '' : `: ${excerpt(lines.join(' | '))}`;
    if (this.#isOver) {
      const how = signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`;
      return new Failure(`${line}; ${this.#name} ${how}${said}`, { cause: error });
    }
    return said === '' ? error : new Failure(`${line}; ${this.#name} says${said}`, { cause: error });
  }
}
