/** One real peer: a session of the public interface, which gets the same inputs as the explorer's peer. */
import { createActor } from 'xstate';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import {
  type Acceptance,
  type Connection,
  ConnectionClosed,
  type DataMessage,
  handle,
  LimitExceeded,
  type Message,
  type Rejection,
  type Session,
  type SessionLogicInput,
  sessionLogic,
} from '../../src/index.js';
import type { SessionRuntime } from '../../src/session/runtime.js';
import { padded, paddedLimits } from './padded.js';
import type { Input, PeerOptions, PeerState } from './peer.js';
import type { SteppedLink } from './stepped-link.js';

/** The length of each timer in milliseconds. All lengths differ, so a length identifies its timer. */
const LENGTHS = {
  handshakeTimeout: 1_001,
  flushTimeout: 1_003,
  stallTimeout: 1_005,
  pingInterval: 1_007,
  pongTimeout: 1_009,
  unreadTimeout: 1_011,
  // The session computes these from the two times below.
  sweepInterval: 900,
  stallNotice: 1_000,
};
const OPEN_TIMEOUT = 9_000;
const ACCEPT_TIMEOUT = 9_500;

interface Timer {
  readonly callback: () => void;
  readonly length: number;
}

/** A clock for tests. A test fires each timer, regardless of its length, and sets the times that `now` returns. */
class Clock {
  readonly timers = new Map<number, Timer>();
  /** The next results of `now`. After them it returns {@link time}. */
  readonly answers: number[] = [];
  time = 0;
  #last = 0;

  now(): number {
    return this.answers.shift() ?? this.time;
  }

  setTimeout(callback: () => void, length: number): number {
    this.timers.set(++this.#last, { callback, length });
    return this.#last;
  }

  clearTimeout(id: unknown): void {
    this.timers.delete(id as number);
  }

  fire(name: string): void {
    const length = Object.entries(LENGTHS).find(([part]) => name.includes(part))?.[1];
    for (const [id, timer] of this.timers) {
      if (timer.length !== length) continue;
      this.timers.delete(id);
      timer.callback();
      return;
    }
    throw new Error(`no timer ${name} runs`);
  }
}

/** The turns of the event loop that a session waits for. A test makes them happen. */
class Turns {
  readonly waiting: (() => void)[] = [];
  readonly #native = globalThis.setImmediate;

  /** Runs `act`. Callbacks that it schedules for a turn are kept in `waiting`. */
  catch(act: () => void): void {
    const catcher = (callback: () => void) => this.waiting.push(callback);
    globalThis.setImmediate = catcher as unknown as typeof setImmediate;
    try {
      act();
    } finally {
      globalThis.setImmediate = this.#native;
    }
  }
}

export class Actual {
  readonly clock = new Clock();
  readonly #link: SteppedLink;
  readonly #options: PeerOptions;
  readonly #turns = new Turns();
  readonly #aborting = new AbortController();
  readonly #decisions = new Map<number, (answer: Acceptance | Rejection) => void>();
  readonly #openings = new Map<number, AbortController>();
  readonly #since = new Map<string, number>();
  readonly #readers = new Map<Connection, AsyncIterator<DataMessage>>();
  #seen: string[] = [];
  #session: Session | undefined;

