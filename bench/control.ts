import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ContenderName } from './contenders.js';

/** The work of a process: to measure, or to serve. */
export type Job =
  | { kind: 'peer'; contender: ContenderName }
  | Traffic
  | { kind: 'connect'; contender: ContenderName; size: number; processes: 1 | 2; on?: 'root' }
  | { kind: 'unread'; contender: ContenderName; size: number; credit: number }
  | { kind: 'heap'; contender: ContenderName; of: 'calls' | 'streams'; size: number; inFlight: number }
  | { kind: 'open-close'; link: 'memory' | 'websocket' }
  | { kind: 'collections'; of: Traffic }
  | { kind: 'memory'; what: MemoryOf }
  | { kind: 'open-many'; who: Opener }
  | { kind: 'garbage' }
  | ({ kind: 'wire-peer' } & Wire)
  | ({ kind: 'wire'; address: string; work: Work } & Wire);

/** The side that opens many: connections of a session, with or without a client of a service, or streams of rsocket. */
export type Opener = 'session' | 'typed' | 'rsocket';

/** The objects whose memory is measured. A session has nothing opened, or it has made one call on one connection. */
export type MemoryOf =
  | 'connection'
  | 'typed-connection'
  | 'reader'
  | 'session'
  | 'websocket-session'
  | 'websocket-call'
  | 'websocket-typed'
  | 'websocket';

export interface Wire {
  readonly link: WireLink;
  readonly codec: WireCodec;
  /** True for a link that outlives its connections. */
  readonly isReliable?: boolean;
  /** True for calls through the client of `connect`. */
  readonly isConnect?: boolean;
}

export type WireLink = 'tcp' | 'ws';
export type WireCodec = 'postcard' | 'messagePack';

/** Work on the real wire: calls, a stream, or sessions up to their first reply. */
export type Work =
  | { kind: 'echo'; size: number; inFlight: number }
  | { kind: 'stream'; size: number; credit: number }
  | { kind: 'connect'; size: number };

/** Work that is measured in messages a second. */
export type Traffic = { contender: ContenderName; size: number; processes: 1 | 2 } & (
  | { kind: 'echo'; inFlight: number }
  | { kind: 'stream'; credit: number }
  | { kind: 'flood' }
);

/** The figures of one round, by their names. */
export type Figures = Readonly<Record<string, number | string>>;

/** Measures once: for about so many milliseconds of traffic, or with so many connections or sessions. */
export type Round = (amount: number) => Promise<Figures>;

interface Request {
  readonly amount: number;
  /** The path for a CPU profile of the round. */
  readonly profile?: string | undefined;
}

type Reply = { readonly figures: Figures } | { readonly error: string };

/** A round that takes longer than this hangs, however busy the machine is. */
const PATIENCE_MS = 300_000;

/** A process that measures on demand. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #name: string;

  constructor(job: Job) {
    const program = fileURLToPath(new URL('./child.js', import.meta.url));
    this.#name = JSON.stringify(job);
    // The child collects garbage before it measures memory, so that a round does not pay for the one before.
    this.#child = fork(program, [this.#name], { execArgv: ['--expose-gc'] });
  }

  /** @throws when the process fails, or takes too long. */
  round(amount: number, profile?: string): Promise<Figures> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        child.off('message', onMessage);
        child.off('exit', onExit);
        act();
      };
      const fail = (why: string): void => settle(() => reject(new Error(`${this.#name}: ${why}`)));
      const onMessage = (reply: Reply): void => {
        if ('error' in reply) fail(reply.error);
        else settle(() => resolve(reply.figures));
      };
      const onExit = (code: number | null): void => fail(`ended early, with code ${String(code)}`);
      const timer = setTimeout(() => fail(`took longer than ${PATIENCE_MS} ms`), PATIENCE_MS);
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send({ amount, profile } satisfies Request);
    });
  }

  stop(): void {
    this.#child.kill();
  }
}

/** Serves a Worker from the child process: measures each time when asked to, and exits when the parent has gone. */
export function replyTo(
  round: Round,
  profiled: (path: string, round: () => Promise<Figures>) => Promise<Figures>,
): void {
  const send = (reply: Reply): void => {
    process.send?.(reply);
  };
  const answer = async ({ amount, profile }: Request): Promise<void> => {
    try {
      const measure = () => round(amount);
      send({ figures: await (profile === undefined ? measure() : profiled(profile, measure)) });
    } catch (error) {
      send({ error: error instanceof Error ? String(error.stack) : String(error) });
    }
  };
  process.on('message', (request: Request) => void answer(request));
  process.on('disconnect', () => process.exit());
}
