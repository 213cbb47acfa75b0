import { getEventListeners } from 'node:events';
import type * as Spec from '../../spec/rows/vocabulary.js';
import {
  type Acceptance,
  type AuthRequest,
  accept,
  type Caller,
  type Connection,
  type ConnectionId,
  type DataMessage,
  initiate,
  type OpenRequest,
  type Rejection,
  type Report,
  refuse,
  type Session,
  type StartOptions,
} from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { CallsPlayer } from './calls-player.js';
import { VirtualClock } from './clock.js';
import { ControlledLink } from './link.js';
import { ScriptedPeer } from './peer.js';
import { Messages, Recorder } from './recorder.js';
import { settle } from './settle.js';

interface Pending {
  resolve(answer: Acceptance | Rejection): void;
  reject(error: Error): void;
}

/** Plays a case's actions against the public interface, and notes their results. */
export class Player {
  readonly clock = new VirtualClock();
  readonly link: ControlledLink;
  readonly peer: ScriptedPeer;
  readonly recorder = new Recorder();
  readonly #given: Spec.Given;
  readonly #mode: Spec.Mode;
  readonly #callers = new Map<string, Caller>();
  readonly #signals = new Map<string, AbortController>();
  readonly #calls: CallsPlayer;
  /** The promises of opens and calls by the names of their signals. */
  readonly #openings = new Map<string, string>();
  readonly #readers = new Map<Connection, AsyncIterator<DataMessage, undefined>>();
  readonly #decisions = new Map<ConnectionId, Pending>();
  #identification: { resolve(principal: unknown): void; reject(error: Error): void } | undefined;
  #session: Session | undefined;
  #count = 0;
  #unnamed: string[] = [];

