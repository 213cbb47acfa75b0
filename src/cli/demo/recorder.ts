import type { AnyActorRef, InspectionEvent } from 'xstate';
import { printable } from '../../base/printable.js';
import { parentOf } from '../../compile/internals.js';
import type { Message, Role } from '../../index.js';
import { formatMetadata } from '../metadata.js';
import type { Entry, Wire } from './demo-event.js';

/** Observes the actors of a session through XState's inspection, and reports their changes as plain text. */
export class Recorder {
  readonly #process: Role;
  readonly #tell: (entry: Entry) => void;
  readonly #states = new Map<string, States>();
  /** The messages that each actor has sent and received since its last entry. */
  readonly #wires = new Map<string, Wire[]>();
  /** When the session began. Its first snapshot comes after those of its children, so the entry needs this time. */
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
        // A call or a channel is reported by its states. Its messages are those of its connection.
        if (event.event.type.startsWith('rx.') && !actor.includes('/'))
          this.#receive(actor, (event.event as unknown as { message: Message }).message);
        break;
      case '@xstate.actor':
        if (actor === 'session') this.#born = now();
        break;
      // The first messages of an actor come between its first microstep and its first snapshot.
      case '@xstate.microstep':
        if (event.event.type !== 'xstate.init') this.#look(actor, event.snapshot as Looks);
        break;
      case '@xstate.snapshot':
        this.#look(actor, event.snapshot as Looks);
        break;
      default:
    }
  };

  /** Records a message. All messages pass through the session, but the entry names the connection that a message is for. */
  #receive(actor: string, message: Message): void {
    const { type, connectionId } = message;
    const isSession = actor === 'session';
    if (type === 'RequestMessage' || type === 'ChannelMessage') {
      if (!isSession) return;
      this.received[message.body.type] = (this.received[message.body.type] ?? 0) + 1;
      // The message changes no state and needs no machine: see the session's fast path.
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

/** The state of each region, by the region's path. The empty path is the top level. */
type States = ReadonlyMap<string, string>;

type Value = string | { readonly [region: string]: Value };

interface Looks {
  readonly status: string;
  readonly value?: Value;
}

/** Returns milliseconds since the epoch. Both processes share this clock, and it is finer than `Date.now`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Names an actor. The root of the tree is the session, and a number is a connection. Undefined for an actor without states.
 */
function nameOf(actor: AnyActorRef): string | undefined {
  const { id } = actor;
  if (id === 'handshake' || id === 'keepalive') return id;
  // What has no actor of its own: calls and channels, and the charts of all of them.
  const [, kind, number] = /^(\w+)-(\d+)$/.exec(id) ?? [];
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
