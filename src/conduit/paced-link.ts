import { pacingMachine, type Query } from '../../machines/pacing.js';
import { Fifo } from '../base/fifo.js';
import type { Codec, DecodeLimits } from '../codec/codec.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import type { Link, LinkEvents } from '../link/link.js';
import { type ConnectionId, ROOT } from '../wire/id.js';
import type { Message } from '../wire/message.js';
import { startLink } from './first-frame.js';

const TABLE = tableOf(pacingMachine);

/** A message that is held back. */
interface Held {
  readonly bytes: Uint8Array;
  readonly query: Query | undefined;
  /** True for an Open that was given up before it left. The peer never hears of it. */
  isWithdrawn: boolean;
}

/**
 * Holds messages back while too many would leave behind a Ping or ConnectionOpen of ours; see machines/pacing.ts.
 * Messages that are held back count in `buffered`, as those in any link do. They leave in order.
 */
export class PacedLink implements Link {
  readonly name: string | undefined;
  get releasesSent(): boolean {
    return this.#link.releasesSent === true;
  }
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #limits: DecodeLimits;
  readonly #onRefused: (error: unknown) => void;
  readonly #stepper = new Stepper(TABLE, {});
  readonly #held = new Fifo<Held>();
  /** The Opens among the held messages. */
  readonly #heldOpens = new Map<ConnectionId, Held>();
  #heldBytes = 0;
  /** Bytes of Opens that were withdrawn. They count as retained while any message before them may be. */
  #withdrawnBytes = 0;
  /** True if the state of the stepper is `free`. The hot paths look at nothing else. */
  #isFree = true;
  #isClosing = false;
  #onDrained: () => void = () => {};

  /** `onRefused` gets the error when the link refuses a message that was held back. */
  constructor(link: Link, codec: Codec, limits: DecodeLimits, onRefused: (error: unknown) => void) {
    this.#link = link;
    this.#codec = codec;
    this.#limits = limits;
    this.#onRefused = onRefused;
    this.name = link.name;
    this.#stepper.start();
  }

  get buffered(): number {
    return this.#link.buffered + this.#heldBytes;
  }

  get retained(): number {
    const { retained = this.#link.buffered } = this.#link;
    const rest = retained + this.#heldBytes;
    if (rest === 0) this.#withdrawnBytes = 0;
    return rest + this.#withdrawnBytes;
  }

  /** True if a message that is sent now has to wait for the answer to a query. */
  get isHolding(): boolean {
    const { value } = this.#stepper;
    return value === 'followed' || value === 'doubled';
  }

  start(events: LinkEvents): void {
    this.#onDrained = () => events.drained();
    startLink(this.#link, {
      message: (bytes) => {
        if (!this.#isFree) this.#look(bytes);
        events.message(bytes);
      },
      drained: () => events.drained(),
      ended: () => events.ended(),
      failed: (error) => events.failed(error),
      interrupted: () => events.interrupted?.(),
      restored: () => events.restored?.(),
      frameLimit: events.frameLimit,
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#isFree) this.#link.send(bytes);
    else this.#pass(bytes, undefined);
  }

  /** Sends a message that may be a query, or the end of one. */
  transmit(bytes: Uint8Array, message: Message): void {
    if (message.type === 'ConnectionClose') {
      const held = this.#heldOpens.get(message.connectionId);
      if (held !== undefined) {
        this.#withdraw(message.connectionId, held);
        return;
      }
      this.#end(`ConnectionOpen ${message.connectionId}`);
    }
    this.#pass(bytes, queryOf(message));
  }

  pause(): void {
    this.#link.pause();
  }

  /**
   * Notes that the link is paused, for as long as the application does not read. No answer can come, so nothing is held
   * back.
   */
  block(): void {
    this.#stepper.send({ type: 'link.paused' });
    this.#release();
  }

  resume(): void {
    this.#stepper.send({ type: 'link.resumed' });
    this.#release();
    this.#link.resume();
  }

  close(): void {
    this.#isClosing = true;
    if (this.#held.length === 0) this.#link.close();
  }

  abort(): void {
    this.#held.truncate(0);
    this.#heldOpens.clear();
    this.#heldBytes = 0;
    this.#link.abort();
  }

  #pass(bytes: Uint8Array, query: Query | undefined): void {
    if (!this.isHolding) {
      this.#leave(bytes, query);
      return;
    }
    const held: Held = { bytes, query, isWithdrawn: false };
    this.#held.push(held);
    this.#heldBytes += bytes.length;
    if (query?.startsWith('ConnectionOpen')) this.#heldOpens.set(idOf(query), held);
  }

  #leave(bytes: Uint8Array, query: Query | undefined): void {
    this.#link.send(bytes);
    if (query !== undefined) this.#stepper.send({ type: 'tx.query', query });
    else this.#stepper.send({ type: 'tx.message' });
    this.#isFree = this.#stepper.value === 'free';
  }

  /**
   * Checks if a frame is an answer as soon as it arrives. The frame's turn may come only after the held messages have
   * left.
   */
  #look(bytes: Uint8Array): void {
    let message: Message;
    try {
      message = this.#codec.decode(bytes, this.#limits);
    } catch {
      // The session reports what is wrong with the frame.
      return;
    }
    const query = answered(message);
    if (query !== undefined) this.#end(query);
  }

  #end(query: Query): void {
    this.#stepper.send({ type: 'query.ended', query });
    this.#release();
  }

  /** Withdraws a held Open. Neither the Open nor its Close leaves, and no other message is under way on its id. */
  #withdraw(id: ConnectionId, held: Held): void {
    held.isWithdrawn = true;
    this.#heldOpens.delete(id);
    this.#heldBytes -= held.bytes.length;
    this.#withdrawnBytes += held.bytes.length;
    this.#onDrained();
  }

  /** Sends the held messages, as far as they may leave. */
  #release(): void {
    this.#isFree = this.#stepper.value === 'free';
    if (this.#held.length === 0) return;
    const before = this.#held.length;
    try {
      while (!this.isHolding) {
        const held = this.#held.shift();
        if (held === undefined) break;
        if (held.isWithdrawn) continue;
        const { bytes, query } = held;
        this.#heldBytes -= bytes.length;
        if (query?.startsWith('ConnectionOpen')) this.#heldOpens.delete(idOf(query));
        this.#leave(bytes, query);
      }
    } catch (error) {
      this.#onRefused(error);
      return;
    }
    if (this.#isClosing && this.#held.length === 0) this.#link.close();
    else if (this.#held.length < before) this.#onDrained();
  }
}

function queryOf({ type, ...message }: Message): Query | undefined {
  if (type === 'Ping') return `Ping ${(message as { nonce: bigint }).nonce}`;
  return type === 'ConnectionOpen' ? `ConnectionOpen ${message.connectionId}` : undefined;
}

function idOf(query: Query): ConnectionId {
  return Number(query.slice(query.indexOf(' ')));
}

/** Returns the query of ours that a message of the peer answers, if there is one. */
function answered(message: Message): Query | undefined {
  switch (message.type) {
    case 'Pong':
      return message.connectionId === ROOT ? `Ping ${message.nonce}` : undefined;
    case 'ConnectionAccept':
    case 'ConnectionReject':
    case 'ConnectionClose':
      return `ConnectionOpen ${message.connectionId}`;
    default:
      return undefined;
  }
}
