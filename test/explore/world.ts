/**
 * Two peers and the link between them: the possible transitions and their properties.
 *
 * A state is five numbers: each peer's state, the messages in each one's end of the link, and a word of bits about the link.
 * The link is the one of src/link/memory.ts: if an end closes, its sent messages still arrive. If it aborts, the messages
 * that do not fit into the other's end are lost. A failure loses all messages under way. A failure that loses only a part of
 * them needs no model: the other part may as well arrive before the failure.
 */
import type { Message } from '../../src/wire/message.js';
import { Interner } from './canonical.js';
import {
  BEFALLEN,
  CONFIRM_AT,
  CONFIRM_MOST,
  copy,
  DELIVERY,
  DRAINED,
  type Draft,
  ENDED,
  type Environment,
  FAILED,
  type Label,
  OPTIONAL,
  pack,
  SIDE_BITS,
  TIME,
  unpack,
  VANISHED,
} from './draft.js';
import type { Finding } from './peer.js';
import type { System, Visitor } from './search.js';
import { difference, type Facts, LINK, type Move, type Side } from './side.js';

export interface WorldOptions {
  /** The number of messages that the link takes before the others count as waiting to leave. If absent, it takes all. */
  readonly capacity?: number;
  /** The events of the link. Each may happen at most once. */
  readonly befalls: readonly Environment[];
  /**
   * The reduction: messages to a session that is over are not kept, since they change nothing there. If false, they are
   * kept. Not for a bounded link: there they take up room.
   */
  readonly isReduced?: boolean;
  /** The time at which timers fire: at any moment, or only when nothing else can happen. */
  readonly time: 'hostile' | 'patient';
}

export class World implements System {
  readonly sides: readonly [Side, Side];
  readonly options: WorldOptions;
  readonly messages: Interner<Message>;
  /** The messages in an end of the link, as lists. 0 is the empty list. */
  readonly queues = new Interner<readonly number[]>();
  readonly #ignores: boolean;
  readonly #appended = new Map<number, number>();
  readonly #agreed = new Map<number, string | undefined>();
  /** The inputs without parameters, for each side. */
  readonly #plain: Record<
    'ended' | 'failed' | 'heldEnd' | 'broken' | 'drained' | 'confirmed',
    readonly [number, number]
  >;

