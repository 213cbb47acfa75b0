/** The real parties: a connection of the public interface, with a user that follows the model's inputs. */

import { messagePack } from '../../../src/codec/msgpack/msgpack.js';
import {
  type Caller,
  type Connection,
  channel,
  type OfferedChannel,
  type Reply,
  type Rx,
  type Tx,
} from '../../../src/index.js';
import type { AnswererOptions, AnswererState } from './answerer.js';
import type { CallerState } from './caller.js';
import type { Input } from './party.js';
import type { ReceiverOptions, ReceiverState } from './receiver.js';
import type { SenderOptions, SenderState } from './sender.js';

const CANCELLED = new Uint8Array([9]);
const NOTHING = new Uint8Array();

/** One party, with the actions and observations of its user. */
export abstract class ActualParty {
  readonly connection: Connection;
  /** The kind of messages that the party's model covers. */
  abstract readonly kind: 'RequestMessage' | 'ChannelMessage';
  #seen: string[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Starts the party. Called when both exist. */
  start(): void {}

  /** Fills the room that it has beyond the model's. */
  fill(_: (bytes: Uint8Array) => void): void {}

  begin(): void {
    this.#seen = [];
  }

  /** Returns the observations of its user since {@link begin}. */
  seen(): readonly string[] {
    return this.#seen.sort();
  }

  abstract act(input: Input, before: never): void;

  /** Returns the user's observations of a step, according to the model. */
  abstract expected(input: Input, before: never, after: never): readonly string[];

  protected see(what: string): void {
    this.#seen.push(what);
  }
}

function ofOf(input: Input): number {
  return (input as { readonly of: number }).of;
}

/** Returns the error code of a call or a send. */
function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

export class ActualCaller extends ActualParty {
  readonly kind = 'RequestMessage';
  readonly #aborts: AbortController[] = [];
  /** The caller is never released: the connection must stay when all calls are over. */
  readonly #caller: Caller;

  constructor(connection: Connection) {
    super(connection);
    // Serving and a caller make the connection handle requests. Without them it would only deliver messages.
    connection.serve(() => NOTHING);
    this.#caller = connection.caller();
  }

  act(input: Input): void {
    if (input.type === 'abort') this.#aborts[ofOf(input)]?.abort();
    else if (input.type === 'fail') this.connection.markFailure(ofOf(input) * 2 + 1, 'it failed');
    else this.#call();
  }

  #call(): void {
    const of = this.#aborts.push(new AbortController()) - 1;
    const { signal } = this.#aborts[of] as AbortController;
    this.#caller.call(1n, NOTHING, { signal }).then(
      () => this.see(`${of} answered`),
      (error: unknown) => this.see(`${of} ${codeOf(error)}`),
    );
  }

  expected(input: Input, { calls: were, isOver: wasOver }: CallerState, { calls, isOver }: CallerState): string[] {
    const how = isOver && !wasOver ? 'connection-closed' : input.type === 'message' ? 'answered' : 'cancelled';
    return calls
      .flatMap(({ isSettled }, of) => (isSettled && were[of]?.isSettled !== true ? [`${of} ${how}`] : []))
      .sort();
  }
}

interface Work {
  readonly id: number;
  finish(how: 'reply' | 'throw' | 'late'): void;
}

export class ActualAnswerer extends ActualParty {
  readonly kind = 'RequestMessage';
  /** The calls at work, in the order of their arrival. */
  readonly #work: Work[] = [];

