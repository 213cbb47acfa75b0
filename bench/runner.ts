import { type Wire, type Work, Worker } from './control.js';

/** The duration of a round, and of the rounds before the first one that counts, in milliseconds. */
const ROUND = 150;
const WARM_UP = 4_000;

/** Two processes: a caller, and the peer that it calls. */
class Runner {
  readonly #peer: Worker;
  readonly #caller: Worker;

  private constructor(peer: Worker, caller: Worker) {
    this.#peer = peer;
    this.#caller = caller;
  }

  static async start(wire: Wire, work: Work): Promise<Runner> {
    const peer = new Worker({ kind: 'wire-peer', ...wire });
    const { address } = await peer.round(0);
    return new Runner(peer, new Worker({ kind: 'wire', ...wire, address: String(address), work }));
  }

  /** Returns calls or items for each second of processor time, of both processes together. */
  async speed(milliseconds: number, profile?: string): Promise<number> {
    const before = await this.#peerCpu();
    const { cpu, busy } = await this.#caller.round(milliseconds, profile);
    const count = (Number(cpu) * Number(busy)) / 1000;
    return (count * 1000) / (Number(busy) + (await this.#peerCpu()) - before);
  }

  async #peerCpu(): Promise<number> {
    return Number((await this.#peer.round(0))['cpu']);
  }

  stop(): void {
    this.#caller.stop();
    this.#peer.stop();
  }
}

/** The speeds of two wires in rounds that were measured next to each other. */
export interface Pair {
  readonly plain: number;
  readonly other: number;
}

/**
 * Measures pairs of rounds: the same work on two wires, by processes that are new at each start. `isPlainFirst` decides the
 * order within each pair, since the machine's speed drifts. `profile` is the path for a CPU profile of a caller on the other
 * wire.
 */
export async function pairsOf(
  [plain, other]: readonly [plain: Wire, other: Wire],
  work: Work,
  {
    starts,
    rounds,
    profile,
  }: { readonly starts: number; readonly rounds: number; readonly profile?: string | undefined },
  isPlainFirst: (round: number) => boolean,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let start = 0; start < starts; start++) {
    const runners = await Promise.all([Runner.start(plain, work), Runner.start(other, work)]);
    const [one, two] = runners;
    for (let spent = 0; spent < WARM_UP; spent += 2 * ROUND) {
      await one.speed(ROUND);
      await two.speed(ROUND);
    }
    for (let round = 0; round < rounds; round++) {
      const first = isPlainFirst(round) ? await one.speed(ROUND) : undefined;
      const second = await two.speed(ROUND);
      pairs.push({ plain: first ?? (await one.speed(ROUND)), other: second });
    }
    if (profile !== undefined) {
      await one.speed(2_000, `${profile}.plain`);
      await two.speed(2_000, profile);
    }
    for (const runner of runners) runner.stop();
  }
  return pairs;
}

/** Returns microseconds for each call or item, by the median of the speeds. */
export function microseconds(middle: number): number {
  return Number((1e6 / middle).toFixed(1));
}