  constructor(sides: readonly [Side, Side], messages: Interner<Message>, options: WorldOptions) {
    this.sides = sides;
    this.messages = messages;
    this.options = options;
    this.#ignores = options.isReduced !== false && options.capacity === undefined;
    this.queues.add([]);
    const plain = (type: 'ended' | 'failed' | 'heldEnd' | 'broken' | 'drained' | 'confirmed') =>
      [sides[0].input({ type }), sides[1].input({ type })] as const;
    this.#plain = {
      ended: plain('ended'),
      failed: plain('failed'),
      heldEnd: plain('heldEnd'),
      broken: plain('broken'),
      drained: plain('drained'),
      confirmed: plain('confirmed'),
    };
  }

  get capacity(): number | undefined {
    return this.options.capacity;
  }

  /** Writes the state after the start of both peers. Returns its finding, if it has one. */
  start(words: Int32Array): Finding | undefined {
    const draft: Draft = { peer: [0, 0], queue: [0, 0], bits: 0 };
    let violation: Finding | undefined;
    for (const side of [0, 1] as const) violation ??= this.#apply(draft, side, this.sides[side].initial);
    pack(draft, words);
    return violation;
  }

  /** Visits all possible next transitions. */
  successors(words: Int32Array, at: number, visit: Visitor): void {
    const before = unpack(words, at);
    let isBusy = false;
    const deliver = (side: 0 | 1, input: number, how: (draft: Draft) => void) => {
      isBusy = true;
      this.#visit(before, side, input, DELIVERY, how, visit);
    };
    for (const side of [0, 1] as const) this.#deliveries(before, side, deliver);
    for (const side of [0, 1] as const) {
      for (const input of this.sides[side].facts[before.peer[side]]?.users ?? []) {
        this.#visit(before, side, input, OPTIONAL, keep, visit);
      }
    }
    for (const befalls of this.options.befalls) this.#befall(before, befalls, visit);
    if (isBusy && this.options.time === 'patient') return;
    for (const side of [0, 1] as const) {
      const { timers, spentTimers } = this.sides[side].facts[before.peer[side]] as Facts;
      for (const input of timers) this.#visit(before, side, input, TIME, keep, visit);
      if ((before.bits & VANISHED) === 0) continue;
      for (const input of spentTimers) this.#visit(before, side, input, TIME, keep, visit);
    }
  }

  /** Visits the transitions of the link and the readers, which always happen. */
  #deliveries(before: Draft, side: 0 | 1, deliver: (side: 0 | 1, input: number, how: (draft: Draft) => void) => void) {
    const facts = this.sides[side].facts[before.peer[side]];
    if (facts === undefined || facts.isGone) return;
    const inbox = this.queues.of(before.queue[side]);
    const bits = before.bits >> (side * SIDE_BITS);
    const ending = bits & 3;
    const { link, isPaused, isTaking } = facts;
    for (const input of facts.readers) deliver(side, input, keep);
    if ((bits & DRAINED) !== 0) {
      deliver(side, this.#plain.drained[side], (draft) => {
        draft.bits &= ~(DRAINED << (side * SIDE_BITS));
      });
    }
    const [head] = inbox;
    // After the end of the link a message can be taken only if a pause held it back.
    if (head !== undefined && isTaking && (link !== LINK.over || facts.isEndHeld)) {
      deliver(side, this.sides[side].received(head), (draft) => this.#take(draft, side, inbox));
    }
    if (facts.isEndHeld && inbox.length === 0 && !isPaused) deliver(side, this.#plain.heldEnd[side], keep);
    if (link !== LINK.over && ending !== 0 && (inbox.length === 0 || !isTaking)) {
      const type = ending === ENDED ? 'ended' : 'failed';
      deliver(side, this.#plain[type][side], (draft) => this.#hear(draft, side, ending, link));
    }
    const left = (bits >> CONFIRM_AT) & CONFIRM_MOST;
    if (facts.isConfirming && (left === 0 || isPaused)) {
      deliver(side, this.#plain.confirmed[side], (draft) => {
        draft.bits &= ~((CONFIRM_MOST << CONFIRM_AT) << (side * SIDE_BITS));
      });
    }
  }

  #take(draft: Draft, side: 0 | 1, inbox: readonly number[]): void {
    draft.queue[side] = this.queues.add(inbox.slice(1));
    const shift = side * SIDE_BITS + CONFIRM_AT;
    if (((draft.bits >> shift) & CONFIRM_MOST) > 0) draft.bits -= 1 << shift;
    const other = (1 - side) as 0 | 1;
    const { capacity } = this.options;
    const isOver = this.sides[other].facts[draft.peer[other]]?.link === LINK.over;
    // One place is free: the other side can send one of the messages that it holds back.
    if (capacity !== undefined && inbox.length > capacity && !isOver) draft.bits |= DRAINED << (other * SIDE_BITS);
  }

  #hear(draft: Draft, side: 0 | 1, ending: number, link: number): void {
    draft.bits &= ~(3 << (side * SIDE_BITS));
    if (ending === FAILED) draft.queue[side] = 0;
    // An end that we did not cause is answered.
    if (ending === ENDED && link !== LINK.closing) this.#endOrderly(draft, (1 - side) as 0 | 1);
  }

  #endOrderly(draft: Draft, side: 0 | 1): void {
    const isOver = this.sides[side].facts[draft.peer[side]]?.link === LINK.over;
    if (!isOver && ((draft.bits >> (side * SIDE_BITS)) & 3) === 0) draft.bits |= ENDED << (side * SIDE_BITS);
  }

  #fail(draft: Draft, side: 0 | 1): void {
    draft.bits = (draft.bits & ~(3 << (side * SIDE_BITS))) | (FAILED << (side * SIDE_BITS));
  }

  #visit(before: Draft, side: 0 | 1, input: number, kind: number, how: (draft: Draft) => void, visit: Visitor): void {
    const draft = copy(before);
    how(draft);
    const move = this.#moveOf(before, side, input);
    let violation = this.#apply(draft, side, move);
    if (move.isTimeout) violation ??= this.#onTimeout(before, side, input === this.#plain.confirmed[side]);
    visit(draft, kind, { side, input }, violation ?? this.#check(draft));
  }

  /** Returns the peer's part of a step. Undefined for an event of the link. */
  moveOf(words: Int32Array, label: Label): Move | undefined {
    return 'befalls' in label ? undefined : this.#moveOf(unpack(words, 0), label.side, label.input);
  }

  #moveOf({ peer, queue }: Draft, side: 0 | 1, input: number): Move {
    const { capacity } = this.options;
    const backlog = capacity === undefined ? 0 : this.queues.of(queue[1 - side] as number).length - capacity;
    return this.sides[side].move(peer[side], input, backlog);
  }

  /** Applies a peer's step: its next state, its messages, and its action on the link. */
  #apply(draft: Draft, side: 0 | 1, move: Move): Finding | undefined {
    const other = (1 - side) as 0 | 1;
    draft.peer[side] = move.next;
    const there = this.sides[other].facts[draft.peer[other]];
    const isDeaf = this.#ignores && there?.isOver === true;
    if (this.#ignores && this.sides[side].facts[move.next]?.isOver) draft.queue[side] = 0;
    const hears = there?.link !== LINK.over && (draft.bits & VANISHED) === 0;
    if (hears && !isDeaf)
      for (const message of move.sent) draft.queue[other] = this.#append(draft.queue[other], message);
    if (move.confirms) {
      const shift = side * SIDE_BITS + CONFIRM_AT;
      draft.bits &= ~(CONFIRM_MOST << shift);
      draft.bits |= Math.min(this.queues.of(draft.queue[side]).length, CONFIRM_MOST) << shift;
    }
    if (move.link === 'closed' && hears) this.#endOrderly(draft, other);
    if (move.link === 'aborted') {
      draft.queue[side] = 0;
      draft.bits &= ~(0xff << (side * SIDE_BITS));
      if (hears) {
        const { capacity } = this.options;
        if (capacity !== undefined) {
          draft.queue[other] = this.queues.add(this.queues.of(draft.queue[other]).slice(0, capacity));
        }
        this.#fail(draft, other);
      }
    }
    if (move.accuses !== undefined && move.violation === undefined) {
      return { property: 'no-accusation', text: move.accuses };
    }
    return move.violation;
  }

  #append(queue: number, message: number): number {
    const key = queue * 4096 + message;
    let longer = this.#appended.get(key);
    if (longer === undefined) {
      longer = this.queues.add([...this.queues.of(queue), message]);
      this.#appended.set(key, longer);
    }
    return longer;
  }

  #befall(before: Draft, befalls: Environment, visit: Visitor): void {
    if ((before.bits & (BEFALLEN[befalls] | VANISHED)) !== 0) return;
    const draft = copy(before);
    draft.bits |= BEFALLEN[befalls];
    let isFelt = false;
    for (const side of [0, 1] as const) {
      const link = this.sides[side].facts[draft.peer[side]]?.link;
      if (link === LINK.over) continue;
      isFelt = true;
      if (befalls !== 'close') draft.queue[side] = 0;
      if (befalls === 'vanish') {
        draft.bits &= ~(3 << (side * SIDE_BITS));
        continue;
      }
      if (befalls === 'fail') this.#fail(draft, side);
      else this.#endOrderly(draft, side);
      draft.peer[side] = this.sides[side].move(draft.peer[side], this.#plain.broken[side], 0).next;
    }
    if (isFelt) visit(draft, OPTIONAL, { befalls }, this.#check(draft));
  }

  /** Checks a timeout of the keepalive: a Pong among the unread messages shows that it was wrong. */
  #onTimeout(before: Draft, side: 0 | 1, isConfirmed: boolean): Finding | undefined {
    const { ping, isPaused } = this.sides[side].facts[before.peer[side]] ?? {};
    if (isPaused) return { property: 'pong-in-time', text: 'given up while we do not read' };
    // The messages that were there at the deadline have been taken by then.
    if (isConfirmed) return undefined;
    const pong = this.queues.of(before.queue[side]).find((number) => {
      const message = this.messages.of(number);
      return message.type === 'Pong' && String(message.nonce) === ping;
    });
    return pong === undefined ? undefined : { property: 'pong-in-time', text: `Pong ${ping} lay in the inbox` };
  }

  /** Checks the properties of the two peers together. */
  #check({ peer, queue, bits }: Draft): Finding | undefined {
    const [left, right] = [this.sides[0].facts[peer[0]], this.sides[1].facts[peer[1]]];
    if (queue[0] !== 0 || queue[1] !== 0 || left?.holds || right?.holds || (bits & VANISHED) !== 0) {
      const longest = Math.max(this.queues.of(queue[0]).length, this.queues.of(queue[1]).length);
      return longest > CONFIRM_MOST ? { property: 'bounded', text: 'the link fills for ever' } : undefined;
    }
    if (left?.table === undefined || right?.table === undefined) return undefined;
    if (left.link !== LINK.open || right.link !== LINK.open) return undefined;
    const key = left.table.number * 2 ** 20 + right.table.number;
    if (!this.#agreed.has(key)) this.#agreed.set(key, difference(left.table, right.table));
    const text = this.#agreed.get(key);
    return text === undefined ? undefined : { property: 'tables-agree', text };
  }

  /** True if the link has vanished: it carries nothing any more, and neither end learns of it. */
  hasVanished(words: Int32Array, at: number): boolean {
    return ((words[at + 4] as number) & VANISHED) !== 0;
  }
}

function keep(): void {}
