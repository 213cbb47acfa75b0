/**
 * One peer against an adversary, which may send any message at any time, without end. The adversary has no state, so a state
 * of this system is a state of the peer. The peer's messages are checked and dropped.
 */
import type { Message } from '../../src/wire/message.js';
import { DELIVERY, type Label, OPTIONAL, TIME } from './draft.js';
import type { Goal } from './liveness.js';
import type { Finding } from './peer.js';
import type { System, Visitor } from './search.js';
import { type Facts, LINK, type Move, type Side } from './side.js';

export interface AdversaryOptions {
  readonly says: readonly Message[];
  /** True if undecodable bytes may come. */
  readonly isGarbled?: boolean;
}

export class Adversary implements System {
  readonly goals: readonly Goal[];
  readonly sides: readonly [Side];
  readonly #said: readonly number[];
  readonly #link: readonly number[];
  readonly #heldEnd: number;
  readonly #confirmed: number;
  readonly #broken: number;

  constructor(side: Side, { says, isGarbled }: AdversaryOptions) {
    this.sides = [side];
    this.#said = [
      ...says.map((message) => side.input({ type: 'message', message })),
      ...(isGarbled ? [side.input({ type: 'malformed' })] : []),
    ];
    this.#link = [side.input({ type: 'ended' }), side.input({ type: 'failed' })];
    this.#heldEnd = side.input({ type: 'heldEnd' });
    this.#confirmed = side.input({ type: 'confirmed' });
    this.#broken = side.input({ type: 'broken' });
    const facts = (words: Int32Array, at: number) => side.facts[words[at] as number] as Facts;
    // For any messages of the adversary: once a session begins to end, time and the link bring it to its end. They also
    // settle the user's requests.
    this.goals = [
      {
        property: 'ends-cleanly',
        by: 'time',
        isGood: (words, at) => facts(words, at).isGone || !facts(words, at).isOver,
      },
      { property: 'opens-settle', by: 'time', isGood: (words, at) => !facts(words, at).isWaiting },
      {
        property: 'handshake-ends',
        by: 'time',
        isGood: (words, at) => facts(words, at).isEstablished || facts(words, at).isOver,
      },
    ];
  }

  start(words: Int32Array): Finding | undefined {
    words.fill(0);
    const { next, violation } = this.sides[0].initial;
    words[0] = next;
    return violation;
  }

  successors(words: Int32Array, at: number, visit: Visitor): void {
    const state = words[at] as number;
    const facts = this.sides[0].facts[state] as Facts;
    if (facts.isGone) return;
    const step = (input: number, kind: number) => {
      const { next, violation } = this.sides[0].moveOnce(state, input, 0);
      visit({ peer: [next, 0], queue: [0, 0], bits: 0 }, kind, { side: 0, input }, violation);
    };
    const isOpen = facts.link !== LINK.over;
    if (isOpen && facts.isTaking) for (const input of this.#said) step(input, OPTIONAL);
    // The end of the link is optional: time alone must reach the goals.
    if (isOpen) for (const input of this.#link) step(input, OPTIONAL);
    if (facts.link === LINK.open) step(this.#broken, OPTIONAL);
    if (facts.isEndHeld && !facts.isPaused) step(this.#heldEnd, DELIVERY);
    if (facts.isConfirming) step(this.#confirmed, DELIVERY);
    for (const input of facts.readers) step(input, DELIVERY);
    for (const input of facts.users) step(input, OPTIONAL);
    for (const input of facts.timers) step(input, TIME);
  }

  moveOf(words: Int32Array, label: Label): Move | undefined {
    return 'input' in label ? this.sides[0].moveOnce(words[0] as number, label.input, 0) : undefined;
  }
}
