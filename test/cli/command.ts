import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { buildSync } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TSX = ['--import', 'tsx'];

let bundled: string | undefined;
afterAll(() => {
  if (bundled !== undefined) rmSync(bundled, { recursive: true });
});

/** Bundles the command, once for a file of tests: so it starts several times as fast as from the sources. */
function bundle(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roam-actors-command-'));
  // By these two the bundle finds packages, and the files of this one.
  for (const name of ['package.json', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  buildSync({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts'],
    outdir: folder,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    keepNames: true,
    sourcemap: true,
  });
  return folder;
}

/**
 * Returns the arguments of Node for a `roam-actors` command. A module in TypeScript imports the sources of the library, so
 * a command that loads one runs from the sources, too: each copy of the library has classes of its own.
 */
export function nodeArguments(args: readonly string[]): string[] {
  if (args.some((arg) => /\.ts(#.*)?$/.test(arg))) return [...TSX, 'src/cli/main.ts', ...args];
  bundled ??= bundle();
  return ['--enable-source-maps', join(bundled, 'main.js'), ...args];
}

/** The exit status and the output of a command that has ended. */
export interface Ended {
  readonly status: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<RunningCommand>();

/** A program of Node's in a process of its own, by Node's arguments. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #changed: () => void = () => {};

  constructor(args: readonly string[], input?: string) {
    const env = { ...process.env, NO_COLOR: '1' };
    this.child = spawn(process.execPath, args, { cwd: root, env });
    const { stdin, stdout, stderr } = this.child;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#changed();
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#changed();
    });
    // The command may exit before it has read all of its input.
    stdin?.on('error', () => {});
    if (input !== undefined) stdin?.end(input);
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        running.delete(this);
        resolve({ status: code ?? signal, stdout: this.stdout, stderr: this.stderr });
        this.#changed();
      });
    });
  }

  /** Resolves with the match, once the output has one; rejects when the command ends without. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (!running.has(this)) throw new Error(`${String(pattern)} is not in ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** A TypeScript program. */
export function startProgram(program: string, ...args: string[]): RunningCommand {
  return new RunningCommand([...TSX, program, ...args]);
}

/** A `roam-actors` command. */
export function start(args: readonly string[], input?: string): RunningCommand {
  return new RunningCommand(nodeArguments(args), input);
}

/** Runs a command to its end. */
export function run(args: readonly string[], input = ''): Promise<Ended> {
  return start(args, input).ended;
}

/** A server on a free port. */
export async function serve(...args: string[]): Promise<{ server: RunningCommand; url: string }> {
  const server = start(['serve', '--port', '0', ...args]);
  const [, url = ''] = await server.printed(/^listening on (ws:\S+?),/m);
  return { server, url };
}

/** Ends the commands that a test has left running. */
export async function endAll(): Promise<void> {
  for (const command of [...running]) {
    command.child.kill('SIGKILL');
    await command.ended;
  }
}
