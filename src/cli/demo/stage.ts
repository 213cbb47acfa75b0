import { type ChildProcess, fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { Role } from '../../index.js';
import { Failure } from '../failure.js';
import { type Command, conformanceOf, integer } from '../options.js';
import type { DemoEvent, Facts } from './demo-event.js';
import { paletteFor } from './palette.js';
import { playPeer, VIEWER_URL } from './peer.js';
import { now } from './recorder.js';
import { TOKEN } from './script.js';
import { type Ending, judge } from './summary.js';
import { Timeline, WIDTH } from './timeline.js';
import { ViewerServer } from './viewer-server.js';

const HELP = `roam-actors demo: two processes talk over a WebSocket, and you watch their actors

Usage: roam-actors demo [options]

An acceptor and an initiator, each a process of its own, go through the whole life of a session: handshake, keepalive,
connections from both sides, requests, channels, a proxy, the end. What is printed comes from the states of their
actors. At the end it is compared with what was to be; the exit status is 0 if all of it was.

Options:
  --verbose            every message and every change of state in a line of its own
  --conformance MODE   'strict', the default here, is the letter; 'reference' tolerates what real peers do
  --keepalive MS       ping each other MS milliseconds after the last answer: 20 to 1000, by default 150
  --timeout MS         give up after MS milliseconds; by default 10000
  --record FILE        write a recording for roam-actors inspect --replay FILE
  --once               no viewer, and no waiting for one

In a terminal it prints the URL of a viewer, and keeps the sessions as long as a page shows them there.`;

/** The time for a process to end after the other one has played its part. Milliseconds. */
const EXIT_MS = 1_500;

export const demo: Command = {
  summary: 'shows two processes talk, by the states of their actors',
  help: HELP,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        verbose: { type: 'boolean', default: false },
        conformance: { type: 'string', default: 'strict' },
        keepalive: { type: 'string', default: '150' },
        timeout: { type: 'string', default: '10000' },
        record: { type: 'string' },
        once: { type: 'boolean', default: false },
        // For internal use, not for people: the role of a child process.
        as: { type: 'string' },
      },
    });
    const conformance = conformanceOf(values.conformance);
    const pingInterval = integer('keepalive', values.keepalive, 20, 1_000);
    const timeout = integer('timeout', values.timeout, 1, 60_000);
    if (values.as !== undefined) {
      await playPeer(values.as, { options: { conformance }, keepalive: { pingInterval, pongTimeout: 2_000 } });
      return;
    }
    const flags = ['--conformance', conformance, '--keepalive', String(pingInterval)];
    const isWatched =
      !values.once && process.stdout.isTTY === true && process.stdin.isTTY === true && !process.env['CI'];
    const viewer =
      isWatched || values.record !== undefined ? await ViewerServer.open(isWatched, values.record) : undefined;
    try {
      await show(new Stage(flags, timeout, values.verbose, viewer));
    } finally {
      await viewer?.close();
    }
  },
};

async function show(stage: Stage): Promise<void> {
  if (!(await stage.run())) throw new Failure('the demo is not as it should be');
}

/** Starts the two processes, shows their entries, and judges their results. */
class Stage {
  readonly #flags: readonly string[];
  readonly #timeout: number;
  readonly #isVerbose: boolean;
  readonly #palette = paletteFor(process.stdout, process.env);
  readonly #timeline: Timeline;
  readonly #children = new Map<Role, ChildProcess>();
  readonly #facts = new Map<Role, Facts>();
  readonly #failures = new Map<Role, string>();
  #isSecretKept = true;
  #grace: NodeJS.Timeout | undefined;
  #bound: NodeJS.Timeout | undefined;
  readonly #viewer: ViewerServer | undefined;

  constructor(flags: readonly string[], timeout: number, isVerbose: boolean, viewer: ViewerServer | undefined) {
    this.#viewer = viewer;
    this.#flags = flags;
    this.#timeout = timeout;
    this.#isVerbose = isVerbose;
    this.#timeline = new Timeline((line) => this.#write(line), this.#palette, isVerbose);
  }

