import { type ActorLogic, type ActorRef, type ActorScope, createActor } from 'xstate';
import { type ConnectionInput, connectionMachine } from '../../machines/connection.js';
import { handshakeMachine } from '../../machines/handshake.js';
import type { SessionEmitted, SessionEvent } from '../../machines/index.js';
import { keepaliveMachine } from '../../machines/keepalive.js';
import { sessionMachine } from '../../machines/session/session.js';
import { requireBoxes } from '../codec/metadata.js';
import { compile } from '../compile/index.js';
import { type ChildOptions, clockOf, createChild, hasInspector, isInspected } from '../compile/internals.js';
import type { SessionClock } from '../conduit/conduit.js';
import { type ConnectionActorRef, ConnectionActors } from './connection-actors.js';
import { type Attach, observationOf, StepperActors } from './observation.js';
import { configOf, type Interpreter, type SessionLogicInput } from './options.js';
import { SessionRuntime } from './runtime.js';

// Provide once, here: for each session it would cost a millisecond and 270 KiB.
const compiledConnection = compile(connectionMachine);
const machine = compile(
  sessionMachine.provide({ actors: { handshake: compile(handshakeMachine), keepalive: compile(keepaliveMachine) } }),
);

type Machine = typeof machine;

/** Milliseconds for each of the last steps of a drain. */
const DRAIN_STEP = 1_000;

const MACHINES: Readonly<Record<Interpreter, Machine>> = { compiled: machine, xstate: sessionMachine };

const CREATE: Readonly<Record<Interpreter, (options: ChildOptions<ConnectionInput>) => ConnectionActorRef>> = {
  compiled: (options) => createChild(compiledConnection, options),
  xstate: (options) => createActor(connectionMachine, options),
};

/** The snapshot of a session actor. */
export type SessionSnapshot = ReturnType<Machine['transition']>;

/** A session actor, wherever it runs: on its own, or inside a statechart. */
export type SessionActorRef = ActorRef<SessionSnapshot, SessionEvent, SessionEmitted>;

/**
 * The logic of a session actor, with its effects, its connections and its fast path built in. An XState
 * user invokes or spawns it. Its input is checked when the actor is created. What is wrong in the input is the actor's
 * error.
 */
export interface SessionLogic
  extends ActorLogic<SessionSnapshot, SessionEvent, SessionLogicInput, AnySystem, SessionEmitted> {
  readonly config: Machine['config'];
  readonly definition: Machine['definition'];
  /** Returns the same logic: its effects are its own, and a machine without them would send nothing. */
  provide(implementations: unknown): SessionLogic;
}

// biome-ignore lint/suspicious/noExplicitAny: XState types a logic that may run in any system this way.
type AnySystem = any;
type Scope = ActorScope<SessionSnapshot, SessionEvent, AnySystem, SessionEmitted>;

/**
 * Takes the fast path of a session that an inspector watches: it sees the message as an event of the session, and of no
 * other actor. See `SessionRuntime` for what the fast path is.
 */
function transition(snapshot: SessionSnapshot, event: SessionEvent, scope: Scope): SessionSnapshot {
  const isTaken =
    (event.type === 'rx.RequestMessage' || event.type === 'rx.ChannelMessage') &&
    snapshot.hasTag('routes') &&
    (snapshot.context.port as SessionRuntime).deliverIfActive(event.message);
  return isTaken ? snapshot : step(snapshot, event, scope);
}

/** Takes a step of the machine. */
export function step(snapshot: SessionSnapshot, event: SessionEvent, scope: Scope): SessionSnapshot {
  const runtime = snapshot.context.port as SessionRuntime;
  const input = event.type.startsWith('xstate.') ? runtime.actors.reported(event) : event;
  const next = MACHINES[runtime.config.interpreter].transition(snapshot, input, scope);
  // If the machine has not said before why it ended, it was stopped from outside.
  if (next.status !== 'active') scope.defer(() => runtime.stop({ cause: 'stopped' }));
  return next;
}

/** Starts the session's actor: its link, and its children. */
function start(snapshot: SessionSnapshot, scope: Scope): void {
  const session = scope.self as SessionActorRef;
  const runtime = snapshot.context.port as SessionRuntime;
  // A machine that throws leaves its children running, and tells only its observers.
  session.subscribe({
    error: (error: unknown) => {
      const { handshake, keepalive } = session.getSnapshot().children;
      for (const child of [handshake, keepalive]) child?.send({ type: 'session.ended' });
      runtime.stop({ cause: 'crashed', error });
    },
  });
  try {
    runtime.start((event) => session.send(event));
  } catch (error) {
    runtime.crash(error);
    session.send({ type: 'conduit.crashed', error });
  }
  MACHINES[runtime.config.interpreter].start(snapshot);
}

function getInitialSnapshot(scope: Scope, input: SessionLogicInput): SessionSnapshot {
  const config = configOf(input);
  requireBoxes(input.metadata);
  const { role, conformance, localSettings, metadata, keepalive, limits } = config;
  const { self, system } = scope;
  const actors = new ConnectionActors(CREATE[config.interpreter], scope);
  const port = new SessionRuntime(config, {
    clock: new ActorClock(clockOf(system) as Clock),
    routes: () => !hasInspector(system) && (self as SessionActorRef).getSnapshot().hasTag('routes'),
    actors,
    observerOf: (id) => {
      const always = isInspected(self);
      const observation = observationOf(system);
      if (!always && observation === undefined) return undefined;
      return new StepperActors(system, () => actors.get(id) ?? self, always, observation);
    },
  });
  const shortest = Math.min(limits.openTimeout, limits.acceptTimeout);
  return MACHINES[config.interpreter].getInitialSnapshot(scope, {
    port,
    role,
    conformance,
    localSettings,
    metadata,
    keepalive,
    limits: {
      // Only those that the machine reads: a copy of all limits would cost a KiB.
      connections: limits.connections,
      undecided: limits.undecided,
      handshakeTimeout: limits.handshakeTimeout,
      authenticateTimeout: limits.authenticateTimeout,
      flushTimeout: limits.flushTimeout,
      stallTimeout: limits.stallTimeout,
      unreadTimeout: limits.unreadTimeout,
      sweepInterval: Math.min(1_000, Math.max(1, Math.floor(shortest / 10))),
      linger: DRAIN_STEP,
      cutTimeout: DRAIN_STEP,
    },
    isAuthenticating: config.authenticate !== undefined,
    isAccepting: config.onConnection !== undefined,
    opensEarly: config.early.size > 0,
  });
}

/** A clock for timers. A simulated clock also tells the time. */
interface Clock extends Omit<SessionClock, 'now'> {
  now?(): number;
}

/** The clock of a session: the time is that of its timers if they tell one, else the real time. */
class ActorClock {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now?.() ?? performance.now();
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    return this.#clock.setTimeout(callback, milliseconds);
  }

  clearTimeout(timer: unknown): void {
    this.#clock.clearTimeout(timer);
  }
}

// The machine is the prototype of this object: it answers all else that an actor or an inspector asks of a machine.
export const sessionLogic: SessionLogic = Object.assign(Object.create(machine) as Machine, {
  transition,
  start,
  getInitialSnapshot,
  provide: () => sessionLogic,
}) as unknown as SessionLogic;

/** Returns the same logic, with an inspector attached before its actor has done anything. */
export function attached(attach: Attach): SessionLogic {
  return Object.assign(Object.create(sessionLogic) as SessionLogic, {
    getInitialSnapshot: (scope: Scope, input: SessionLogicInput) => {
      attach(scope.self);
      return getInitialSnapshot(scope, input);
    },
  });
}
