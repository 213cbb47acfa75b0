/**
 * Replays a schedule on the real actors: two sessions of the public interface over a link that moves messages only when told
 * to. After each step their sent messages and their users' observations must be those of the explorer.
 */
import { Actual } from './actual.js';
import { canonical } from './canonical.js';
import { type Environment, type Label, WORDS } from './draft.js';
import { GARBLED, padded } from './padded.js';
import type { Input, Observation } from './peer.js';
import { follow, type System } from './search.js';
import type { Move, Side } from './side.js';
import { SteppedLink } from './stepped-link.js';

/** The reports of the explorer and of the real sessions on a step. */
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
  readonly #system: System;
  readonly #links: readonly [SteppedLink, SteppedLink];
  /** The two peers, or the one against an adversary. */
  readonly #peers: readonly Actual[];
  #words = new Int32Array(WORDS);

  constructor(system: System) {
    this.#system = system;
    this.#links = SteppedLink.pair(system.capacity);
    this.#peers = system.sides.map(({ stepper }, at) => new Actual(this.#links[at] as SteppedLink, stepper.options));
    system.start(this.#words);
  }

  /** The possible next transitions. */
  get labels(): Label[] {
    const labels: Label[] = [];
    this.#system.successors(this.#words, 0, (_draft, _kind, label) => labels.push(label));
    return labels;
  }

  /** Compares the effects of the start. */
  async begin(): Promise<Comparison> {
    const moves = this.#system.sides.map(({ initial }) => initial);
    await settle();
    return this.#compare(moves.map((move, side) => this.#reportOf(move, side)));
  }

  /** Makes one step in the explorer and on the real sessions. */
  async step(label: Label): Promise<Comparison> {
    const before = this.#words;
    const move = this.#system.moveOf(before, label);
    this.#words = follow(this.#system, before, label);
    const explored: SideReport[] = this.#peers.map(() => NOTHING);
    if (move === undefined || 'befalls' in label) {
      this.#links[0].befall((label as { befalls: Environment }).befalls);
    } else {
      const { side, input } = label;
      const one = this.#system.sides[side] as Side;
      const state = before[side] as number;
      explored[side] = this.#reportOf(move, side, one.inputs.of(input), state);
      if (this.#peers.length === 1) this.#play(one.inputs.of(input));
      this.#peers[side]?.act(one.inputs.of(input), one.states.of(state));
    }
    await settle();
    return this.#compare(explored);
  }

  /** Sends the adversary's message, which did not exist on the link before. */
  #play(input: Input): void {
    const [link, adversary] = this.#links;
    if (input.type === 'message') adversary.send(padded.encode(input.message));
    else if (input.type === 'malformed') adversary.send(GARBLED);
    else if (input.type === 'ended') adversary.close();
    else if (input.type === 'failed') link.befall('fail');
  }

  #reportOf(move: Move, side: number, input?: Input, before?: number): SideReport {
    const one = this.#system.sides[side] as Side;
    const was = before === undefined ? undefined : one.facts[before];
    const seen = move.observed.flatMap((observation) => seenOf(observation, was?.isEstablished === true));
    if (input?.type === 'user' && input.action === 'read') seen.push(`read ${input.id}`);
    // A session without a handshake only fails. An established one is gone when nothing is left of it.
    if (was?.isEstablished && !was.isGone && one.facts[move.next]?.isGone) seen.push('gone');
    return { sent: move.sent.map((number) => canonical(one.message(number))), seen: seen.sort() };
  }

  #compare(explored: readonly SideReport[]): Comparison {
    const actual = this.#peers.map((peer) => {
      const { seen, sent } = peer.take();
      return { sent: sent.map(canonical), seen };
    });
    return { explored, actual };
  }
}

/** The first difference between the real sessions and the explorer. */
export interface Divergence {
  /** The step, counted from 1; 0 is the start. */
  readonly step: number;
  readonly comparison?: Comparison;
  /** The error of a step that could not be made. */
  readonly error?: unknown;
}

/** Plays a path on the real sessions, to its end or to the first difference. */
export async function replay(system: System, path: readonly Label[]): Promise<Divergence | undefined> {
  const replayed = new Replay(system);
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

/** Returns an observation in the form of the public interface. */
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

/** Waits until all microtasks and their effects have run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => nativeImmediate(resolve));
}
