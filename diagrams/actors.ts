/**
 * The actors of a session: drawn from those that a real one has while it runs, with the states that invoke them as the
 * machines say.
 */
import type { AnyActorRef, AnyStateMachine, InspectionEvent } from 'xstate';
import { definitionOf, type StateDefinition } from '../src/diagram/index.js';
import { accept, initiate } from '../src/index.js';
import { memoryLinkPair } from '../src/link/memory.js';
import { settle, VirtualClock } from '../src/testing/index.js';
import type { Branch } from './tree.js';

/** The session of an initiator, with one virtual connection. */
export async function actorTree(): Promise<Branch> {
  const actors: AnyActorRef[] = [];
  const [ours, theirs] = memoryLinkPair();
  const clock = new VirtualClock();
  const accepting = accept(theirs, { clock, onConnection: () => ({ type: 'accept' }) });
  const session = await initiate(ours, {
    clock,
    keepalive: { pingInterval: 600_000, pongTimeout: 60_000 },
    inspect: ({ type, actorRef }: InspectionEvent) => {
      if (type === '@xstate.actor') actors.push(actorRef as AnyActorRef);
    },
  });
  await session.open();
  await settle();
  const tree = branchOf(actors[0] as AnyActorRef, actors);
  session.shutdown();
  await clock.advance(60_000);
  await Promise.all([session.closed, (await accepting).closed]);
  return tree;
}

function branchOf(actor: AnyActorRef, actors: readonly AnyActorRef[]): Branch {
  const { _parent: parent } = actor as unknown as { _parent?: AnyActorRef };
  const machine = machineOf(actor);
  const within = parent === undefined ? undefined : machineOf(parent);
  const state = within === undefined ? undefined : invokerOf(definitionOf(within), actor.id, '');
  return {
    name: nameOf(actor, machine),
    kind: machine === undefined ? 'logic' : 'machine',
    ...(state === undefined || state === '' ? {} : { while: state }),
    children: actors
      .filter((child) => (child as unknown as { _parent?: AnyActorRef })._parent === actor)
      .map((child) => branchOf(child, actors)),
  };
}

/** By what an actor is; a connection's id is its number, and the session's is XState's to give. */
function nameOf({ id }: AnyActorRef, machine: AnyStateMachine | undefined): string {
  if (machine === undefined || id === machine.id) return id;
  return /^\d+$/.test(id) ? `${machine.id} ${id}` : machine.id;
}

/** The machine that an actor runs, also one with a fast path around it. */
function machineOf(actor: AnyActorRef): AnyStateMachine | undefined {
  const { logic } = actor as unknown as { logic: { config?: { states?: unknown } } };
  const machine = logic.config?.states === undefined ? actor.getSnapshot()?.machine : logic;
  return machine?.config?.states === undefined ? undefined : machine;
}

/** The path of the state that invokes `id`. */
function invokerOf(state: StateDefinition, id: string, path: string): string | undefined {
  if (state.invoke?.some((invoke) => (invoke.id ?? invoke.src) === id)) return path;
  for (const [key, child] of Object.entries(state.states ?? {})) {
    const found = invokerOf(child, id, path === '' ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
