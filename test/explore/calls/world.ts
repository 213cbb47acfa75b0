/** Two parties and a link that keeps order until it fails. Or one party, and an adversary that may send anything. */
import { Interner } from '../canonical.js';
import { BEFALLEN, DELIVERY, type Draft, type Label, OPTIONAL, unpack } from '../draft.js';
import type { Goal } from '../liveness.js';
import type { Finding } from '../peer.js';
import type { System, Visitor } from '../search.js';
import { END, type Input, type Made, type Party, type PartyState, type Said } from './party.js';
import type { Property } from './properties.js';

interface Move {
  readonly next: number;
  readonly sent: readonly Said[];
  readonly finding: Made<never>['finding'];
}

/** A party as a table of its steps. */
class Side {
  readonly party: Party;
  readonly states = new Interner<PartyState>();
  readonly inputs = new Interner<Input>();
  readonly #moves = new Map<number, Map<number, Move>>();
  readonly #choices = new Map<number, readonly { readonly kind: number; readonly input: number }[]>();

  constructor(party: Party) {
    this.party = party;
  }

  start(): Move {
    return this.#moveOf(this.party.start());
  }

  choices(state: number): readonly { readonly kind: number; readonly input: number }[] {
    let choices = this.#choices.get(state);
    if (choices === undefined) {
      const made = this.party.choices(this.states.of(state) as never);
      choices = made.map(({ kind, input }) => ({ kind, input: this.inputs.add(input) }));
      this.#choices.set(state, choices);
    }
    return choices;
  }

  move(state: number, input: number): Move {
    const moves = this.#moves.get(state) ?? new Map<number, Move>();
    this.#moves.set(state, moves);
    let move = moves.get(input);
    if (move === undefined) {
      move = this.#moveOf(this.party.step(this.states.of(state) as never, this.inputs.of(input)));
      moves.set(input, move);
    }
    return move;
  }

  /** Returns the input and the move for a message. A party whose connection is over ignores it. */
  hear(state: number, message: Said): { readonly input: number; readonly move: Move } {
    const isEnd = message.body.type === 'End';
    const input = this.inputs.add(isEnd ? { type: 'ended' } : { type: 'message', message });
    const { isOver } = this.states.of(state);
    return { input, move: isOver ? { next: state, sent: [], finding: undefined } : this.move(state, input) };
  }

  #moveOf({ state, sent, finding }: Made<never>): Move {
    return { next: this.states.add(state), sent, finding };
  }
}

/** A party's input in a transition, and its effects. */
export interface Step {
  readonly side: 0 | 1;
  readonly input: Input;
  readonly before: PartyState;
  readonly after: PartyState;
  readonly sent: readonly Said[];
}

export interface WorldOptions {
  readonly parties: readonly Party[];
  readonly fails: boolean;
  readonly goals: readonly Property[];
  /** Checks the states when no message is under way and no link has failed. */
  readonly quiet?: (states: readonly PartyState[]) => Finding | undefined;
}

