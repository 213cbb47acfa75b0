/** One of the two peers of a world: its states as numbers, and its steps as a table that is filled in during its use. */
import type { AnyMachineSnapshot } from 'xstate';
import type { SessionContext } from '../../machines/index.js';
import type { Message } from '../../src/wire/message.js';
import { canonical, Interner } from './canonical.js';
import { spentTimers, timerChoices, userChoices } from './choices.js';
import type { Finding, Input, PeerState, StepResult } from './peer.js';
import type { Tables } from './runtime.js';
import type { Stepper } from './step.js';

export const LINK = { open: 0, closing: 1, over: 2 } as const;

/** The properties of a peer's state that the world reads. */
export interface Facts {
  readonly link: number;
  readonly isPaused: boolean;
  /** True if messages arrive. They always do, except while reading is paused on a link that can be paused. */
  readonly isTaking: boolean;
  /** True if arrived messages wait until reading goes on. */
  readonly holds: boolean;
  readonly isEndHeld: boolean;
  readonly isConfirming: boolean;
  readonly isGone: boolean;
  readonly isOver: boolean;
  readonly isEstablished: boolean;
  readonly isWaiting: boolean;
  readonly ping: string | undefined;
  readonly users: readonly number[];
  readonly readers: readonly number[];
  readonly timers: readonly number[];
  /**
   * The timers that have used up their budget. They fire only after the link has vanished: then no answer comes, so they are
   * few.
   */
  readonly spentTimers: readonly number[];
  /** Its view of its connections, while it runs. Equal tables have equal numbers. */
  readonly table: Table | undefined;
}

/** A session's view: the phase and both settings of each connection. */
export interface Table {
  readonly number: number;
  readonly rows: Readonly<Record<string, Row>>;
  readonly ids: string;
}

export interface Row {
  readonly phase: string;
  readonly local: string;
  readonly peer: string;
}

/** A step, its messages and its next state as numbers. */
export interface Move {
  readonly next: number;
  readonly sent: readonly number[];
  readonly link: StepResult['link'];
  readonly confirms: boolean;
  readonly isTimeout: boolean;
  readonly accuses: string | undefined;
  readonly violation: Finding | undefined;
  readonly observed: StepResult['observed'];
}

const MOST_INPUTS = 4096;
const MOST_BACKLOG = 16;
const LEAST_BACKLOG = -4;

export class Side {
  readonly stepper: Stepper;
  readonly states = new Interner<PeerState>();
  readonly inputs = new Interner<Input>();
  readonly facts: Facts[] = [];
  readonly initial: Move;
  readonly #tables: Tables;
  readonly #moves = new Map<number, Move>();
  readonly #messages: Interner<Message>;
  readonly #received: number[] = [];
  readonly #views = new Interner<Table['rows']>();
  readonly #isRunning: (timer: string) => boolean;

  /** `capacity` is the number of messages that the link takes at once. `isRunning` tells which timers run. */
  constructor(
    stepper: Stepper,
    tables: Tables,
    messages: Interner<Message>,
    capacity: number,
    isRunning: (timer: string) => boolean,
  ) {
    this.stepper = stepper;
    this.#tables = tables;
    this.#messages = messages;
    this.#isRunning = isRunning;
    this.initial = this.#note(stepper.initial(-capacity));
  }

  /** The number of distinct local steps. */
  get steps(): number {
    return this.#moves.size;
  }

