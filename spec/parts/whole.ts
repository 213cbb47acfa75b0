import { type ConnectionId, opposite } from '../../src/wire/id.js';
import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { settings } from '../rows/messages.js';
import type * as Spec from '../rows/vocabulary.js';
import { type ConnectionEvent, type ConnectionState, connection } from './connection.js';
import { type HandshakeEvent, type HandshakeState, handshake } from './handshake.js';
import { type KeepaliveEvent, type KeepaliveState, keepalive } from './keepalive.js';
import { expectation, Ledger } from './ledger.js';
import type { Effect, HandshakeResult, Verdict } from './oracle.js';
import { isForeseen, malformed } from './seen.js';
import { session } from './session.js';
import type { OpenedConnection, SessionEvent, SessionState } from './session-state.js';

/** Thrown for actions that only the table judges: the parts know nothing of inboxes, of slow links, or of wrong options. */
export class Unforeseen extends Error {}

/** The refusal of a peer about whom our application has thrown. */
const UNAVAILABLE = { reason: 'unavailable', text: 'try again later' } as const;

const OFF = { pingInterval: 0, pongTimeout: 0 };
const ON = { pingInterval: 1, pongTimeout: 1 };

/**
 * The parts of the oracle put together: the whole session, as an application and a peer see it. It takes a scenario's
 * actions, and returns the required results of each.
 */
export class Whole {
  readonly #given: Spec.Given;
  readonly #ledger = new Ledger();
  readonly #queue: SessionEvent[] = [];
  readonly #connections = new Map<ConnectionId, ConnectionState>();
  readonly #timers = new Map<string, number>();
  #session: SessionState;
  #handshake: HandshakeState | undefined;
  #keepalive: KeepaliveState | undefined;
  #isRefusing = false;
  #isRefused = false;
  #isStarted = false;
  #hasAnswered = false;
  #isConfirming = false;
  #now = 0;

  constructor(given: Spec.Given, mode: Spec.Mode) {
    this.#given = given;
    const { limits = {}, onConnection } = given;
    const known = new Set([
      ...['connections', 'undecided', 'handshakeTimeout', 'authenticateTimeout', 'handshakeBytes', 'flushTimeout'],
    ]);
    if (Object.keys(limits).some((limit) => !known.has(limit))) throw new Unforeseen('a limit');
    const { pingInterval, pongTimeout } = given.keepalive ?? ON;
    const isKept = [pingInterval, pongTimeout].every((time) => time > 0 && time < 2 ** 31);
    if (!isKept) throw new Unforeseen('a keepalive that is not one');
    const { connections = 4_096, undecided = 256 } = limits;
    const isAccepting = onConnection !== undefined;
    const hasKeepalive = given.keepalive !== undefined;
    const limited = { connections, undecided };
    const { role = 'initiator' } = given;
    const authenticates = given.authenticate !== undefined;
    const common = { mode, role, authenticates, localSettings: this.#localSettings };
    const input = { ...common, isAccepting, hasKeepalive, limits: limited };
    this.#session = session.start(input).state;
  }

  /** True while our application is asked who the peer is. */
  get isAsking(): boolean {
    return this.#handshake?.phase === 'authenticating';
  }

  get phase(): SessionState['phase'] {
    return this.#session.phase;
  }

  /** Returns the phase of a connection that is alive. */
  phaseOf(id: ConnectionId): ConnectionState['phase'] | undefined {
    return this.#connections.get(id)?.phase;
  }

  nameOf(id: ConnectionId): string | undefined {
    return this.#ledger.nameOf(id);
  }

  /** Returns the required results of an action. @throws Unforeseen where only the table can judge. */
  act(action: Spec.Action): Spec.Expectation {
    const draft = this.#ledger.begin();
    for (const one of 'together' in action ? action.together : [action]) this.#do(one);
    this.#drain();
    return expectation(draft);
  }

  get #localSettings(): ConnectionSettings {
    const { role = 'initiator', maxConcurrentRequests } = this.#given;
    return settings(this.#given.parity ?? (role === 'initiator' ? 'odd' : 'even'), maxConcurrentRequests);
  }

  #do(action: Exclude<Spec.Action, Spec.TogetherAction>): void {
    if ('advance' in action) this.#advance(action.advance);
    else if ('link' in action) this.#control(action.link);
    else if ('peer' in action) for (const input of [action.peer].flat() as Spec.PeerInput[]) this.#hear(input);
    else this.#use(action);
  }

