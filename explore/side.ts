/** One of the two peers of a world: its states as numbers, and its steps as a table that is filled in while it is used. */
import type { AnyMachineSnapshot } from 'xstate';
import type { SessionContext } from '../machines/index.js';
import type { Message } from '../src/wire/message.js';
import { canonical, Interner } from './canonical.js';
import { spentTimers, timerChoices, userChoices } from './choices.js';
import type { Finding, Input, PeerState, StepResult } from './peer.js';
import type { Tables } from './runtime.js';
import type { Stepper } from './step.js';

export const LINK = { open: 0, closing: 1, over: 2 } as const;

/** What a state of a peer is, as far as the world looks at it. */
export interface Facts {
  readonly link: number;
  readonly isPaused: boolean;
  /** Whether messages arrive: always, but while reading is paused on a link that can be paused. */
  readonly isTaking: boolean;
  /** Whether something that has arrived waits for reading to go on. */
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
  /** Those that have used up their budget: nobody answers them once the link has vanished, and then they are few. */
  readonly spentTimers: readonly number[];
  /** What it thinks of its connections, while it runs; equal tables have equal numbers. */
  readonly table: Table | undefined;
}

/** A session's own view: what each connection's two settings are, and how far it has come. */
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

  /** `capacity` is how many messages the link takes at once; `isRunning`, which timers there are. */
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

  /** How many distinct local steps there were. */
  get steps(): number {
    return this.#moves.size;
  }

  /** An actor's own state; the registry has none. */
  snapshot(path: string, local: number): AnyMachineSnapshot | undefined {
    const [slot, id] = path.split('.') as [string, string?];
    if (id !== undefined) return this.#tables.connection.snapshot(local);
    return slot === 'connections' ? undefined : this.#tables[slot as keyof Tables].snapshot(local);
  }

  /** Every step that has been made. */
  get moves(): Iterable<Move> {
    return this.#moves.values();
  }

  input(input: Input): number {
    return this.inputs.add(input);
  }

  message(number: number): Message {
    return this.#messages.of(number);
  }

  /** The input that is the message of this number. */
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

  /** The same, for who asks but once. */
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
    if (actors['connections'] === undefined) return undefined;
    const rows: Record<string, Row> = {};
    for (const [path, local] of Object.entries(actors)) {
      const [slot, id] = path.split('.');
      if (slot !== 'connections' || id === undefined) continue;
      const { value, context } = this.#tables.connection.snapshot(local);
      const { localSettings, peerSettings } = context as Pick<SessionContext, 'localSettings' | 'peerSettings'>;
      rows[id] = {
        // Whether anybody reads is nobody else's business.
        phase: value === 'left' ? 'active' : String(value),
        local: canonical(localSettings),
        peer: canonical(peerSettings),
      };
    }
    const number = this.#views.add(rows);
    return { number, rows, ids: Object.keys(rows).sort().join() };
  }
}

/** What states of a peer are equal by. Their parts are always made in the same order, but for the actors. */
function keyOf({ actors, timers, port, memory }: PeerState): string {
  const held = port.held.length === 0 ? undefined : canonical(port.held);
  return JSON.stringify([Object.entries(actors).sort(byPath), timers, { ...port, held }, memory]);
}

function byPath([one]: [string, number], [other]: [string, number]): number {
  return one < other ? -1 : 1;
}

/** In what two tables differ, whichever way the connections were opened; nothing if they agree. */
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