  async run(): Promise<boolean> {
    const started = now();
    const endings = [this.#start('acceptor'), this.#start('initiator')] as const;
    const ticks = setInterval(() => this.#timeline.settle(now()), 20);
    if (this.#viewer?.isOpen === true) this.#write(`${this.#palette.muted('viewer: ')}${this.#viewer.url}`);
    this.#beBounded();
    const [acceptor, initiator] = await Promise.all(endings);
    clearInterval(ticks);
    clearTimeout(this.#bound);
    clearTimeout(this.#grace);
    this.#timeline.settle();
    if (this.#viewer?.save().includes(TOKEN) === true) this.#isSecretKept = false;
    return this.#conclude({ acceptor, initiator }, now() - started);
  }

  async #start(role: Role): Promise<Ending> {
    const [, script = ''] = process.argv;
    const child = fork(script, ['demo', '--as', role, ...this.#flags], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...(this.#viewer === undefined ? {} : { [VIEWER_URL]: this.#viewer.url }) },
    });
    this.#children.set(role, child);
    if (this.#isVerbose) this.#write(this.#palette.muted(`${role}: process ${child.pid}`));
    const exit = await new Promise<number | string>((resolve) => {
      child.on('message', (told: DemoEvent) => this.#hear(role, told));
      child.on('error', ({ message }) => resolve(message));
      let status: number | string | undefined;
      // Waits for both events, in any order. The last entries of a process have arrived only when the channel is closed.
      const over = () => status !== undefined && !child.connected && resolve(status);
      child.on('exit', (code, signal) => {
        status = code ?? signal ?? 'unknown';
        over();
      });
      child.on('disconnect', over);
    });
    this.#expectEnd();
    const [facts, failure] = [this.#facts.get(role), this.#failures.get(role)];
    return { exit, ...(facts === undefined ? {} : { facts }), ...(failure === undefined ? {} : { failure }) };
  }

  #hear(role: Role, told: DemoEvent): void {
    if (JSON.stringify(told).includes(TOKEN)) this.#isSecretKept = false;
    switch (told.kind) {
      case 'listening':
        this.#write(`${this.#palette.muted('two processes, one WebSocket on ')}${told.url}`);
        this.#children.get('initiator')?.send(told.url);
        break;
      case 'holding':
        void this.#hold().then(() => this.#children.get(role)?.send('go on'));
        break;
      case 'result':
        this.#facts.set(role, told.facts);
        this.#expectEnd();
        break;
      case 'failed':
        this.#failures.set(role, told.message);
        this.#expectEnd();
        break;
      default:
        this.#timeline.add(told);
    }
  }

  /** Waits until the pages of the viewer are closed. No timeout runs meanwhile. */
  async #hold(): Promise<void> {
    if (this.#viewer?.isOpen !== true) return;
    clearTimeout(this.#bound);
    this.#timeline.settle();
    this.#write(this.#palette.muted('the sessions stay for the viewer, until it is closed; Enter ends them at once'));
    await this.#viewer.empty();
    this.#beBounded();
  }

  #beBounded(): void {
    this.#bound = setTimeout(() => this.#giveUp(`not done after ${this.#timeout} ms`), this.#timeout);
  }

  /** Starts the timeout for the second process: when one has played its part, the other one has no reason to stay. */
  #expectEnd(): void {
    this.#grace ??= setTimeout(() => this.#giveUp(`did not end within ${EXIT_MS} ms of the other`), EXIT_MS);
  }

  #giveUp(why: string): void {
    for (const [role, child] of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      if (!this.#failures.has(role)) this.#failures.set(role, why);
      child.kill('SIGKILL');
    }
  }

  #conclude(endings: Record<Role, Ending>, elapsed: number): boolean {
    const { good, bad, title, muted } = this.#palette;
    const verdicts = judge(endings, this.#isSecretKept);
    const held = verdicts.filter(({ holds }) => holds).length;
    const isGood = held === verdicts.length;
    this.#write(title('── What was to be, and whether it was '.padEnd(WIDTH, '─')));
    for (const { name, holds, text } of verdicts) {
      this.#write(`${holds ? good('    ✓') : bad('    ✗')}  ${name.padEnd(12)} ${holds ? muted(text) : text}`);
    }
    const result = `${held} of ${verdicts.length} as expected, in ${(elapsed / 1_000).toFixed(1)} s`;
    this.#write(`${isGood ? good(result) : bad(result)}`);
    return isGood;
  }

  #write(line: string): void {
    if (line.includes(TOKEN)) this.#isSecretKept = false;
    console.log(line);
  }
}
