import type { AnyActorRef, InspectionEvent } from 'xstate';
import { printable } from '../../base/printable.js';
import { parentOf } from '../../compile/internals.js';
import type { Message, Role } from '../../index.js';
import { formatMetadata } from '../metadata.js';
import type { Entry, Wire } from './told.js';

/** Sees the actors of a session through XState's inspection, and tells what they do, as plain text. */
export class Recorder {
  readonly #process: Role;
  readonly #tell: (entry: Entry) => void;
  readonly #states = new Map<string, States>();
  /** What each actor has sent and received since it was last told of. */
  readonly #wires = new Map<string, Wire[]>();
  /** The session's first snapshot comes after those of its children; told is when it began. */
  #born: number | undefined;
  readonly received: Record<string, number> = {};
  readonly connections: Record<string, string> = {};
  pings = 0;
  pongs = 0;

  constructor(process: Role, tell: (entry: Entry) => void) {
    this.#process = process;
    this.#tell = tell;
  }

  readonly inspect = (event: InspectionEvent): void => {
    const actor = nameOf(event.actorRef as AnyActorRef);
    if (actor === undefined) return;
    switch (event.type) {
      case '@xstate.action':
        if (event.action.type === 'transmit') this.#note(actor, 'sent', event.action.params as Message);
        break;
      case '@xstate.event':
        // A call or a channel is told by its states: its messages are those of its connection.
        if (event.event.type.startsWith('rx.') && !actor.includes('/'))
          this.#receive(actor, (event.event as unknown as { message: Message }).message);
        break;
      case '@xstate.actor':
        if (actor === 'session') this.#born = now();
        break;
      // What an actor sends as it begins comes between its first microstep and its first snapshot.
      case '@xstate.microstep':
        if (event.event.type !== 'xstate.init') this.#look(actor, event.snapshot as Looks);
        break;
      case '@xstate.snapshot':
        this.#look(actor, event.snapshot as Looks);
        break;
      default:
    }
  };

  /** Everything passes through the session; told is who it is for. */
  #receive(actor: string, message: Message): void {
    const { type, connectionId } = message;
    const isSession = actor === 'session';
    if (type === 'RequestMessage' || type === 'ChannelMessage') {
      if (!isSession) return;
      this.received[message.body.type] = (this.received[message.body.type] ?? 0) + 1;
      // It changes no state, and needs no machine: see the session's fast path.
      const target = `connection ${connectionId}`;
      const state = this.#states.get(target)?.get('') ?? 'gone';
      this.#emit(target, state, state, [wireOf('received', message)]);
    } else if (type === 'ConnectionOpen') {
      if (isSession) this.#note(`connection ${connectionId}`, 'received', message);
    } else if (!isSession || type === 'Ping') {
      this.#note(actor, 'received', message);
    }
  }

  #note(actor: string, direction: Wire['direction'], message: Message): void {
    if (message.type === 'Ping' && direction === 'sent') this.pings++;
    if (message.type === 'Pong' && direction === 'received') this.pongs++;
    const wires = this.#wires.get(actor) ?? [];
    this.#wires.set(actor, [...wires, wireOf(direction, message)]);
  }

  #look(actor: string, { status, value }: Looks): void {
    const before = this.#states.get(actor);
    if (value === undefined) return;
    const after = status === 'stopped' ? new Map([['', 'stopped']]) : regionsOf(value);
    this.#states.set(actor, after);
    const wire = this.#wires.get(actor) ?? [];
    this.#wires.delete(actor);
    const [from, to] = [before?.get(''), after.get('') as string];
    if (from !== to && actor.startsWith('connection')) {
      this.connections[actor] = from === undefined ? to : `${this.connections[actor]} → ${to}`;
    }
    if (from !== to || wire.length > 0) this.#emit(actor, from, to, wire);
    else for (const [region, inner] of after) this.#emitInner(actor, region, before?.get(region), inner);
  }

  #emitInner(actor: string, region: string, from: string | undefined, to: string): void {
    if (region !== '' && from !== undefined && from !== to) this.#emit(actor, from, to, [], region);
  }

  #emit(actor: string, from: string | undefined, to: string, wire: readonly Wire[], region?: string): void {
    const at = (from === undefined && actor === 'session' ? this.#born : undefined) ?? now();
    this.#tell({
      kind: 'entry',
      at,
      process: this.#process,
      actor,
      to,
      wire,
      ...(from === undefined ? {} : { from }),
      ...(region === undefined ? {} : { region }),
    });
  }
}

/** By region; the empty one is the top level. */
type States = ReadonlyMap<string, string>;

type Value = string | { readonly [region: string]: Value };

interface Looks {
  readonly status: string;
  readonly value?: Value;
}

/** Milliseconds since the epoch: the one clock that two processes share, finer than `Date.now`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The root of the tree is the session, and a number is a connection; what has no states of its own is left out. */
function nameOf(actor: AnyActorRef): string | undefined {
  const { id } = actor;
  if (id === 'conduit' || id === 'connections') return undefined;
  if (id === 'handshake' || id === 'keepalive') return id;
  const [, kind, number] = /^(call|answer|offer|sender|receiver|channels)-(\d+)$/.exec(id) ?? [];
  if (kind !== undefined) return `${kind} ${parentOf(actor)?.id}/${number}`;
  return /^\d+$/.test(id) ? `connection ${id}` : 'session';
}

function regionsOf(value: Value): States {
  if (typeof value === 'string') return new Map([['', value]]);
  const [[top, inner] = ['', '']] = Object.entries(value);
  const regions = typeof inner === 'string' ? { '': inner } : inner;
  const leaves = Object.entries(regions).map(([region, leaf]): [string, string] => [
    `${top} ${region}`.trimEnd(),
    typeof leaf === 'string' ? leaf : Object.keys(leaf).join(),
  ]);
  return new Map([['', top], ...leaves]);
}

function wireOf(direction: Wire['direction'], message: Message): Wire {
  switch (message.type) {
    case 'RequestMessage':
    case 'ChannelMessage': {
      const { id, body } = message;
      const bytes = 'args' in body ? body.args : 'ret' in body ? body.ret : 'item' in body ? body.item : undefined;
      const text = `${id}${bytes === undefined ? '' : `, ${bytes.length} bytes`}`;
      return { direction, type: body.type, text, isData: true };
    }
    case 'Ping':
    case 'Pong':
      return { direction, type: message.type, text: String(message.nonce), nonce: Number(message.nonce) };
    case 'ProtocolError':
      return { direction, type: message.type, text: printable(message.description) };
    default:
      return {
        direction,
        type: message.type,
        text: message.metadata.length > 0 ? formatMetadata(message.metadata) : '',
      };
  }
}