  /** Returns an actor's snapshot. */
  snapshot(path: string, local: number): AnyMachineSnapshot {
    const [slot, id] = path.split('.') as [string, string?];
    return (id === undefined ? this.#tables[slot as keyof Tables] : this.#tables.connection).snapshot(local);
  }

  /** All steps made so far. */
  get moves(): Iterable<Move> {
    return this.#moves.values();
  }

  input(input: Input): number {
    return this.inputs.add(input);
  }

  message(number: number): Message {
    return this.#messages.of(number);
  }

  /** Returns the input for the message of this number. */
  received(message: number): number {
    this.#received[message] ??= this.input({ type: 'message', message: this.#messages.of(message) });
    return this.#received[message];
  }

  move(state: number, input: number, backlog: number): Move {
    if (backlog < LEAST_BACKLOG || backlog > MOST_BACKLOG) throw new Error(`a backlog of ${backlog} is not modelled`);
    const key = (state * (MOST_BACKLOG - LEAST_BACKLOG + 1) + backlog - LEAST_BACKLOG) * MOST_INPUTS + input;
    let move = this.#moves.get(key);
    if (move === undefined) {
      move = this.moveOnce(state, input, backlog);
      this.#moves.set(key, move);
    }
    return move;
  }

  /** Makes a step without keeping it in the table, for a caller that needs it only once. */
  moveOnce(state: number, input: number, backlog: number): Move {
    return this.#note(this.stepper.step(this.states.of(state), this.inputs.of(input), backlog), state);
  }

  #note(result: StepResult, before?: number): Move {
    const { state, sent, link, confirms, accuses, observed, violation } = result;
    const isSame = before !== undefined && this.states.of(before) === state;
    const next = isSame ? before : this.states.add(state, keyOf(state));
    if (next === this.facts.length) this.facts.push(this.#factsOf(state));
    return {
      next,
      sent: sent.map((message) => this.#messages.add(message)),
      link,
      confirms,
      isTimeout: observed.some((seen) => seen.type === 'ended' && seen.cause === 'keepalive'),
      accuses,
      violation,
      observed,
    };
  }

  #factsOf(state: PeerState): Facts {
    const { port, actors, memory } = state;
    const users = userChoices(state, this.stepper.options);
    const isReading = (input: Input) => input.type === 'user' && input.action === 'read';
    const numbers = (inputs: readonly Input[]) => inputs.map((input) => this.input(input));
    return {
      link: LINK[port.link],
      isPaused: port.isPaused,
      isTaking: !port.isPaused || this.stepper.options.limits.intake !== undefined,
      holds: port.held.length > 0,
      isEndHeld: port.isEndHeld,
      isConfirming: port.isConfirming,
      isGone: actors['session'] === undefined,
      isOver: port.end !== undefined,
      isEstablished: port.isEstablished,
      isWaiting: port.waiting.length > 0,
      ping: memory.ping,
      users: numbers(users.filter((input) => !isReading(input))),
      readers: numbers(users.filter(isReading)),
      timers: numbers(timerChoices(state, this.#isRunning)),
      spentTimers: numbers(spentTimers(state, this.#isRunning)),
      table: this.#tableOf(actors),
    };
  }

  #tableOf(actors: PeerState['actors']): Table | undefined {
    if (actors['connections.0'] === undefined) return undefined;
    const rows: Record<string, Row> = {};
    for (const [path, local] of Object.entries(actors)) {
      const [slot, id] = path.split('.');
      if (slot !== 'connections' || id === undefined) continue;
      const { value, context } = this.#tables.connection.snapshot(local);
      const { localSettings, peerSettings } = context as Pick<SessionContext, 'localSettings' | 'peerSettings'>;
      rows[id] = {
        // Only this side knows whether a reader has left, so `left` counts as `active`.
        phase: value === 'unread' ? 'active' : String(value),
        local: canonical(localSettings),
        peer: canonical(peerSettings),
      };
    }
    const number = this.#views.add(rows);
    return { number, rows, ids: Object.keys(rows).sort().join() };
  }
}

/**
 * Returns the key by which states of a peer are compared. Their parts are always made in the same order, except the actors.
 */
function keyOf({ actors, timers, port, memory }: PeerState): string {
  const held = port.held.length === 0 ? undefined : canonical(port.held);
  return JSON.stringify([Object.entries(actors).sort(byPath), timers, { ...port, held }, memory]);
}

function byPath([one]: [string, number], [other]: [string, number]): number {
  return one < other ? -1 : 1;
}

/** Returns the difference of two tables, regardless of which side opened a connection. Undefined if they agree. */
export function difference(left: Table, right: Table): string | undefined {
  const mirror: Record<string, string> = { opening: 'deciding', deciding: 'opening', active: 'active' };
  for (const id of new Set([...Object.keys(left.rows), ...Object.keys(right.rows)])) {
    const one = left.rows[id];
    const other = right.rows[id];
    if (one === undefined || other === undefined) return `${id} is known to one side only`;
    if (mirror[one.phase] !== other.phase) return `${id} is ${one.phase} here, ${other.phase} there`;
    const agrees = (local: string, peer: string) => peer === local || peer === '' || local === '';
    if (!agrees(one.local, other.peer) || !agrees(other.local, one.peer)) return `${id} has other settings there`;
  }
  return undefined;
}
