import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Event, Script, Step } from './script.js';

interface Answer {
  readonly n: number;
  readonly steps?: Event[][];
  readonly panic?: true;
}

interface Waiting {
  readonly script: Script;
  readonly resolve: (steps: Event[][]) => void;
  readonly reject: (error: Error) => void;
}

/** The time that one script may take before the oracle counts as stuck, in milliseconds. */
const PATIENCE = 30_000;

/** Runs the reference's real session in a process of its own. It plays scripts one after the other. */
export class Oracle {
  readonly #program: string;
  readonly #waiting = new Map<number, Waiting>();
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(program: string) {
    this.#program = program;
  }

  /**
   * Returns the events before the first step, and those of each step. @throws Error when the reference panics, or dies of
   * the script.
   */
  play(script: Script, steps: readonly Step[]): Promise<Event[][]> {
    const n = ++this.#last;
    return new Promise((resolve, reject) => {
      const whole = { ...script, steps };
      this.#waiting.set(n, { script: whole, resolve, reject });
      if (this.#process === undefined) this.#spawn();
      this.#ask(n, whole);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#process?.stdin?.end();
    this.#process = undefined;
  }

  #ask(n: number, script: Script): void {
    const { accept = null, reject = null } = script;
    this.#process?.stdin?.write(`${JSON.stringify({ n, ...script, accept, reject })}\n`);
    this.#watch();
  }

  #spawn(): void {
    const child = spawn(this.#program, [], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#process = child;
    // An error of stdin needs no handling: the process then exits, and `exit` is handled below.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(JSON.parse(line) as Answer));
    child.on('error', (error) => this.#died(child, error));
    child.on('exit', (code, signal) => this.#died(child, new Error(`the oracle has died: ${signal ?? code}`)));
  }

  #heard({ n, steps, panic }: Answer): void {
    const waiting = this.#waiting.get(n);
    this.#waiting.delete(n);
    if (panic === true || steps === undefined) waiting?.reject(new Error('the reference panicked'));
    else waiting?.resolve(steps);
    this.#watch();
  }

  /** The process died of the first script that it has not answered. The others are played again. */
  #died(child: ChildProcess, error: Error): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    const [first, ...others] = [...this.#waiting];
    if (first === undefined) return;
    this.#waiting.delete(first[0]);
    first[1].reject(error);
    if (others.length === 0) return;
    this.#spawn();
    for (const [n, { script }] of others) this.#ask(n, script);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#process?.kill('SIGKILL'), PATIENCE);
  }
}
