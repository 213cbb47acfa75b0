import { Duplex } from 'node:stream';
import type { Ran } from '../../src/base/errors.js';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { ReconnectingClient } from '../../src/client/reconnecting-client.js';
import { accept, type DrainCounts, handlerMiddleware, method, routes, type Session, service } from '../../src/index.js';
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
/** Milliseconds, by default, in which what was sent leaves at the end of a session. */
const FLUSH_TIMEOUT = DEFAULT_LIMITS.flushTimeout;

/** Two streams that are linked, and that are both lost behind so many bytes of both directions. */
class Cable {
  readonly ends: readonly [Duplex, Duplex];
  isCut = false;
  /** Its ends take no more bytes, as if nothing read them. */
  isStuck = false;
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
        if (this.isStuck) return;
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

/** One session of the server, and its calls that are not answered. */
class Served {
  session: Session | undefined;
  readonly atWork = new Set<object>();
  /** Once it is drained: when, for how long, and how many calls were at work then. */
  drain: { readonly at: number; readonly timeout: number; readonly atWork: number } | undefined;
  counts: DrainCounts | undefined;
  /** Why it has ended. */
  cause: string | undefined;
  /** It was shut down before it had ended. */
  wasShut = false;
}

interface WatchedCall {
  readonly signal: AbortSignal;
  readonly draining: AbortSignal;
}

/** One random schedule of calls, answers, cuts, drains and times. */
export class Schedule {
  readonly seed: number;
  readonly outcomes: (Ran | 'answered' | undefined)[] = [];
  cuts = 0;
  /** Drains that were over, and what they counted. */
  readonly drained = { drains: 0, answered: 0, refused: 0, cancelled: 0 };
  readonly #dice: Random;
  readonly #clock = new VirtualClock();
  readonly #runs = new Map<number, number>();
  readonly #waiting: (() => void)[] = [];
  readonly #served: Served[] = [];
  /** The first thing that a drain did wrong. */
  #wrong: string | undefined;
  readonly #cables: Cable[] = [];
  readonly #acceptor: ReliableAcceptor;
  readonly #client: ReconnectingClient;
  #isUp = true;
  #steps = 0;

  constructor(seed: number) {
    this.seed = seed;
    const dice = new Random(seed);
    this.#dice = dice;
    const limits = dice.below(4) === 0 ? { requests: 2 } : {};
    const serve = async (link: Link): Promise<void> => {
      const served = new Served();
      const run = (number: number): Promise<number> => this.#run(number);
      const handler = Log.handler(
        { note: run, again: run },
        { middleware: [(call, next) => this.#watch(served, call, () => next(call)), ...handlerMiddleware] },
      );
      const onConnection = routes([handler]);
      const session = await accept(link, { onConnection, limits, clock: this.#clock, onReport: () => {} });
      served.session = session;
      this.#served.push(served);
      served.cause = (await session.closed).cause;
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
    this.#checkBounds();
    if (at < STEPS) this.#act();
    else if (at === STEPS) void this.#client.close({ timeout: this.#dice.below(2) * 100 });
    else if (at === STEPS + 2) this.#shutDown();
    else if (at === STEPS + 3) this.#acceptor.close();
    else if (at > STEPS + 3) this.#clock.advanceNow(100_000);
    return at < STEPS + 6;
  }

  /** Says what is wrong with the outcomes. */
  wrong(): string | undefined {
    this.cuts = this.#cables.filter(({ isCut }) => isCut).length;
    for (const cable of this.#cables) for (const end of cable.ends) end.destroy();
    for (const served of this.#served) this.#checkCounts(served);
    if (this.#wrong !== undefined) return this.#wrong;
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
        this.#drain();
        break;
      default:
        if (dice.below(3) === 0) this.#client.reconnect();
        this.#clock.advanceNow(dice.below(200));
    }
  }

  #run(number: number): Promise<number> {
    this.#runs.set(number, (this.#runs.get(number) ?? 0) + 1);
    return new Promise((resolve) => void this.#waiting.push(() => resolve(number)));
  }

  /** Notes a call until it is answered: its handler has returned, or its caller has cancelled it. */
  async #watch<T>(served: Served, call: WatchedCall, answer: () => T): Promise<Awaited<T>> {
    // D1
    if (call.draining.aborted) this.#wrong ??= 'a handler began in a session that was drained';
    served.atWork.add(call);
    const over = (): void => void served.atWork.delete(call);
    call.signal.addEventListener('abort', over, { once: true });
    try {
      return await answer();
    } finally {
      over();
    }
  }

  #shutDown(): void {
    for (const served of this.#served) {
      served.wasShut = served.counts === undefined;
      served.session?.shutdown();
    }
  }

  /** Drains the newest session, or some session again. */
  #drain(): void {
    const dice = this.#dice;
    const served = dice.below(4) === 0 ? this.#served[dice.below(this.#served.length + 1)] : this.#served.at(-1);
    if (served?.session === undefined) return;
    const cable = this.#cables.at(-1);
    if (cable !== undefined && dice.below(4) === 0) cable.isStuck = true;
    const timeout = dice.below(1_500);
    const drained = served.session.drain({ timeout });
    if (served.drain !== undefined) return;
    served.drain = { at: this.#clock.now(), timeout, atWork: served.atWork.size };
    void drained.then((counts) => {
      served.counts = counts;
    });
  }

  /** D3: a drain ends in its time, and no client holds it up. */
  #checkBounds(): void {
    for (const { drain, counts } of this.#served) {
      if (drain === undefined || counts !== undefined) continue;
      if (this.#clock.now() > drain.at + drain.timeout + FLUSH_TIMEOUT + 2_000)
        this.#wrong ??= `a drain of ${drain.timeout} ms that began at ${drain.at} is not over at ${this.#clock.now()}`;
    }
  }

  /** D2: calls that were at work are answered or counted, unless the session was lost, or shut down. */
  #checkCounts({ drain, counts, cause, wasShut }: Served): void {
    if (drain === undefined) return;
    if (counts === undefined) {
      this.#wrong ??= 'a drain has no end';
      return;
    }
    const { answered, cancelled, refused } = counts;
    const sum = answered + cancelled;
    if (sum > drain.atWork || (sum < drain.atWork && cause === 'shutdown' && !wasShut))
      this.#wrong ??= `${drain.atWork} calls were at work at a drain, and ${answered} were answered, ${cancelled} cancelled`;
    this.drained.drains++;
    this.drained.answered += answered;
    this.drained.cancelled += cancelled;
    this.drained.refused += refused;
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