  constructor(given: Spec.Given, mode: Spec.Mode) {
    this.#given = given;
    this.#mode = mode;
    const [ours, theirs] = memoryLinkPair();
    this.link = new ControlledLink(ours);
    this.peer = new ScriptedPeer(theirs);
    this.#calls = new CallsPlayer({
      recorder: this.recorder,
      track: (as, call) => this.#track(as, call),
      signalFor: (name, as) => {
        if (name !== undefined) this.#openings.set(name, as);
        return this.#signal(name);
      },
      callerNamed: (name) => this.#callers.get(name) as Caller,
    });
  }

  /** The names of the signals that the library listens to. */
  get listening(): readonly string[] {
    return [...this.#signals].filter(([, { signal }]) => getEventListeners(signal, 'abort').length > 0).map(nameOf);
  }

  /** The names of the signals that an open or a call waits with. The library has no reason to listen to others. */
  get awaited(): readonly string[] {
    return [...this.#openings].filter(([, opening]) => this.recorder.pending.has(opening)).map(nameOf);
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Performs a step, and waits for all its effects. Returns the names of promises that have to resolve in it. */
  async act(action: Spec.Action): Promise<readonly string[]> {
    this.#unnamed = [];
    if ('advance' in action) {
      await this.clock.advance(action.advance);
    } else {
      for (const one of 'together' in action ? action.together : [action]) this.#actNow(one);
      await settle();
    }
    return this.#unnamed;
  }

  #actNow(action: Exclude<Spec.Action, Spec.TogetherAction>): void {
    if ('advance' in action) this.clock.advanceNow(action.advance);
    else if ('link' in action) this.#control(action.link);
    else if ('peer' in action) this.peer.say(...listOf(action.peer));
    else this.#use(action);
  }

  #control(behaviour: Spec.LinkAction['link']): void {
    if (behaviour === 'refuse-sends') this.link.refuse();
    else if (behaviour === 'hold-sends') this.link.hold();
    else if (behaviour === 'take-sends') this.link.take();
    else if (behaviour === 'interrupt') this.link.interrupt();
    else this.link.restore();
  }

  #use(action: Spec.UserAction): void {
    switch (action.user) {
      case 'start':
        this.#track('session', () => this.#start());
        break;
      case 'open': {
        const { settings, metadata, signal } = action;
        if (signal !== undefined) this.#openings.set(signal, action.as);
        this.#track(action.as, () =>
          this.#established.open({ ...settings, ...defined({ metadata, signal: this.#signal(signal) }) }),
        );
        break;
      }
      case 'abort':
        this.#controller(action.signal).abort(action.reason);
        break;
      case 'close':
        this.#track(action.as, () => this.#established.close(action.id, defined({ metadata: action.metadata })));
        break;
      case 'closeHandle':
        this.#track(action.as, () => this.recorder.named(action.on).close(defined({ metadata: action.metadata })));
        break;
      case 'caller':
        this.#callers.set(action.as, this.recorder.named(action.on).caller());
        break;
      case 'release':
        this.#callers.get(action.caller)?.release();
        break;
      case 'shutdown':
        this.#established.shutdown();
        break;
      case 'send':
        this.#track(action.as, () => this.recorder.named(action.on).send(action.message));
        break;
      case 'sendResponse':
        this.#track(action.as, () => this.recorder.named(action.on).sendResponse(action.requestId, action.response));
        break;
      case 'read':
        this.#track(action.as, () => this.#read(this.recorder.named(action.on), action.count ?? 1));
        break;
      case 'stopReading':
        this.#track(undefined, async () => {
          await this.#reader(this.recorder.named(action.on)).return?.();
        });
        break;
      case 'authenticate':
        this.#settleIdentification(action.answer);
        break;
      case 'decide':
        this.#settleDecision(action.id, action.decision);
        break;
      default:
        this.#calls.use(action);
    }
  }

  #track(as: string | undefined, call: () => Promise<unknown>): void {
    const name = as ?? `unnamed ${String(++this.#count)}`;
    if (as === undefined) this.#unnamed.push(name);
    this.recorder.track(name, call);
  }

  async #start(): Promise<Connection> {
    const { role = 'initiator', parity, maxConcurrentRequests, metadata, keepalive, limits } = this.#given;
    const options: StartOptions = {
      conformance: this.#mode,
      clock: this.clock,
      onReport: (report) => this.#note(report),
      // An acceptor cannot choose its parity.
      ...defined({ parity: role === 'initiator' ? parity : undefined }),
      ...defined({ maxConcurrentRequests, metadata, keepalive, limits }),
      ...(this.#given.onConnection === undefined ? {} : { onConnection: this.#onConnection }),
    };
    const { authenticate } = this.#given;
    const session =
      role === 'initiator'
        ? await initiate(this.link, options)
        : await (authenticate === undefined
            ? accept(this.link, options)
            : accept(this.link, { ...options, authenticate: this.#authenticate }));
    this.#session = session;
    session.on('stalled', ({ id }) => this.recorder.now.reports.push({ report: 'stalled', id }));
    void session.closed.then((reason) => this.recorder.now.ended.push(reason));
    this.recorder.name('root', session.root);
    return session.root;
  }

  readonly #authenticate = ({ metadata, signal }: AuthRequest): unknown => {
    this.recorder.now.identified.push(metadata);
    signal.addEventListener('abort', () => {
      this.recorder.now.unidentified = true;
    });
    const { authenticate } = this.#given;
    if (authenticate !== undefined && authenticate !== 'pending') return identify(authenticate);
    return new Promise((resolve, reject) => {
      this.#identification = { resolve, reject };
    });
  };

  #settleIdentification(answer: Spec.Identification): void {
    if (this.#identification === undefined) throw new Error('nothing waits for a principal');
    try {
      this.#identification.resolve(identify(answer));
    } catch (error) {
      this.#identification.reject(error as Error);
    }
  }

  readonly #onConnection = (request: OpenRequest): Acceptance | Rejection | Promise<Acceptance | Rejection> => {
    const { id, peerSettings, metadata, signal } = request;
    this.recorder.now.asked.push({ id, peerSettings, metadata });
    signal.addEventListener('abort', () => this.recorder.now.aborted.push(id));
    const decision = this.#given.onConnection;
    if (decision !== undefined && decision !== 'pending') return this.#answer(decision);
    return new Promise((resolve, reject) => this.#decisions.set(id, { resolve, reject }));
  };

  /** @throws Error for the decision to throw. */
  #answer(decision: Spec.Decision): Acceptance | Rejection {
    if (decision === 'throw') throw new Error('onConnection threw');
    if ('reject' in decision) return { type: 'reject', ...decision.reject };
    const { setup, ...accepted } = decision.accept;
    return {
      type: 'accept',
      ...accepted,
      setup: (connection) => {
        this.recorder.now.setup.push(connection);
        this.recorder.name(`#${String(connection.id)}`, connection);
        if (setup === 'throw') throw new Error('the setup threw');
        if (setup !== undefined) void connection.send(setup.send);
      },
    };
  }

  #settleDecision(id: ConnectionId, decision: Spec.Decision): void {
    const pending = this.#decisions.get(id);
    if (pending === undefined) throw new Error(`no decision is awaited on ${String(id)}`);
    try {
      pending.resolve(this.#answer(decision));
    } catch (error) {
      pending.reject(error as Error);
    }
  }

  #note({ kind, id }: Report): void {
    this.recorder.now.reports.push({
      report: kind,
      ...(kind === 'root-closed-by-peer' ? {} : defined({ id })),
    } as Spec.Report);
  }

  async #read(connection: Connection, count: number): Promise<Messages> {
    const reader = this.#reader(connection);
    const messages = new Messages();
    while (messages.list.length < count) {
      const { value, done } = await reader.next();
      if (done === true) break;
      messages.list.push(value);
    }
    return messages;
  }

  #reader(connection: Connection): AsyncIterator<DataMessage, undefined> {
    let reader = this.#readers.get(connection);
    if (reader === undefined) {
      reader = connection[Symbol.asyncIterator]();
      this.#readers.set(connection, reader);
    }
    return reader;
  }

  #controller(name: string): AbortController {
    let controller = this.#signals.get(name);
    if (controller === undefined) {
      controller = new AbortController();
      this.#signals.set(name, controller);
    }
    return controller;
  }

  #signal(name: string | undefined): AbortSignal | undefined {
    return name === undefined ? undefined : this.#controller(name).signal;
  }

  get #established(): Session {
    if (this.#session === undefined) throw new Error('there is no session yet');
    return this.#session;
  }
}

/** @throws Error for an answer that refuses the peer, or throws. */
function identify(answer: Spec.Identification): unknown {
  if (answer === 'accept') return { name: 'Ada' };
  if (answer === 'throw') throw new Error('authenticate threw');
  return refuse(answer.refuse.reason as 'forbidden', answer.refuse.text);
}

function nameOf([name]: readonly [string, unknown]): string {
  return name;
}

function listOf(peer: Spec.PeerAction['peer']): readonly Spec.PeerInput[] {
  return Array.isArray(peer) ? (peer as readonly Spec.PeerInput[]) : [peer as Spec.PeerInput];
}

/** Returns the options without undefined ones, so that an option that a case leaves out is also left out for the library. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
