import type { ActorRefFrom, ActorScope } from 'xstate';
import type { ConnectionInput, ConnectionOutput, connectionMachine } from '../../machines/connection.js';
import type { ConnectionEvent, ConnectionParent, ConnectionStart } from '../../machines/events.js';
import type { SessionEvent } from '../../machines/session/context.js';
import { type ChildOptions, relay } from '../compile/internals.js';
import type { ConnectionId } from '../wire/id.js';

export type ConnectionActorRef = ActorRefFrom<typeof connectionMachine>;

// biome-ignore lint/suspicious/noExplicitAny: the actors of any session have any snapshot, event and system.
type Scope = ActorScope<any, any, any, any>;

/** The events with which XState tells a parent that a child has ended. */
type ChildEvent = { readonly type: string; readonly actorId?: string } & (
  | { readonly output: ConnectionOutput }
  | { readonly error: unknown }
);

/**
 * The living connection actors of a session, which are its children. They are not in its snapshot: a machine would copy its
 * children at every spawn and stop, and ten thousand connections would cost a hundred times as much. An event for a
 * connection is sent after the session's step.
 */
export class ConnectionActors {
  readonly #actors = new Map<ConnectionId, ConnectionActorRef>();
  readonly #create: (options: ChildOptions<ConnectionInput>) => ConnectionActorRef;
  readonly #scope: Scope;

  /** `create` makes the actor of a connection. `scope` is that of the session's actor. */
  constructor(create: (options: ChildOptions<ConnectionInput>) => ConnectionActorRef, scope: Scope) {
    this.#create = create;
    this.#scope = scope;
  }

  get(id: ConnectionId): ConnectionActorRef | undefined {
    return this.#actors.get(id);
  }

  all(): Iterable<ConnectionActorRef> {
    return this.#actors.values();
  }

  spawn(
    { id, origin, request, localSettings, peerSettings, metadata }: ConnectionStart,
    { port, conformance }: Pick<ConnectionInput, 'port' | 'conformance'>,
  ): void {
    this.#scope.defer(() => {
      const { self } = this.#scope;
      const parent = self as unknown as ConnectionParent;
      const ref = this.#create({
        id: String(id),
        parent: self,
        // Copy field by field: objects that are spread together share no shape, which costs 260 bytes for each connection.
        input: { id, origin, request, localSettings, peerSettings, metadata, port, conformance, parent },
      });
      this.#actors.set(id, ref);
      ref.start();
    });
  }

  forward(id: ConnectionId, event: ConnectionEvent): void {
    const { self, system } = this.#scope;
    this.#scope.defer(() => {
      const ref = this.#actors.get(id);
      if (ref !== undefined) relay(system, self, ref, event);
    });
  }

  /** Returns the report that a child's end is, if the child is a connection. Other events are returned as they are. */
  reported(event: SessionEvent): SessionEvent {
    const end = event as unknown as ChildEvent;
    const id = Number(end.actorId);
    if (!this.#actors.delete(id)) return event;
    if ('output' in end) return { type: 'connections.ended', id, output: end.output };
    return { type: 'connections.crashed', id, error: end.error };
  }

  /** Stops all connections. */
  stop(): void {
    for (const ref of this.#actors.values()) {
      try {
        this.#scope.stopChild(ref);
      } catch {
        // The inspector that has crashed the session throws at this event, too.
      }
    }
    this.#actors.clear();
  }
}
