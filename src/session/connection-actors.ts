import { type ActorLogic, type ActorRefFrom, createActor, type Snapshot } from 'xstate';
import type { ConnectionOutput, connectionMachine } from '../../machines/connection.js';
import type {
  Conformance,
  ConnectionsCommand,
  ConnectionsRef,
  ConnectionsReport,
  Port,
  SessionGone,
  ToConnections,
} from '../../machines/events.js';
import { parentOf, relay } from '../compile/internals.js';
import type { ConnectionId } from '../wire/id.js';

export type ConnectionActorRef = ActorRefFrom<typeof connectionMachine>;

export interface RegistryInput {
  readonly port: Port;
  readonly conformance: Conformance;
}

/**
 * The living connection actors. One map serves for the registry's whole life: a machine would copy its children at
 * every spawn and stop, and ten thousand connections would cost a hundred times as much.
 */
export type RegistrySnapshot = Snapshot<undefined> & {
  readonly connections: Map<ConnectionId, ConnectionActorRef>;
  readonly input: RegistryInput;
  /** Shows the number of connections alone: a serialised snapshot should not hold ten thousand actors. */
  toJSON(): unknown;
};

type RegistryEvent =
  | ConnectionsCommand
  | ToConnections
  | SessionGone
  | { type: 'xstate.stop' }
  | { type: `xstate.done.actor.${string}`; actorId: string; output: ConnectionOutput }
  | { type: `xstate.error.actor.${string}`; actorId: string; error: unknown };

export interface RegistryLogic extends ActorLogic<RegistrySnapshot, RegistryEvent, RegistryInput> {}

/** Fills the session machine's `connections` slot. It spawns, routes and stops, and decides nothing. */
const registryOf = (machine: typeof connectionMachine): RegistryLogic => ({
  transition: (snapshot, event, scope) => {
    const { connections, input } = snapshot;
    const report = (told: ConnectionsReport) => {
      const session = parentOf(scope.self);
      if (session !== undefined) scope.defer(() => relay(scope.system, scope.self, session, told));
    };
    switch (event.type) {
      case 'connections.spawn': {
        const { id, origin, request, localSettings, peerSettings, metadata } = event.input;
        const { port, conformance } = input;
        const parent = scope.self as unknown as ConnectionsRef;
        const ref = createActor(machine, {
          id: String(id),
          parent: scope.self,
          // Copy field by field: objects that are spread together share no shape, which costs 260 bytes for each
          // connection.
          input: { id, origin, request, localSettings, peerSettings, metadata, port, conformance, parent },
        });
        connections.set(id, ref);
        scope.defer(() => ref.start());
        return snapshot;
      }
      case 'connections.deliver': {
        const ref = connections.get(event.id);
        if (ref !== undefined) scope.defer(() => relay(scope.system, scope.self, ref, event.event));
        return snapshot;
      }
      case 'connections.opened':
        report(event);
        return snapshot;
      case 'session.ended':
      case 'xstate.stop':
        for (const ref of connections.values()) scope.stopChild(ref);
        connections.clear();
        return event.type === 'xstate.stop' ? ({ ...snapshot, status: 'stopped' } as RegistrySnapshot) : snapshot;
      default: {
        const id = Number(event.actorId);
        connections.delete(id);
        if ('output' in event) report({ type: 'connections.ended', id, output: event.output });
        else report({ type: 'connections.crashed', id, error: event.error });
        return snapshot;
      }
    }
  },
  getInitialSnapshot: (_, input) => {
    const connections = new Map<ConnectionId, ConnectionActorRef>();
    const toJSON = () => ({ status: 'active', size: connections.size });
    return { status: 'active', output: undefined, error: undefined, connections, input, toJSON };
  },
  getPersistedSnapshot: (snapshot) => snapshot,
});

const registries = new WeakSet<object>();

/** Returns the logic of a registry. Its connections run `machine`, which is `connectionMachine`, plain or compiled. */
export function registryLogic(machine: typeof connectionMachine): RegistryLogic {
  const logic = registryOf(machine);
  registries.add(logic);
  return logic;
}

/** True if an actor of this logic is a registry of connections. */
export function isRegistry(logic: object): boolean {
  return registries.has(logic);
}
