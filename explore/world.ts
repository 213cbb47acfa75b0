/**
 * Two peers and the link between them: what can happen next, and what has to be true.
 *
 * A state is five numbers: each peer's state, what lies in each one's end of the link, and a word of bits about the link.
 * The link is the one of src/link/memory.ts: an end that closes lets what it sent arrive, one that aborts loses what does
 * not fit into the other's end, a failure loses everything that is under way. That a failure takes all and not a part of
 * it is no restriction: what a peer would still get may as well arrive before.
 */
import type { Message } from '../src/wire/message.js';
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
  /** Messages that the link takes before the rest counts as waiting to leave; absent, all. */
  readonly capacity?: number;
  /** What may befall the link, each at most once. */
  readonly befalls: readonly Environment[];
  /**
   * The reduction: what is sent to a session that is over is not kept, since it changes nothing there. False: it is. Not
   * where the link is bounded: there it takes up room.
   */
  readonly isReduced?: boolean;
  /** Whether timers go off at any moment, or only when nothing else is left to happen. */
  readonly time: 'hostile' | 'patient';
}

export class World implements System {
  readonly sides: readonly [Side, Side];
  readonly options: WorldOptions;
  readonly messages: Interner<Message>;
  /** What lies in an end of the link, as a list of messages; 0 is nothing. */
  readonly queues = new Interner<readonly number[]>();
  readonly #ignores: boolean;
  readonly #appended = new Map<number, number>();
  readonly #agreed = new Map<number, string | undefined>();
  /** The inputs that have no parameters, for each side. */
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

  /** The state in which both have been started, and what is wrong with it. */
  start(words: Int32Array): Finding | undefined {
    const draft: Draft = { peer: [0, 0], queue: [0, 0], bits: 0 };
    let violation: Finding | undefined;
    for (const side of [0, 1] as const) violation ??= this.#apply(draft, side, this.sides[side].initial);
    pack(draft, words);
    return violation;
  }

  /** Everything that can happen next. */
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

  /** What the link and the readers do: it does not wait for anybody. */
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
    // What lies here can be taken after the link is over only if it was held back by a pause.
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
    // One place is free: some of what the other side holds back has left.
    if (capacity !== undefined && inbox.length > capacity && !isOver) draft.bits |= DRAINED << (other * SIDE_BITS);
  }

  #hear(draft: Draft, side: 0 | 1, ending: number, link: number): void {
    draft.bits &= ~(3 << (side * SIDE_BITS));
    if (ending === FAILED) draft.queue[side] = 0;
    // An end that we did not ask for is answered.
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

  /** A peer's own part of a step; nothing where something befalls the link. */
  moveOf(words: Int32Array, label: Label): Move | undefined {
    return 'befalls' in label ? undefined : this.#moveOf(unpack(words, 0), label.side, label.input);
  }

  #moveOf({ peer, queue }: Draft, side: 0 | 1, input: number): Move {
    const { capacity } = this.options;
    const backlog = capacity === undefined ? 0 : this.queues.of(queue[1 - side] as number).length - capacity;
    return this.sides[side].move(peer[side], input, backlog);
  }

  /** Puts a peer's step into effect: its next state, what it sent, what it did to the link. */
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

  /** The keepalive has given the peer up: what lies unread says whether it had to. */
  #onTimeout(before: Draft, side: 0 | 1, isConfirmed: boolean): Finding | undefined {
    const { ping, isPaused } = this.sides[side].facts[before.peer[side]] ?? {};
    if (isPaused) return { property: 'pong-in-time', text: 'given up while we do not read' };
    // What lay there at the deadline has been taken by then.
    if (isConfirmed) return undefined;
    const pong = this.queues.of(before.queue[side]).find((number) => {
      const message = this.messages.of(number);
      return message.type === 'Pong' && String(message.nonce) === ping;
    });
    return pong === undefined ? undefined : { property: 'pong-in-time', text: `Pong ${ping} lay in the inbox` };
  }

  /** What has to be true of the two together. */
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

  /** Whether the link carries nothing any more, and nobody will hear of it. */
  hasVanished(words: Int32Array, at: number): boolean {
    return ((words[at + 4] as number) & VANISHED) !== 0;
  }
}

function keep(): void {}
