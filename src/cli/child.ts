import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { excerpt } from '../base/printable.js';
import { ConnectionRejected, type Link } from '../index.js';
import { streamLink } from '../link/stream.js';
import { Failure, verdictOn } from './failure.js';

/** How long a command may take to end once its stdin has ended, and again after SIGTERM. Milliseconds. */
const GRACE_MS = 2_000;

/** How long an error waits for the end of the command, which may be its cause. Milliseconds. */
const FATE_MS = 500;

/** What is kept of a command's stderr: the last characters. */
const MAX_STDERR = 4_096;

/** How many lines of that an error has. */
const MAX_LINES = 5;

/** A command that speaks the protocol on its stdin and stdout. It is ended when the link is. */
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
    // A command that can't be killed: there is nothing to be done about it.
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

  /** Ends a command that does not end by itself once its stdin has. */
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

  /** Adds how the command has ended, and the last that it wrote to stderr, to an error that may come of that. */
  async explain(error: unknown): Promise<unknown> {
    const { line, status } = verdictOn(error);
    // What a peer has answered is not for its process to explain.
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
