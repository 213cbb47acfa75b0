import {
  type Call,
  type Connection,
  type KeepaliveSettings,
  type Metadata,
  type OpenRequest,
  type Role,
  SENSITIVE,
  Sensitive,
  type Session,
  type SessionOptions,
  type StartOptions,
} from '../../index.js';
import { entry, formatMetadata, stringIn } from '../metadata.js';
import type { Facts } from './demo-event.js';
import type { Recorder } from './recorder.js';
import { Talk } from './talk.js';

// The constants that both processes know, and that the summary expects.

/** A token that both peers send in the handshake, marked SENSITIVE. The demo must never print it. */
export const TOKEN = 'correct-horse-battery-staple';

/** Returns the args. */
export const ECHO = 1n;
/** Receives the items of the channel that the Call names, and returns how many there were. */
const COLLECT = 2n;

export const WORDS: readonly string[] = ['statecharts', 'all the way', 'down'];
export const ITEMS: readonly string[] = ['one', 'two', 'three', 'four', 'five'];

/** Returns the receiver's response to a Call with a channel: the number of items. */
export function receiptFor(items: readonly unknown[]): string {
  return `${items.length} items`;
}

/** The metadata of a Reject for an unknown service. */
export const REJECTION: Metadata = [entry('reason', 'no such service'), { key: 'offered', value: 2n, flags: 0n }];

/** The metadata of each side's Close. */
export const FAREWELL: Readonly<Record<Role, Metadata>> = {
  initiator: [entry('bye', 'from the initiator')],
  acceptor: [entry('bye', 'from the acceptor')],
};

/** The input of a process of the demo. */
export interface Part {
  readonly keepalive: KeepaliveSettings;
  readonly options: Pick<SessionOptions, 'conformance'>;
  readonly recorder: Recorder;
  /** Sees the session for the recorder, and for the viewer if there is one. */
  readonly inspect: Required<StartOptions>['inspect'];
  /** Announces the next scene, and pauses so that people can follow. */
  scene(title: string): Promise<void>;
  /** Waits while a page of the viewer shows the sessions. */
  hold(): Promise<void>;
}

export function greeting(role: Role): Metadata {
  return [entry('name', role), { key: 'token', value: new Sensitive(TOKEN), flags: SENSITIVE }];
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

export function text(buffer: Uint8Array): string {
  return Buffer.from(buffer).toString('utf8');
}

/** Returns the service that the peer's open asks for. */
export function serviceOf({ metadata }: OpenRequest): string | undefined {
  return stringIn(metadata, 'to');
}

/** One of the two connections between the processes. Each side answers the other's Calls. */
export class Desk {
  readonly talk: Talk;
  echoes: string[] = [];
  items: string[] = [];
  receipt = '';
  #asked = 0;
  #answered = 0;
  #changed: () => void = () => {};

  constructor(connection: Connection) {
    this.talk = new Talk(connection, async (call) => {
      this.#asked++;
      this.#changed();
      const ret = await this.#answer(call);
      this.#answered++;
      this.#changed();
      return ret;
    });
  }

  async sendWords(): Promise<void> {
    const answers = await Promise.all(WORDS.map((word) => this.talk.call(ECHO, bytes(word))));
    this.echoes = answers.map(text);
  }

  async sendItems(): Promise<void> {
    this.receipt = text(await this.talk.callWithItems(COLLECT, ITEMS.map(bytes)));
  }

  /** Resolves when the peer has made this many Calls. */
  async asked(calls: number): Promise<void> {
    while (this.#asked < calls) await this.#change();
  }

  /** Resolves when this many of the peer's Calls have been answered. */
  async answered(calls: number): Promise<void> {
    while (this.#answered < calls) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  async #answer({ methodId, channels: [channel], args }: Call): Promise<Uint8Array> {
    if (methodId !== COLLECT || channel === undefined) return args;
    this.items = (await this.talk.receive(channel)).map(text);
    return bytes(receiptFor(this.items));
  }
}

/** The connections between the processes: the one that we open, and the one that the peer opens. */
export class Desks {
  ours: Desk | undefined;
  theirs: Desk | undefined;
  readonly theirsOpened: Promise<Desk>;
  #resolve: (desk: Desk) => void = () => {};

  constructor() {
    this.theirsOpened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  async open(session: Session): Promise<Desk> {
    this.ours = new Desk(await session.open({ metadata: [entry('to', 'desk')] }));
    return this.ours;
  }

  readonly accept = (connection: Connection): void => {
    this.theirs = new Desk(connection);
    this.#resolve(this.theirs);
  };
}

/**
 * Plays a part until it or the session ends. After the session's end the part has no peer left to wait for. Resolves with
 * the facts that the process reports.
 */
export async function play(
  session: Session,
  { recorder }: Part,
  desks: Desks,
  part: () => Promise<void>,
): Promise<Facts> {
  const { peerMetadata, localSettings } = session.root;
  const token = peerMetadata.find(({ key }) => key === 'token')?.value;
  const { closed } = session;
  let trouble: unknown;
  const played = part().catch((error: unknown) => {
    trouble = error;
    session.shutdown();
  });
  await Promise.race([played, closed]);
  const { cause, by } = await closed;
  // When the session has ended for another reason, that also made the part fail. The facts report it as `closed`.
  if (cause === 'shutdown') throw trouble;
  const { ours, theirs } = desks;
  const close = await theirs?.talk.connection.closed;
  return {
    parity: localSettings.parity,
    peerName: stringIn(peerMetadata, 'name') ?? '',
    isTokenRight: token instanceof Sensitive && token.reveal() === TOKEN,
    echoes: ours?.echoes ?? [],
    items: theirs?.items ?? [],
    overruns: (ours?.talk.overruns ?? 0) + (theirs?.talk.overruns ?? 0),
    receipt: ours?.receipt ?? '',
    farewell: formatMetadata(close?.metadata ?? []),
    closed: `${cause}, by ${by}`,
    pings: recorder.pings,
    pongs: recorder.pongs,
    received: recorder.received,
    connections: recorder.connections,
  };
}