export class World implements System {
  /** Empty: the parties are no peers of a session. */
  readonly sides = [];
  readonly goals: readonly Goal[];
  readonly #sides: readonly Side[];
  readonly #queues = new Interner<readonly Said[]>();
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#sides = options.parties.map((party) => new Side(party));
    this.#queues.add([]);
    this.goals = options.goals.map((property) => ({
      property,
      by: 'delivery',
      isGood: (words, at) => this.#isGood(property, words, at),
    }));
  }

  start(words: Int32Array): Finding | undefined {
    words.fill(0);
    for (const [at, side] of this.#sides.entries()) words[at] = side.start().next;
    return undefined;
  }

  successors(words: Int32Array, at: number, visit: Visitor): void {
    const draft = unpack(words, at);
    const hasFailed = (draft.bits & BEFALLEN.fail) !== 0;
    for (const side of [0, 1] as const) {
      const one = this.#sides[side];
      if (one === undefined) continue;
      const state = draft.peer[side];
      const { isOver } = one.states.of(state);
      for (const { kind, input } of one.choices(state)) this.#make(draft, side, input, kind, visit);
      const [first, ...rest] = this.#queues.of(draft.queue[side]);
      if (first !== undefined) {
        const { input, move } = one.hear(state, first);
        this.#visit(draft, side, input, DELIVERY, move, visit, rest);
      }
      if (hasFailed && !isOver) this.#make(draft, side, one.inputs.add({ type: 'ended' }), DELIVERY, visit);
      // With one party alone an adversary sends.
      if (this.#sides.length > 1 || isOver) continue;
      for (const message of one.party.hears(one.states.of(state) as never)) {
        const { input, move } = one.hear(state, message);
        this.#visit(draft, side, input, OPTIONAL, move, visit);
      }
    }
    if (!this.#options.fails || hasFailed) return;
    // The messages under way are lost.
    const failed: Draft = { ...draft, queue: [0, 0], bits: draft.bits | BEFALLEN.fail };
    visit(failed, OPTIONAL, { befalls: 'fail' }, undefined);
  }

  moveOf(): undefined {
    return undefined;
  }

  get parties(): readonly Party[] {
    return this.#options.parties;
  }

  stateOf(words: Int32Array, side: 0 | 1): PartyState {
    return (this.#sides[side] as Side).states.of(words[side] as number);
  }

  /** Undefined for an event of the link itself. */
  stepOf(words: Int32Array, label: Label): Step | undefined {
    if ('befalls' in label) return undefined;
    const { side, input: number } = label;
    const one = this.#sides[side] as Side;
    const before = one.states.of(words[side] as number);
    const input = one.inputs.of(number);
    const message = 'message' in input ? input.message : input.type === 'ended' ? END : undefined;
    const { next, sent } =
      message === undefined ? one.move(words[side] as number, number) : one.hear(words[side] as number, message).move;
    return { side, input, before, after: one.states.of(next), sent };
  }

  /** Describes a transition in words. */
  describe(label: Label): string {
    if ('befalls' in label) return 'the link fails';
    const side = this.#sides[label.side] as Side;
    const input = side.inputs.of(label.input);
    const what = 'message' in input ? `hears ${input.message.body.type} ${input.message.id}` : input.type;
    return `${side.party.name}: ${what}${'of' in input && input.of !== undefined ? ` ${input.of}` : ''}`;
  }

  #make(draft: Draft, side: 0 | 1, input: number, kind: number, visit: Visitor): void {
    this.#visit(draft, side, input, kind, (this.#sides[side] as Side).move(draft.peer[side], input), visit);
  }

  #visit(
    { peer, queue, bits }: Draft,
    side: 0 | 1,
    input: number,
    kind: number,
    { next, sent, finding }: Move,
    visit: Visitor,
    rest?: readonly Said[],
  ): void {
    const peers: Draft['peer'] = side === 0 ? [next, peer[1]] : [peer[0], next];
    const queues: [number, number] = [...queue];
    if (rest !== undefined) queues[side] = this.#queues.add(rest);
    // Messages over a failed link, or to an adversary, are dropped.
    const isHeard = this.#sides.length > 1 && (bits & BEFALLEN.fail) === 0;
    const other = side === 0 ? 1 : 0;
    if (isHeard && sent.length > 0) queues[other] = this.#queues.add([...this.#queues.of(queues[other]), ...sent]);
    const isQuiet = isHeard && queues[0] === 0 && queues[1] === 0;
    const found = finding ?? (isQuiet ? this.#options.quiet?.(this.#statesOf(peers)) : undefined);
    visit({ peer: peers, queue: queues, bits }, kind, { side, input }, found);
  }

  #statesOf(peers: Draft['peer']): readonly PartyState[] {
    return this.#sides.map((side, at) => side.states.of(peers[at] as number));
  }

  #isGood(property: Property, words: Int32Array, at: number): boolean {
    const goods = this.#sides.map((side, index) => {
      const state = side.states.of(words[at + index] as number);
      return { isOver: state.isOver, good: side.party.goals(state as never)[property] };
    });
    // Either both parties know the end, or neither does.
    if (property === 'end-known') return new Set(goods.map(({ good }) => good)).size === 1;
    return goods.every(({ isOver, good }) => isOver || good !== false);
  }
}
