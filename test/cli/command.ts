import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The exit status and the output of a command that has ended. */
export interface Ended {
  readonly status: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<RunningCommand>();

/** A TypeScript program in a process of its own. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #changed: () => void = () => {};

  constructor(program: string, args: readonly string[], input?: string) {
    const env = { ...process.env, NO_COLOR: '1' };
    this.child = spawn(process.execPath, ['--import', 'tsx', program, ...args], { cwd: root, env });
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

/** A `roam-actors` command, from the sources. */
export function start(args: readonly string[], input?: string): RunningCommand {
  return new RunningCommand('src/cli/main.ts', args, input);
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
