import { type ActorLogic, type ActorRef, type ActorScope, type AnyActorRef, fromCallback } from 'xstate';
import { connectionMachine } from '../../machines/connection.js';
import { handshakeMachine } from '../../machines/handshake.js';
import type { SessionEmitted, SessionEvent } from '../../machines/index.js';
import { keepaliveMachine } from '../../machines/keepalive.js';
import { sessionMachine } from '../../machines/session/session.js';
import { requireBoxes } from '../codec/metadata.js';
import { compile } from '../compile/index.js';
import { clockOf, hasInspector, isInspected, parentOf } from '../compile/internals.js';
import type { SessionClock } from '../conduit/conduit.js';
import type { ConnectionId } from '../wire/id.js';
import { type ConnectionActorRef, type RegistrySnapshot, registryLogic } from './connection-actors.js';
import { type Attach, observationOf, StepperActors } from './observation.js';
import { configOf, type Interpreter, type SessionLogicInput } from './options.js';
import { SessionRuntime } from './runtime.js';

/** Fills the session machine's `conduit` slot: reads the link while the session lives, and cleans up after it. */
const conduitLogic = fromCallback<{ type: 'nothing' }, { port: SessionRuntime }>(
  ({ input: { port }, self, sendBack }) => {
    const session = parentOf(self);
    // A machine that throws leaves its children running, and tells only its observers.
    const watch = session?.subscribe({
      error: (error: unknown) => {
        const { children } = session.getSnapshot() as { children: Record<string, AnyActorRef> };
        for (const id of ['handshake', 'keepalive', 'connections']) children[id]?.send({ type: 'session.ended' });
        port.stop({ cause: 'crashed', error });
      },
    });
    try {
      port.start(sendBack);
    } catch (error) {
      // End the session here: there is no cleanup function yet that would do it.
      port.crash(error);
      throw error;
    }
    return () => {
      watch?.unsubscribe();
      // If the machine has not said before why it ended, it was stopped from outside.
      port.stop({ cause: 'stopped' });
    };
  },
);

/**
 * Fills the slots of the session machine. It declares inert logics there, typed by the events that they get, and does not know
 * the logics that fill them.
 */
function filled(connections: typeof connectionMachine, others: object = {}) {
  const actors = { conduit: conduitLogic as never, connections: registryLogic(connections) as never, ...others };
  return sessionMachine.provide({ actors });
}

// Provide once, here: for each session it would cost a millisecond and 270 KiB.
const machine = compile(
  filled(compile(connectionMachine), { handshake: compile(handshakeMachine), keepalive: compile(keepaliveMachine) }),
);

/** The machine for sessions that run XState's own step; made when the first one asks for it. */
let interpreted: Machine | undefined;

type Machine = typeof machine;

function machineOf(interpreter: Interpreter): Machine {
  if (interpreter === 'compiled') return machine;
  interpreted ??= filled(connectionMachine);
  return interpreted;
}

/** The snapshot of a session actor. */
export type SessionSnapshot = ReturnType<Machine['transition']>;

/** A session actor, wherever it runs: on its own, or inside a statechart. */
export type SessionActorRef = ActorRef<SessionSnapshot, SessionEvent, SessionEmitted>;

/**
 * The logic of a session actor, with its effects, its registry of connections and its fast path built in. An XState
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

function registryOf(snapshot: SessionSnapshot): RegistrySnapshot | undefined {
  return snapshot.children['connections']?.getSnapshot() as unknown as RegistrySnapshot | undefined;
}

/**
 * Takes the fast path of a session that an inspector watches: it sees the message as an event of the session, and of no
 * other actor. See `SessionRuntime` for what the fast path is.
 */
function transition(snapshot: SessionSnapshot, event: SessionEvent, scope: Scope): SessionSnapshot {
  if (
    (event.type === 'rx.RequestMessage' || event.type === 'rx.ChannelMessage') &&
    snapshot.hasTag('routes') &&
    (snapshot.context.port as SessionRuntime).deliverIfActive(event.message)
  )
    return snapshot;
  const isInterpreted = interpreted !== undefined && (snapshot.machine as unknown) === interpreted;
  return machineOf(isInterpreted ? 'xstate' : 'compiled').transition(snapshot, event, scope);
}

function getInitialSnapshot(scope: Scope, input: SessionLogicInput): SessionSnapshot {
  const config = configOf(input);
  requireBoxes(input.metadata);
  const { role, conformance, localSettings, metadata, keepalive, limits } = config;
  const { self, system } = scope;
  const actorOf = (id: ConnectionId): ConnectionActorRef | undefined =>
    registryOf((self as SessionActorRef).getSnapshot())?.connections.get(id);
  const port = new SessionRuntime(config, {
    clock: sessionClock(clockOf(system) as Clock),
    routes: () => !hasInspector(system) && (self as SessionActorRef).getSnapshot().hasTag('routes'),
    actorOf,
    observerOf: (id) => {
      const always = isInspected(self);
      const observation = observationOf(system);
      if (!always && observation === undefined) return undefined;
      return new StepperActors(system, () => actorOf(id) ?? self, always, observation);
    },
  });
  const shortest = Math.min(limits.openTimeout, limits.acceptTimeout);
  return machineOf(config.interpreter).getInitialSnapshot(scope, {
    port,
    role,
    conformance,
    localSettings,
    metadata,
    keepalive: keepalive ?? { pingInterval: 0, pongTimeout: 0 },
    limits: { ...limits, sweepInterval: Math.min(1_000, Math.max(1, Math.floor(shortest / 10))) },
    isAccepting: config.onConnection !== undefined,
  });
}

/** A clock for timers. A simulated clock also tells the time. */
interface Clock extends Omit<SessionClock, 'now'> {
  now?(): number;
}

/** Returns the clock of a session: the time is that of its timers if they tell one, else the real time. */
function sessionClock(clock: Clock): SessionClock {
  return {
    now: () => clock.now?.() ?? performance.now(),
    setTimeout: (callback, milliseconds) => clock.setTimeout(callback, milliseconds),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}

// The machine is the prototype of this object: it answers everything else that an actor or an inspector asks of a
// machine.
export const sessionLogic: SessionLogic = Object.assign(Object.create(machine) as Machine, {
  transition,
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
