import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { PATIENCE } from '../checks.js';

export type Transport = 'tcp' | 'unix' | 'ws';
export const TRANSPORTS: readonly Transport[] = ['tcp', 'unix', 'ws'];

/** A line that the Rust peer has printed. */
export interface RustEvent {
  readonly ev: string;
  readonly [field: string]: unknown;
}

/** A process of the Rust peer, which plays scenarios when it is told to. */
export class RustPeer {
  readonly #child: ChildProcess;
  readonly #events: RustEvent[] = [];
  readonly #waiting = new Set<(isOver: boolean) => void>();
  readonly #exited: Promise<void>;
  #hasExited = false;

  constructor(program: string, args: readonly string[]) {
    const child = spawn(program, [...args, '--commands'], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    this.#exited = once(child, 'close').then(() => {
      this.#hasExited = true;
      for (const look of this.#waiting) look(true);
    });
    // A process that was killed takes no more commands.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as RustEvent);
      for (const look of this.#waiting) look(false);
    });
  }

  /** Takes the first event of that name that fits, past ones included. Rejects if the process ends first. */
  take(ev: string, fits: (event: RustEvent) => boolean = () => true): Promise<RustEvent> {
    const taken = new Promise<RustEvent>((resolve, reject) => {
      const look = (isOver: boolean): void => {
        const index = this.#events.findIndex((event) => event.ev === ev && fits(event));
        if (index === -1 && !isOver) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        if (index !== -1) resolve(this.#events.splice(index, 1)[0] as RustEvent);
        else
          reject(new Error(`the Rust peer has not printed ${ev}, but last ${JSON.stringify(this.#events.slice(-5))}`));
      };
      const timer = setTimeout(look, PATIENCE, true);
      this.#waiting.add(look);
      look(this.#hasExited);
    });
    // A test may end before it awaits this promise.
    taken.catch(() => {});
    return taken;
  }

  /** Plays a scenario on a session of the process, and returns what it printed. */
  play(n: number, name: string): Promise<unknown[]> {
    this.#child.stdin?.write(`${n} ${name}\n`);
    const played = this.take('scenario', (event) => event['n'] === n && event['name'] === name);
    const saw = played.then((event) => event['saw'] as unknown[]);
    saw.catch(() => {});
    return saw;
  }

  /** Stops the process where it is, so that it answers nothing any more; `kill` still ends it. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** The side of the peer that has connected, or of the one that listens. */
export type Side = 'near' | 'far';

interface RelayEnd {
  readonly side: Side;
  readonly socket: Socket;
  readonly other: Socket;
}

/** Stands between two peers. It can cut or hold up their traffic. */
export class Relay {
  readonly #server: Server;
  readonly #ends = new Set<RelayEnd>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a free port, or on a path, and connects each socket with `target`. */
  static async between(listen: { readonly port: number } | { readonly path: string }, target: Address): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on('connection', (near) => {
      const far = 'path' in target ? connect(target.path) : connect(target.port, '127.0.0.1');
      for (const end of [
        { side: 'near', socket: near, other: far },
        { side: 'far', socket: far, other: near },
      ] as const) {
        relay.#ends.add(end);
        end.socket.on('error', () => {});
        end.socket.on('close', () => {
          relay.#ends.delete(end);
          end.other.destroy();
        });
        end.socket.setNoDelay(true);
        end.socket.pipe(end.other);
      }
    });
    server.listen(listen);
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Stops forwarding from one side, or from both. */
  hold(from?: Side): void {
    for (const { socket, side } of this.#ends) {
      if (from !== undefined && from !== side) continue;
      socket.unpipe();
      socket.pause();
    }
  }

  /** Forwards again, beginning with the data that was held up. */
  release(): void {
    for (const { socket, other } of this.#ends) {
      // A socket that is piped twice would forward everything twice.
      socket.unpipe();
      socket.pipe(other);
    }
  }

  /** Breaks the connection as a network does, without an orderly end. */
  cut(): void {
    for (const { socket } of this.#ends) {
      if (socket.remotePort === undefined) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.#ends) socket.destroy();
  }
}

/** On several threads the Rust peer may lose an item that arrives while it binds the channel: row 9.39 of docs/peers.md. */
export const ONE_THREAD = '--one-thread';

export type Address = { readonly port: number } | { readonly path: string };
