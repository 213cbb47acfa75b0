/**
 * The same schedule on the real actors: two sessions of the public interface over a link in which nothing moves by itself.
 * After each step what they sent, and what their users saw, has to be what the explorer says.
 */
import { Actual } from './actual.js';
import { canonical } from './canonical.js';
import { type Label, pack, unpack, WORDS } from './draft.js';
import type { Observation } from './peer.js';
import type { Move } from './side.js';
import { SteppedLink } from './stepped-link.js';
import type { World } from './world.js';

/** What both say of a step. */
export interface Comparison {
  readonly explored: readonly SideReport[];
  readonly actual: readonly SideReport[];
}

interface SideReport {
  readonly sent: readonly string[];
  readonly seen: readonly string[];
}

const NOTHING: SideReport = { sent: [], seen: [] };

export class Replay {
  readonly #world: World;
  readonly #links = SteppedLink.pair();
  readonly #peers: readonly [Actual, Actual];
  #words = new Int32Array(WORDS);

  constructor(world: World) {
    this.#world = world;
    const [left, right] = world.sides;
    this.#peers = [new Actual(this.#links[0], left.stepper.options), new Actual(this.#links[1], right.stepper.options)];
    world.start(this.#words);
  }

  /** What can happen next. */
  get labels(): Label[] {
    const labels: Label[] = [];
    this.#world.successors(this.#words, 0, (_draft, _kind, label) => labels.push(label));
    return labels;
  }

  /** What the start has brought about. */
  async begin(): Promise<Comparison> {
    const moves = this.#world.sides.map(({ initial }) => initial);
    await settle();
    return this.#compare(moves.map((move, side) => this.#reportOf(move, side)));
  }

  /** Makes one step, here and there. */
  async step(label: Label): Promise<Comparison> {
    const before = unpack(this.#words, 0);
    const words = new Int32Array(WORDS);
    let isFound = false;
    this.#world.successors(this.#words, 0, (draft, _kind, other) => {
      if (!isFound && canonical(other) === canonical(label)) {
        pack(draft, words);
        isFound = true;
      }
    });
    if (!isFound) throw new Error(`${canonical(label)} cannot happen now`);
    const explored: SideReport[] = [NOTHING, NOTHING];
    if ('befalls' in label) {
      this.#links[0].befall(label.befalls);
    } else {
      const { side, input } = label;
      const one = this.#world.sides[side];
      const state = before.peer[side];
      explored[side] = this.#reportOf(one.move(state, input, 0), side, state);
      this.#peers[side].act(one.inputs.of(input), one.states.of(state));
    }
    this.#words = words;
    await settle();
    return this.#compare(explored);
  }

  #reportOf(move: Move, side: number, before?: number): SideReport {
    const { facts } = this.#world.sides[side as 0 | 1];
    const was = before === undefined ? undefined : facts[before];
    const seen = move.observed.flatMap((one) => seenOf(one, was?.isEstablished === true));
    // A session that never was one only fails; one that was is gone when nothing is left of it.
    if (was?.isEstablished && !was.isGone && facts[move.next]?.isGone) seen.push('gone');
    return { sent: move.sent.map((number) => canonical(this.#world.messages.of(number))), seen: seen.sort() };
  }

  #compare(explored: readonly SideReport[]): Comparison {
    const actual = this.#peers.map((peer) => {
      const { seen, sent } = peer.take();
      return { sent: sent.map(canonical), seen };
    });
    return { explored, actual };
  }
}

/** Where the real sessions do something else than the explorer says, and what. */
export interface Divergence {
  /** The step, counted from 1; 0 is the start. */
  readonly step: number;
  readonly comparison?: Comparison;
  /** Why the step could not be made. */
  readonly error?: unknown;
}

/** Plays a path on the real sessions, to its end or to where they do something else. */
export async function replay(world: World, path: readonly Label[]): Promise<Divergence | undefined> {
  const replayed = new Replay(world);
  const begun = await replayed.begin();
  if (!isSame(begun)) return { step: 0, comparison: begun };
  for (const [at, label] of path.entries()) {
    try {
      const comparison = await replayed.step(label);
      if (!isSame(comparison)) return { step: at + 1, comparison };
    } catch (error) {
      return { step: at + 1, error };
    }
  }
  return undefined;
}

function isSame({ explored, actual }: Comparison): boolean {
  return canonical(explored) === canonical(actual);
}

/** Whether the real sessions can be made to do the same: bounded links and inboxes count messages here and bytes there. */
export function isReplayable(world: World): boolean {
  const isUnbounded = world.sides.every(({ stepper }) => stepper.options.limits.inbox === undefined);
  return isUnbounded && world.options.capacity === undefined;
}

/** What a user of the public interface sees of it. */
function seenOf(observation: Observation, isEstablished: boolean): string[] {
  switch (observation.type) {
    case 'settled':
      return [`settled ${observation.request}: ${observation.outcome}`];
    case 'asked':
    case 'moot':
    case 'active':
      return [`${observation.type} ${observation.id}`];
    case 'retired':
      return [`retired ${observation.id} by ${observation.by}`];
    case 'ended':
      return isEstablished ? [] : ['failed'];
    case 'delivered':
      return [];
  }
}

const nativeImmediate = globalThis.setImmediate;

/** Every microtask has run, and what they set off. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => nativeImmediate(resolve));
}
