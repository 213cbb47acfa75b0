/**
 * The protocol of `@statelyai/inspect`: one JSON object a message, of three types. We speak it to a server that does not
 * send our greeting, and accept it from a process that does not send our records.
 */
import {
  type ActorSnapshot,
  actorKey,
  type DefinitionRecord,
  type InspectionRecord,
  type Json,
  type WireRecord,
} from './record.js';

/** The version of `@statelyai/inspect` whose protocol this is. */
const STATELY_VERSION = '0.7.2';

/** The first message of our server to each process: it asks for arrays of records. Stately's clients ignore it. */
export const GREETING = JSON.stringify({ type: '@roam.inspect', version: 1 });

export function isGreeting(text: unknown): boolean {
  return text === GREETING;
}

interface Base {
  readonly sessionId: string;
  readonly rootId?: string | undefined;
  /** Milliseconds since the epoch, as a string. */
  readonly createdAt: string;
  readonly id: null;
  readonly _version: string;
}

interface StatelyActor extends Base {
  readonly type: '@xstate.actor';
  readonly name: string;
  readonly parentId?: string | undefined;
  /** The machine's config as JSON text. */
  readonly definition?: string | undefined;
  readonly snapshot: ActorSnapshot;
}

interface StatelyEvent extends Base {
  readonly type: '@xstate.event';
  readonly sourceId?: string | undefined;
  readonly event: { readonly type: string; readonly [key: string]: Json };
}

interface StatelySnapshot extends Base {
  readonly type: '@xstate.snapshot';
  readonly event: { readonly type: string };
  readonly snapshot: ActorSnapshot;
}

export type StatelyInspectionEvent = StatelyActor | StatelyEvent | StatelySnapshot;

/** Translates records to Stately's protocol, as far as it can express them. */
export class StatelyDialect {
  readonly #definitions = new Map<string, string>();
  readonly #roots = new Map<string, string>();

  of(record: InspectionRecord): StatelyInspectionEvent | undefined {
    switch (record.kind) {
      case 'definition':
        this.#definitions.set(record.hash, JSON.stringify(record.definition));
        return undefined;
      case 'actor': {
        const { actor, parent, name, definition, snapshot, at } = record;
        const rootId = parent === undefined ? idOf(actor) : this.#roots.get(parent);
        this.#roots.set(actor, rootId ?? idOf(actor));
        return {
          type: '@xstate.actor',
          name,
          ...(parent === undefined ? {} : { parentId: idOf(parent) }),
          // Stately's inspector ignores an actor without a definition.
          definition: this.#definitions.get(definition ?? '') ?? JSON.stringify({ id: name }),
          snapshot,
          ...this.#base(actor, at),
        };
      }
      case 'event': {
        const { actor, source, event, at } = record;
        return {
          type: '@xstate.event',
          event,
          ...(source === undefined ? {} : { sourceId: idOf(source) }),
          ...this.#base(actor, at),
        };
      }
      case 'snapshot': {
        const { actor, event: type, snapshot, at } = record;
        const told = { type: '@xstate.snapshot', event: { type }, snapshot, ...this.#base(actor, at) } as const;
        if (snapshot.status !== 'active') this.#roots.delete(actor);
        return told;
      }
      case 'wire':
        return this.#data(record);
      default:
        return undefined;
    }
  }

  /** Translates a received data message to an event of its session. The events of the actors report all other messages. */
  #data({ session, direction, connection, message, id, count, bytes, detail, at }: WireRecord) {
    if (direction !== 'received' || !DATA.has(message)) return undefined;
    const type = REQUESTS.has(message) ? 'rx.RequestMessage' : 'rx.ChannelMessage';
    const more = {
      connection,
      bytes,
      ...(id === undefined ? {} : { id }),
      ...(count === 1 ? {} : { count }),
      ...detail,
    };
    return { type: '@xstate.event', event: { type, message, ...more }, ...this.#base(session, at) } as const;
  }

  #base(actor: string, at: number): Base {
    const rootId = this.#roots.get(actor);
    return {
      sessionId: idOf(actor),
      ...(rootId === undefined ? {} : { rootId }),
      createdAt: String(Math.floor(at)),
      id: null,
      _version: STATELY_VERSION,
    };
  }
}

const REQUESTS: ReadonlySet<string> = new Set(['Call', 'Response', 'Cancel']);
const DATA: ReadonlySet<string> = new Set([...REQUESTS, 'Item', 'Close', 'Reset', 'GrantCredit']);

function idOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

/** Translates a message of Stately's protocol to records of process 0. Undefined if it is no such message. */
export function recordsOfStately(
  value: object,
  hashOf: (text: string) => string,
  now: number,
): InspectionRecord[] | undefined {
  const { type, sessionId, createdAt, parentId, sourceId, name, definition, event, snapshot } = value as Record<
    string,
    unknown
  >;
  if (typeof sessionId !== 'string') return undefined;
  const at = Number(createdAt);
  const base = { seq: 0, at: Number.isFinite(at) ? at : now, actor: actorKey(0, sessionId) };
  switch (type) {
    case '@xstate.actor': {
      const told = typeof definition === 'string' ? definitionIn(definition, base.at, hashOf) : undefined;
      const id = typeof name === 'string' ? name : sessionId;
      return [
        ...(told === undefined ? [] : [told]),
        {
          kind: 'actor',
          ...base,
          process: 0,
          ...(typeof parentId === 'string' ? { parent: actorKey(0, parentId) } : {}),
          id,
          name: id,
          ...(told === undefined ? {} : { definition: told.hash }),
          snapshot: shown(snapshot),
        },
      ];
    }
    case '@xstate.event': {
      const source = typeof sourceId === 'string' ? { source: actorKey(0, sourceId) } : {};
      return [{ kind: 'event', ...base, ...source, event: event as { type: string } }];
    }
    case '@xstate.snapshot': {
      const { type: because = '' } = (event ?? {}) as { type?: string };
      return [{ kind: 'snapshot', ...base, event: because, snapshot: shown(snapshot) }];
    }
    default:
      return undefined;
  }
}

function shown(snapshot: unknown): ActorSnapshot {
  const { status = 'active', value, context, output, error } = (snapshot ?? {}) as ActorSnapshot;
  return {
    status,
    ...(value === undefined ? {} : { value }),
    ...(context === undefined ? {} : { context }),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
  };
}

function definitionIn(text: string, at: number, hashOf: (text: string) => string): DefinitionRecord | undefined {
  try {
    const definition = JSON.parse(text) as Json;
    return { kind: 'definition', seq: 0, at, hash: hashOf(text), definition };
  } catch {
    return undefined;
  }
}