  constructor(connection: Connection, { listens }: AnswererOptions) {
    super(connection);
    const refusals = { cancelled: CANCELLED, unknownMethod: CANCELLED, invalidPayload: CANCELLED };
    connection.serve(
      ({ id, signal }) => {
        this.see(`asked ${id}`);
        return new Promise<Reply>((resolve, reject) => {
          const work: Work = {
            id,
            finish: (how) => {
              this.#work.splice(this.#work.indexOf(work), 1);
              if (how === 'throw') reject(new Error('it threw'));
              else resolve(new Uint8Array([how === 'reply' ? 1 : 2]));
            },
          };
          this.#work.push(work);
          signal.addEventListener('abort', () => this.see(`gave up ${id}`));
          if (listens) signal.addEventListener('abort', () => this.#work.includes(work) && work.finish('late'));
        });
      },
      { refusals },
    );
  }

  act(input: Input, { answers }: AnswererState): void {
    const of = ofOf(input);
    const { id } = answers[of] as AnswererState['answers'][number];
    // An adversary may have called twice with one id.
    const before = answers.slice(0, of).filter((answer) => answer.id === id && answer.isAtWork).length;
    this.#work.filter((work) => work.id === id)[before]?.finish(input.type as 'reply' | 'throw');
  }

  expected(input: Input, { answers, isOver: wasOver }: AnswererState, { isOver }: AnswererState): string[] {
    const waiting = answers.filter(({ isAnswered }) => !isAnswered);
    if (isOver) return wasOver ? [] : waiting.map(({ id }) => `gave up ${id}`).sort();
    if (!('message' in input)) return [];
    const { id, body } = input.message;
    if (body.type === 'Call') return [`asked ${id}`];
    return waiting.some((answer) => answer.id === id && !answer.isEclipsed) ? [`gave up ${id}`] : [];
  }
}

export class ActualSender extends ActualParty {
  readonly kind = 'ChannelMessage';
  readonly #caller: Caller;
  readonly #tx: Tx;
  readonly #rx: Rx;
  #made = 0;

  constructor(connection: Connection, { credit }: SenderOptions) {
    super(connection);
    this.#caller = connection.caller();
    [this.#tx, this.#rx] = channel({ credit });
  }

  override start(): void {
    this.#caller.call(1n, NOTHING, { channels: [this.#rx] }).catch(() => {});
  }

  act(input: Input): void {
    if (input.type === 'finish') {
      void this.#tx.close();
      return;
    }
    const number = ++this.#made;
    this.#tx.send(new Uint8Array([number])).then(
      () => this.see(`sent ${number}`),
      () => this.see(`failed ${number}`),
    );
  }

  expected(_: Input, before: SenderState, after: SenderState): string[] {
    const sent = Array.from({ length: after.sent - before.sent }, (__, at) => `sent ${before.sent + at + 1}`);
    const isEnd = after.hasEnded && !before.hasEnded;
    const failed = isEnd ? before.waiting.slice(sent.length).map((number) => `failed ${number}`) : [];
    return [...sent, ...failed].sort();
  }
}

/** The number of items that a receiver has room for beyond its credit. */
const ROOM = 16;

export class ActualReceiver extends ActualParty {
  readonly kind = 'ChannelMessage';
  readonly #options: ReceiverOptions;
  #offered: OfferedChannel | undefined;
  #finish: (() => void) | undefined;
  #rx: Rx | undefined;
  #items: AsyncIterator<Uint8Array, undefined> | undefined;
  #filled = 0;

  constructor(connection: Connection, options: ReceiverOptions) {
    super(connection);
    this.#options = options;
    connection.serve(
      ({ channels }) => {
        this.#offered = channels[0];
        if (!options.isLate) this.#bind();
        return new Promise<Reply>((resolve) => {
          this.#finish = () => resolve(NOTHING);
        });
      },
      { credit: options.window },
    );
  }

  #bind(): void {
    this.#rx = this.#offered?.receive();
    this.#items = this.#rx?.[Symbol.asyncIterator]();
  }

  override fill(hear: (bytes: Uint8Array) => void): void {
    const { room, window, isLate } = this.#options;
    // Two conforming parties never need the room.
    if (isLate || room === window) return;
    this.#filled = ROOM - room;
    this.#rx?.grant(this.#filled);
    const body = { type: 'Item', item: NOTHING } as const;
    for (let count = 0; count < this.#filled; count++) {
      hear(messagePack.encode({ type: 'ChannelMessage', connectionId: 1, id: 1, body }));
    }
  }

  act(input: Input): void {
    switch (input.type) {
      case 'bind':
        this.#bind();
        return;
      case 'refuse':
        this.#finish?.();
        return;
      case 'grant':
        this.#rx?.grant(this.#options.hands?.additional ?? 0);
        return;
      case 'reset':
        this.#rx?.reset();
        return;
      default:
        void this.#items?.next().then(
          ({ value }) => this.see(`took ${this.#filled > 0 ? '' : (value?.[0] ?? 'nothing')}`),
          (error: unknown) => this.see(codeOf(error)),
        );
    }
  }

  expected(input: Input, _: ReceiverState, { taken }: ReceiverState): string[] {
    return input.type === 'take' ? [`took ${this.#filled > 0 ? '' : taken}`] : [];
  }
}
