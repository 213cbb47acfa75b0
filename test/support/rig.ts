import { expect } from '@jest/globals';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { Report } from '../../src/base/report.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';
import type { Message } from '../../src/wire/message.js';
import { VirtualClock } from './clock.js';
import { ControlledLink } from './link.js';
import { ScriptedPeer } from './peer.js';
import { settle } from './settle.js';

/** The first message of the scripted peer, which gives the peer even parity. */
export const HELLO_YOURSELF: Message = {
  type: 'HelloYourself',
  connectionId: 0,
  connectionSettings: { parity: 'even', maxConcurrentRequests: 64 },
  metadata: [],
};

export const HELLO: Message = {
  type: 'Hello',
  connectionId: 0,
  version: 7,
  connectionSettings: { parity: 'even', maxConcurrentRequests: 64 },
  metadata: [],
};

/** The peer's Open of one of its ids. */
export function openOf(connectionId: number): Message {
  return {
    type: 'ConnectionOpen',
    connectionId,
    connectionSettings: { parity: 'even', maxConcurrentRequests: 64 },
    metadata: [],
  };
}

export function acceptOf(connectionId: number): Message {
  return {
    type: 'ConnectionAccept',
    connectionId,
    connectionSettings: { parity: 'even', maxConcurrentRequests: 64 },
    metadata: [],
  };
}

export function closeOf(connectionId: number): Message {
  return { type: 'ConnectionClose', connectionId, metadata: [] };
}

export function pingOf(nonce: number | bigint): Message {
  return { type: 'Ping', connectionId: 0, nonce: BigInt(nonce) };
}

/** An item that carries its number, and as many bytes more as it is told. */
export function itemOf(connectionId: number, number: number, padding = 0): Message & { type: 'ChannelMessage' } {
  const item = new Uint8Array(4 + padding);
  new DataView(item.buffer).setUint32(0, number);
  return { type: 'ChannelMessage', connectionId, id: 2, body: { type: 'Item', item } };
}

/** The number in a message that {@link itemOf} made; -1 for any other. */
export function numberOf(message: Message): number {
  if (message.type !== 'ChannelMessage' || message.body.type !== 'Item') return -1;
  const { item } = message.body;
  return new DataView(item.buffer, item.byteOffset).getUint32(0);
}

export interface RigOptions extends StartOptions {
  readonly role?: 'initiator' | 'acceptor';
}

/** One session, its surroundings, and the peer that the test plays. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly link: ControlledLink;
  readonly peer: ScriptedPeer;
  readonly reports: Report[] = [];
  readonly actors: AnyActorRef[] = [];
  /** The promise of `initiate` or `accept`. */
  readonly starting: Promise<Session>;
  readonly #waiting = new Map<string, Promise<unknown>>();
  readonly #settled: Record<string, unknown> = {};

  constructor({ role = 'initiator', ...options }: RigOptions = {}) {
    const [near, far] = memoryLinkPair({ capacity: 1024 });
    this.link = new ControlledLink(near);
    this.peer = new ScriptedPeer(far);
    this.starting = (role === 'initiator' ? initiate : accept)(this.link, {
      clock: this.clock,
      onReport: (report) => this.reports.push(report),
      inspect: (event: InspectionEvent) => {
        if (event.type === '@xstate.actor') this.actors.push(event.actorRef as AnyActorRef);
      },
      ...options,
    });
    this.track('start', this.starting);
  }

  /** The peer sends messages. Returns its received messages once all effects are done. */
  async say(...messages: Parameters<ScriptedPeer['say']>): Promise<readonly Message[]> {
    this.peer.say(...messages);
    return this.heard();
  }

  /** Returns the messages that the peer has heard, once all pending work is done. */
  async heard(): Promise<readonly Message[]> {
    await settle();
    return this.peer.take();
  }

  /** Notes how a promise settles. */
  track(name: string, promise: Promise<unknown>): void {
    expect(this.#waiting.has(name)).toBe(false);
    this.#waiting.set(name, promise);
    promise.then(
      (value) => {
        this.#settled[name] = value;
      },
      (error: unknown) => {
        this.#settled[name] = error instanceof Error ? brief(error) : error;
      },
    );
  }

  /** The promises that have settled so far, and how; an error as {@link brief} has it. */
  get settled(): Record<string, unknown> {
    return { ...this.#settled };
  }

  /** The resources that a session that is over still holds: `NOTHING_LEFT`, or the test says which. */
  get leftovers(): unknown {
    const actors = this.actors.filter((actor) => actor.getSnapshot().status === 'active').map(({ id }) => id);
    return { actors, timers: this.clock.size, isLinkClosed: this.link.isClosed };
  }
}

export const NOTHING_LEFT = { actors: [], timers: 0, isLinkClosed: true };

/** Returns the fields that tell errors apart, as a whole value. */
export function brief(error: Error): unknown {
  const { name, message, cause } = error;
  return { name, message, ...(cause === undefined ? {} : { cause: cause instanceof Error ? brief(cause) : cause }) };
}

/** A session that is established, with a peer that has heard nothing yet. */
export async function established(options: RigOptions = {}): Promise<{ rig: Rig; session: Session }> {
  const rig = new Rig(options);
  rig.peer.say(options.role === 'acceptor' ? HELLO : HELLO_YOURSELF);
  const session = await rig.starting;
  await settle();
  rig.peer.take();
  return { rig, session };
}
