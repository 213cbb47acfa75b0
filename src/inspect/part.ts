/**
 * The actors of a session by their places in it: what tells that an actor is one, and which.
 */
import type { Snapshot } from 'xstate';
import { SessionPort } from '../session/runtime.js';
import { IdSet } from '../wire/idset.js';
import type { ActorKey, Part } from './record.js';

/** An actor that was told of. */
interface Placed {
  readonly key: ActorKey;
  readonly part: Part | undefined;
}

/** A session's, by its snapshot; undefined for any other actor. */
export function portOf(snapshot: Snapshot<unknown>): SessionPort | undefined {
  const { context } = snapshot as { context?: { port?: unknown; live?: unknown } };
  // Of all that have the port, only the session itself knows who lives.
  return context?.port instanceof SessionPort && context.live instanceof IdSet ? context.port : undefined;
}

export function sessionOf({ config }: SessionPort): Part {
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
  if (parent?.part?.part === 'connections') {
    return { part: 'connection', session: parent.part.session, connection: Number(id) };
  }
  if (parent?.part?.part !== 'session') return undefined;
  if (id !== 'handshake' && id !== 'keepalive' && id !== 'conduit' && id !== 'connections') return undefined;
  return { part: id, session: parent.key };
}