  constructor(link: SteppedLink, options: PeerOptions) {
    const { role, conformance, settings, isAccepting, keepalive, limits } = options;
    this.#link = link;
    this.#options = options;
    const { handshakeTimeout, flushTimeout, stallTimeout, unreadTimeout, pingInterval, pongTimeout } = LENGTHS;
    // Not by `accept`, which makes no session before the peer's first message. Here the machines exist from the start.
    const input: SessionLogicInput = {
      role,
      link,
      ...settings,
      codec: padded,
      conformance,
      onReport: () => {},
      signal: this.#aborting.signal,
      limits: {
        handshakeTimeout,
        flushTimeout,
        stallTimeout,
        unreadTimeout,
        openTimeout: OPEN_TIMEOUT,
        acceptTimeout: ACCEPT_TIMEOUT,
        connections: limits.connections,
        undecided: limits.undecided,
        ...paddedLimits(limits),
      },
      ...(keepalive ? { keepalive: { pingInterval, pongTimeout } } : {}),
      ...(isAccepting ? { onConnection: (request) => this.#ask(request) } : {}),
    };
    const actor = createActor(sessionLogic, { input, clock: this.clock });
    actor.start();
    (actor.getSnapshot().context.port as SessionRuntime).established.then(
      () => {
        const session = handle(actor);
        this.#session = session;
        this.#hold(session.root);
        void session.closed.then(() => this.#seen.push('gone'));
      },
      () => this.#seen.push('failed'),
    );
  }

  /** Returns the observations and the messages sent since the last call. */
  take(): { readonly seen: readonly string[]; readonly sent: readonly Message[] } {
    const seen = this.#seen.sort();
    this.#seen = [];
    return { seen, sent: this.#link.takeSent().map((bytes) => padded.decode(bytes, DEFAULT_LIMITS)) };
  }

  /** Applies an input. `before` is the explorer's state of the peer. */
  act(input: Input, before: PeerState): void {
    this.clock.time++;
    switch (input.type) {
      case 'message':
      case 'malformed':
        this.#link.deliver();
        return;
      case 'ended':
      case 'failed':
        this.#link.hear(before.port.isPaused && this.#options.limits.intake === undefined);
        return;
      case 'heldEnd':
        this.#link.hearHeld();
        return;
      case 'broken':
        this.#link.refuse();
        return;
      case 'drained':
        this.#link.drain();
        return;
      case 'confirmed':
        // After new arrivals the session waits for further turns.
        for (const turn of this.#turns.waiting.splice(0)) this.#turns.catch(turn);
        if (this.#turns.waiting.length > 0) this.act(input, before);
        return;
      case 'timer':
        this.#fire(input, before);
        return;
      case 'user':
        this.#user(input, before);
        return;
      case 'interrupted':
      case 'restored':
        throw new Error(`a link that is stepped is never ${input.type}`);
    }
  }

  #fire({ timer, opens = 0, decisions = 0 }: Input & { type: 'timer' }, { port }: PeerState): void {
    if (timer.includes('sweepInterval')) {
      // The times at which exactly this number of opens and of decisions are too old.
      const pending = port.waiting.filter(({ id }) => id !== undefined);
      const open = this.#since.get(`open ${pending[opens - 1]?.request}`);
      const decision = this.#since.get(`asked ${port.decisions[decisions - 1]}`);
      this.clock.answers.push(open === undefined ? 0 : open + OPEN_TIMEOUT);
      this.clock.answers.push(decision === undefined ? 0 : decision + ACCEPT_TIMEOUT);
    }
    this.#turns.catch(() => this.clock.fire(timer));
    this.clock.answers.length = 0;
  }

  #user({ action, id = 0 }: Input & { type: 'user' }, { port }: PeerState): void {
    const session = this.#session as Session;
    // There is no connection until the handshake is over.
    const handle = this.#session?.connection(id);
    const request = port.lastRequest + 1;
    switch (action) {
      case 'abortHandshake':
        this.#aborting.abort();
        return;
      case 'open':
        this.#open(session, request);
        return;
      case 'abort': {
        const waiting = port.waiting.find((one) => one.id === id);
        this.#openings.get(waiting?.request ?? 0)?.abort();
        return;
      }
      case 'accept':
        this.#decisions.get(id)?.({ type: 'accept', settings: { parity: 'even', maxConcurrentRequests: 1 } });
        return;
      case 'reject':
        this.#decisions.get(id)?.({ type: 'reject' });
        return;
      case 'send':
        this.#send(handle);
        return;
      case 'read': {
        const reader = this.#readers.get(handle as Connection);
        void reader?.next().then(({ done }) => this.#seen.push(done ? `nothing on ${id}` : `read ${id}`));
        if (this.#options.isCoupled && (port.left.send ?? 0) > 0) this.#send(handle);
        return;
      }
      case 'close':
      case 'misclose':
        this.#settle(request, handle === undefined || id === 0 ? session.close(id) : handle.close());
        return;
      case 'release':
      case 'releaseRoot':
        handle?.caller().release();
        return;
      case 'leave':
        void this.#readers.get(handle as Connection)?.return?.();
        return;
      case 'shutdown':
        session.shutdown();
        return;
    }
  }

  #send(connection: Connection | undefined): void {
    void connection?.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item: new Uint8Array() } });
  }

  #open(session: Session, request: number): void {
    const controller = new AbortController();
    this.#openings.set(request, controller);
    this.#since.set(`open ${request}`, this.clock.time);
    const opening = session.open({ parity: 'odd', maxConcurrentRequests: 1, signal: controller.signal });
    opening.then((connection) => this.#hold(connection)).catch(() => {});
    this.#settle(request, opening);
  }

  #ask({ id, signal }: { id: number; signal: AbortSignal }): Promise<Acceptance | Rejection> {
    this.#seen.push(`asked ${id}`);
    this.#since.set(`asked ${id}`, this.clock.time);
    signal.addEventListener('abort', () => this.#seen.push(`moot ${id}`));
    return new Promise((resolve) => {
      const setup = (connection: Connection) => this.#hold(connection);
      this.#decisions.set(id, (answer) => resolve(answer.type === 'accept' ? { ...answer, setup } : answer));
    });
  }

  #hold(connection: Connection): void {
    if (this.#readers.has(connection)) return;
    this.#readers.set(connection, connection[Symbol.asyncIterator]());
    this.#seen.push(`active ${connection.id}`);
    void connection.closed.then(({ by }) => this.#seen.push(`retired ${connection.id} by ${by}`));
  }

  #settle(request: number, promise: Promise<unknown>): void {
    promise.then(
      () => this.#seen.push(`settled ${request}: done`),
      (error: unknown) => this.#seen.push(`settled ${request}: ${outcomeOf(error as Error)}`),
    );
  }
}

/** Returns the machines' name for the outcome that an error reports. */
function outcomeOf(error: Error & { code?: string }): string {
  if (error instanceof ConnectionClosed) return error.message.includes('aborted') ? 'aborted' : 'closed';
  if (error instanceof LimitExceeded) return error.limit === 'connections' ? 'limited' : 'expired';
  const words: Record<string, string> = {
    rejected: 'rejected',
    'invalid-argument': 'invalid',
    'session-closed': 'ended',
  };
  return words[error.code ?? ''] ?? String(error);
}
