/** Finds out whether an actor is part of a session, and which part. */
import type { Snapshot } from 'xstate';
import { SessionRuntime } from '../session/runtime.js';
import { IdSet } from '../wire/idset.js';
import type { ActorKey, Part } from './record.js';

/** An actor that was reported. */
interface Placed {
  readonly key: ActorKey;
  readonly part: Part | undefined;
}

/** Returns the runtime of a session by the snapshot of its actor. Undefined for any other actor. */
export function runtimeOf(snapshot: Snapshot<unknown>): SessionRuntime | undefined {
  const { context } = snapshot as { context?: { port?: unknown; live?: unknown } };
  // Several actors have the port in their context. Only the session's also has `live`.
  return context?.port instanceof SessionRuntime && context.live instanceof IdSet ? context.port : undefined;
}

export function sessionOf({ config }: SessionRuntime): Part {
  const { role, conformance, limits, link } = config;
  const name: unknown = link.name;
  return {
    part: 'session',
    role,
    conformance,
    limits: { ...limits },
    ...(typeof name === 'string' ? { link: name } : {}),
  };
}

export function partOf(id: string, parent: Placed | undefined): Part | undefined {
  if (parent?.part?.part !== 'session') return undefined;
  if (id === 'handshake' || id === 'keepalive') return { part: id, session: parent.key };
  return /^\d+$/.test(id) ? { part: 'connection', session: parent.key, connection: Number(id) } : undefined;
}
