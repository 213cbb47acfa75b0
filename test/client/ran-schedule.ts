import { Duplex } from 'node:stream';
import type { Ran } from '../../src/base/errors.js';
import { ReconnectingClient } from '../../src/client/reconnecting-client.js';
import { accept, method, routes, type Session, service } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { streamLink } from '../../src/link/tcp.js';
import { type ReliableAcceptor, reliableAcceptor } from '../../src/reliable/index.js';
import { Random } from '../reference/differential/random.js';
import { VirtualClock } from '../support/clock.js';

const Log = service('Log', {
  note: method<[number], number>(),
  again: method<[number], number>({ idempotent: true }),
});

/** More bytes than a short conversation has. A connection is cut behind each of them in turn. */
const BYTES = 900;
const STEPS = 14;

/** Two streams that are linked, and that are both lost behind so many bytes of both directions. */
class Cable {
  readonly ends: readonly [Duplex, Duplex];
  isCut = false;
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
    this.ends = [this.#end(() => this.ends[1]), this.#end(() => this.ends[0])];
  }

  cut(): void {
    if (this.isCut) return;
    this.isCut = true;
    // What has left before arrives.
    setImmediate(() => {
      for (const end of this.ends) end.destroy(new Error('cut'));
    });
  }

  #end(other: () => Duplex): Duplex {
    return new Duplex({
      read: () => {},
      write: (chunk: Buffer, _, done) => {
        const part = Buffer.from(chunk.subarray(0, this.#left));
        this.#left -= part.length;
        if (part.length > 0 && !this.isCut) other().push(part);
        if (this.#left === 0) this.cut();
        done();
      },
      final: (done) => {
        if (!this.isCut) other().push(null);
        done();
      },
    });
  }
}

/** One random schedule of calls, answers, cuts, drains and times. */
export class Schedule {
  readonly seed: number;
  readonly outcomes: (Ran | 'answered' | undefined)[] = [];
  cuts = 0;
  readonly #dice: Random;
  readonly #clock = new VirtualClock();
  readonly #runs = new Map<number, number>();
  readonly #waiting: (() => void)[] = [];
  readonly #sessions: Session[] = [];
  readonly #cables: Cable[] = [];
  readonly #acceptor: ReliableAcceptor;
  readonly #client: ReconnectingClient;
  #isUp = true;
  #steps = 0;

  constructor(seed: number) {
    this.seed = seed;
    const dice = new Random(seed);
    this.#dice = dice;
    const run = (number: number): Promise<number> => {
      this.#runs.set(number, (this.#runs.get(number) ?? 0) + 1);
      return new Promise((resolve) => void this.#waiting.push(() => resolve(number)));
    };
    const onConnection = routes([Log.handler({ note: run, again: run })]);
    const limits = dice.below(4) === 0 ? { requests: 2 } : {};
    const serve = async (link: Link): Promise<void> => {
      this.#sessions.push(await accept(link, { onConnection, limits, clock: this.#clock, onReport: () => {} }));
    };
    this.#acceptor = reliableAcceptor({ clock: this.#clock, onLink: serve, onError: () => {} });
    const isReliable = dice.below(2) === 0;
    const dial = async (): Promise<Link> => {
      if (!this.#isUp) throw new Error('refused');
      // The first connection is cut behind each byte in turn, and the others at random.
      const cable = new Cable(this.#cables.length === 0 ? seed % BYTES : dice.below(2 * BYTES));
      this.#cables.push(cable);
      const [near, far] = cable.ends.map((end) => streamLink(end)) as [Link, Link];
      if (isReliable) this.#acceptor.take(far);
      else serve(far).catch(() => {});
      return near;
    };
    const keepalive = { pingInterval: 400, pongTimeout: 200 };
    this.#client = new ReconnectingClient(dial, 'wss://server.example', {
      ...{ clock: this.#clock, random: () => dice.below(1_000) / 1_000, keepalive, onReport: () => {} },
      ...{ resume: isReliable ? 'auto' : false, waitTimeout: dice.below(2) === 0 ? 300 : 30_000 },
    });
  }

  /** Does the next thing. Returns false when the schedule is over. */
  step(): boolean {
    const at = this.#steps++;
    if (at < STEPS) this.#act();
    else if (at === STEPS) void this.#client.close({ timeout: this.#dice.below(2) * 100 });
    else if (at === STEPS + 2) for (const session of this.#sessions) session.shutdown();
    else if (at === STEPS + 3) this.#acceptor.close();
    else if (at > STEPS + 3) this.#clock.advanceNow(100_000);
    return at < STEPS + 6;
  }

  /** Says what is wrong with the outcomes. */
  wrong(): string | undefined {
    this.cuts = this.#cables.filter(({ isCut }) => isCut).length;
    for (const cable of this.#cables) for (const end of cable.ends) end.destroy();
    for (const [number, outcome] of this.outcomes.entries()) {
      const runs = this.#runs.get(number) ?? 0;
      if (outcome === undefined) return `call ${number} has no outcome, or does not say if it has run`;
      if (outcome === 'no' && runs > 0) return `call ${number} said that it had not run, and it ran ${runs} times`;
      if ((outcome === 'yes' || outcome === 'answered') && runs === 0)
        return `call ${number} is ${outcome}, and never ran`;
      if (number % 2 === 0 && runs > 1) return `call ${number} is not idempotent, and ran ${runs} times`;
    }
    return undefined;
  }

  #act(): void {
    const dice = this.#dice;
    switch (dice.below(9)) {
      case 0:
      case 1:
      case 2:
        for (let calls = dice.below(3); calls >= 0; calls--) this.#call();
        break;
      case 3:
      case 4:
        for (const answer of this.#waiting.splice(0)) answer();
        break;
      case 5:
        this.#cables.at(-1)?.cut();
        break;
      case 6:
        this.#isUp = dice.below(3) > 0;
        this.#clock.advanceNow(dice.below(2_000));
        break;
      case 7:
        this.#sessions.at(-1)?.drain({ timeout: dice.below(1_000) });
        break;
      default:
        if (dice.below(3) === 0) this.#client.reconnect();
        this.#clock.advanceNow(dice.below(200));
    }
  }

  #call(): void {
    const dice = this.#dice;
    const number = this.outcomes.push(undefined) - 1;
    const abort = new AbortController();
    const options = {
      ...(dice.below(3) === 0 ? { timeout: dice.below(400) + 1 } : {}),
      ...(dice.below(3) === 0 ? { retry: false } : {}),
      ...(dice.below(4) === 0 ? { signal: abort.signal } : {}),
    };
    if (options.signal !== undefined) this.#clock.setTimeout(() => abort.abort(), dice.below(300));
    this.#client
      .use(Log)
      [number % 2 === 0 ? 'note' : 'again'](number, options)
      .then(
        () => {
          this.outcomes[number] = 'answered';
        },
        (error: { readonly ran?: Ran }) => {
          this.outcomes[number] = error.ran;
        },
      );
  }
}