  #control(behaviour: Spec.LinkAction['link']): void {
    if (behaviour !== 'refuse-sends') throw new Unforeseen(behaviour);
    this.#isRefusing = true;
  }

  #hear(input: Spec.PeerInput): void {
    if (input === 'end') this.#queue.push({ type: 'link.ended' });
    else if (input instanceof Uint8Array) this.#queue.push(malformed(input) ?? raise('metadata over a limit'));
    else if ('fail' in input) this.#queue.push({ type: 'link.failed', error: new Error(input.fail) });
    else this.#queue.push({ type: `rx.${input.type}`, message: input });
  }

  #use(action: Spec.UserAction): void {
    const ledger = this.#ledger;
    if (action.user === 'start') {
      this.#start();
      return;
    }
    if (action.user === 'authenticate') {
      this.#answer(action.answer);
      return;
    }
    const event = ledger.request(action, this.#session.phase === 'ended', this.#localSettings.parity);
    if (event === 'unforeseen') throw new Unforeseen(action.user);
    if (event !== undefined) this.#queue.push(event);
  }

  #start(): void {
    const { role = 'initiator', metadata = [], authenticate } = this.#given;
    const authenticates = authenticate !== undefined;
    this.#isStarted = true;
    this.#ledger.awaits('session');
    const { mode } = this.#session;
    this.#shake(handshake.start({ role, mode, localSettings: this.#localSettings, metadata, authenticates }));
  }

  /** The application says who the peer is. Too late, that means nothing. */
  #answer(answer: Spec.Identification): void {
    if (!this.isAsking) return;
    this.#hasAnswered = true;
    if (answer === 'throw') this.#ledger.reports('authenticate-failed');
    const refused = answer === 'throw' ? UNAVAILABLE : answer === 'accept' ? undefined : answer.refuse;
    this.#queue.unshift(refused === undefined ? { type: 'auth.accepted' } : { type: 'auth.refused', ...refused });
  }

  // ---- One step, whole ----

  #drain(): void {
    if (!this.#isStarted) return;
    for (let event = this.#next(); event !== undefined; event = this.#next()) this.#step(event);
    this.#setTimers();
  }

  #next(): SessionEvent | undefined {
    // Frames wait while the application says who the peer is.
    const at = this.isAsking ? this.#queue.findIndex(({ type }) => !/^rx\.|malformed/.test(type)) : 0;
    const event = at === -1 ? undefined : this.#queue.splice(at, 1)[0];
    if (event !== undefined || !this.#isConfirming) return event;
    this.#isConfirming = false;
    return { type: 'keepalive.confirmed' };
  }

  #step(event: SessionEvent): void {
    const verdict = session.step(this.#session, event);
    this.#session = verdict.state;
    if (verdict.state.phase !== 'running') this.#stopParts(verdict.state.phase);
    for (const effect of verdict.effects) this.#carryOut(effect);
  }

  /** A session that is over has no connections and no keepalive. */
  #stopParts(phase: SessionState['phase']): void {
    if (phase === 'handshaking') return;
    this.#connections.clear();
    this.#keepalive = undefined;
    this.#handshake = undefined;
  }

  #shake(verdict: Verdict<HandshakeState>): void {
    this.#handshake = verdict.state;
    this.#report(verdict.effects, (output) => this.#shaken(output as HandshakeResult));
  }

  #shaken(result: HandshakeResult): void {
    this.#handshake = undefined;
    this.#step({ type: 'handshake.done', result });
    if (this.#session.phase !== 'running') return;
    if (this.#given.keepalive !== undefined) this.#keepalive = keepalive.start(this.#given.keepalive).state;
  }

  #beat(verdict: Verdict<KeepaliveState>): void {
    this.#keepalive = verdict.state;
    this.#report(verdict.effects, (output) =>
      this.#step({ ...(output as { pongTimeout: number }), type: 'keepalive.late' }),
    );
  }

  #connect(id: ConnectionId, verdict: Verdict<ConnectionState>): void {
    this.#connections.set(id, verdict.state);
    this.#report(verdict.effects, (output) => {
      this.#connections.delete(id);
      this.#step({ type: 'connections.ended', id, output: output as never });
    });
  }

  /** Performs a part's effects. The last one may be the part's end. */
  #report(effects: readonly Effect[], over: (output: unknown) => void): void {
    for (const effect of effects) {
      if (effect[0] === 'output') over(effect[1]);
      else this.#carryOut(effect);
    }
  }

  #carryOut([name, what]: Effect): void {
    const ledger = this.#ledger;
    switch (name) {
      case 'heedDrain':
        this.#send(what as Message);
        break;
      case 'transmit':
      case 'accuse':
        this.#send(name === 'accuse' ? { violation: what as never } : (what as Message));
        break;
      case 'flush':
        if (!this.#isRefused) this.#queue.unshift({ type: 'conduit.flushed' });
        break;
      case 'confirm':
        // Everything that arrived by the deadline is taken first.
        this.#isConfirming = true;
        break;
      case 'to handshake':
        if (this.#handshake !== undefined) this.#shake(handshake.step(this.#handshake, what as HandshakeEvent));
        break;
      case 'to keepalive':
        if (this.#keepalive !== undefined) this.#beat(keepalive.step(this.#keepalive, what as KeepaliveEvent));
        break;
      case 'spawn': {
        const start = what as Omit<ConnectionState, 'phase' | 'mode'>;
        this.#connect(start.id, connection.start({ ...start, mode: this.#session.mode }));
        break;
      }
      case 'forward': {
        const { id, event } = what as { id: ConnectionId; event: ConnectionEvent };
        const state = this.#connections.get(id);
        if (state !== undefined) this.#connect(id, connection.step(state, event));
        break;
      }
      case 'to parent':
        this.#step(what as SessionEvent);
        break;
      case 'authenticate': {
        const { authenticate } = this.#given;
        ledger.identifies((what as { metadata: Metadata }).metadata);
        if (authenticate !== undefined && authenticate !== 'pending') this.#answer(authenticate);
        break;
      }
      case 'stopAuthenticating':
        if (!this.#hasAnswered) ledger.stopsIdentifying();
        break;
      case 'renew':
        throw new Unforeseen('new credentials');
      case 'reportUnanswered':
        ledger.reports('authenticate-failed');
        break;
      case 'decide':
        this.#decide(ledger.asks(what as never));
        break;
      case 'activate':
        if (!this.#isRefused) ledger.activate(what as OpenedConnection & { request?: number });
        break;
      case 'closeLink':
        // The link takes everything, so it ends as soon as it is closed.
        if ((what as { orderly: boolean }).orderly) this.#queue.unshift({ type: 'link.ended' });
        break;
      case 'pauseReading':
        throw new Unforeseen('a full inbox');
      default:
        ledger.note(name, what);
    }
  }

  #send(message: Spec.ExpectedMessage): void {
    if (!this.#isRefusing) this.#ledger.transmits(message);
    else if (!this.#isRefused) {
      this.#isRefused = true;
      this.#queue.unshift({ type: 'link.unsendable', error: new Error('refused') });
    }
  }

  #decide(id: ConnectionId): void {
    const { onConnection } = this.#given;
    if (onConnection === 'pending' || onConnection === undefined) return;
    const peer = this.#connections.get(id)?.peerSettings;
    if (!isForeseen(onConnection, peer?.parity ?? 'odd')) throw new Unforeseen('an answer');
    this.#queue.unshift(this.#ledger.decision(id, onConnection, peer === undefined ? 'odd' : opposite(peer.parity)));
  }

  // ---- Time ----

  #delay(timer: string): number {
    const { limits = {}, keepalive: { pingInterval, pongTimeout } = OFF } = this.#given;
    const { handshakeTimeout = 10_000, authenticateTimeout = 5_000, flushTimeout = 1_000 } = limits;
    const delays: Readonly<Record<string, number>> = {
      ...{ handshakeTimeout, authenticateTimeout, flushTimeout },
      ...{ pingInterval, pongTimeout },
    };
    // No scenario here waits long enough for a sweep.
    return delays[timer] ?? Number.POSITIVE_INFINITY;
  }

  #setTimers(): void {
    const running = [
      ...(this.#handshake === undefined ? [] : handshake.timers(this.#handshake)),
      ...(this.#keepalive === undefined ? [] : keepalive.timers(this.#keepalive)),
      ...session.timers(this.#session),
    ];
    for (const timer of this.#timers.keys()) if (!running.includes(timer)) this.#timers.delete(timer);
    for (const timer of running) if (!this.#timers.has(timer)) this.#timers.set(timer, this.#now + this.#delay(timer));
  }

  #advance(time: number): void {
    const end = this.#now + time;
    this.#drain();
    for (;;) {
      const [next] = [...this.#timers].filter(([, due]) => due <= end).sort(([, a], [, b]) => a - b);
      if (next === undefined) break;
      const [timer, due] = next;
      this.#now = due;
      this.#timers.delete(timer);
      const event = { type: 'time', timer } as const;
      if (this.#handshake !== undefined) this.#shake(handshake.step(this.#handshake, event));
      else if (timer.startsWith('p') && this.#keepalive !== undefined)
        this.#beat(keepalive.step(this.#keepalive, event));
      else this.#step(event);
      this.#setTimers();
      // The effects of the timer wait for input that arrives in the same turn.
      if (!this.#isConfirming || this.#now < end) this.#drain();
    }
    this.#now = end;
  }
}

function raise(what: string): never {
  throw new Unforeseen(what);
}
