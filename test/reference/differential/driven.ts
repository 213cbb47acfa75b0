import {
  type Caller,
  Cancelled,
  ChannelClosed,
  type Connection,
  channel,
  type IncomingRequest,
  type OfferedChannel,
  type Rx,
  type Tx,
  UnknownMethod,
} from '../../../src/index.js';
import { type ChannelId, nextId } from '../../../src/wire/id.js';
import { CREDIT, METHOD } from './calls-model.js';
import { bytesOf, type Event, type Step } from './script.js';

/** The replies that services send in postcard instead of a result. */
const REFUSALS = {
  unknownMethod: Uint8Array.of(1, 1),
  invalidPayload: Uint8Array.of(1, 2),
  cancelled: Uint8Array.of(1, 3),
};

/** The state that the connections of one session share. */
export interface Shared {
  log(event: Event): void;
  /** Handlers that wait to be told to answer. */
  readonly held: (() => void)[];
  /** By channel id; of two with the same id, the later. */
  readonly sinks: Map<ChannelId, Tx>;
  readonly aborts: Map<number, AbortController>;
}

type CallStep = Step & { readonly do: 'call' | 'call-tx' | 'call-rx' };

/** A connection that makes and answers calls, as the oracle's drivers do. */
export class Driven {
  readonly #shared: Shared;
  readonly #connection: Connection;
  /** Absent if the connection was over before its driver began. */
  readonly #caller: Caller | undefined;
  #isReleased = false;
  #lastChannel: ChannelId = 0;

  constructor(shared: Shared, connection: Connection) {
    this.#shared = shared;
    this.#connection = connection;
    if (!connection.isConnected) return;
    this.#caller = connection.caller();
    connection.serve((request) => this.#handle(request), { refusals: REFUSALS, credit: CREDIT });
  }

  use(step: CallStep | (Step & { readonly do: 'release' })): void {
    const caller = this.#caller;
    if (this.#isReleased) this.#shared.log({ ev: 'no-handle', id: this.#connection.id });
    else if (step.do !== 'release') this.#call(caller, step);
    else {
      this.#isReleased = true;
      caller?.release();
    }
  }

  #call(caller: Caller | undefined, { do: kind, ref, method, hex }: CallStep): void {
    // The connection was over before its driver began, so there is no caller.
    if (caller === undefined) {
      this.#shared.log({ ev: 'call-failed', ref });
      return;
    }
    const abort = new AbortController();
    this.#shared.aborts.set(ref, abort);
    const channels = kind === 'call' ? [] : [this.#pass(kind)];
    caller.call(BigInt(method), bytesOf(hex), { channels, signal: abort.signal }).then(
      ({ ret }) => this.#shared.log({ ev: 'call-ok', ref, ret: Buffer.from(ret).toString('hex') }),
      // The application has given up an aborted call and does not wait for it, so the failure is not logged.
      () => abort.signal.aborted || this.#shared.log({ ev: 'call-failed', ref }),
    );
  }

  /** Makes a channel and returns the peer's end. Our end stays here. */
  #pass(kind: 'call-tx' | 'call-rx'): Tx | Rx {
    const [tx, rx] = channel({ credit: CREDIT });
    this.#lastChannel = nextId(this.#lastChannel, this.#connection.parity);
    if (kind === 'call-tx') this.#shared.sinks.set(this.#lastChannel, tx);
    else void this.#drain(this.#lastChannel, rx);
    return kind === 'call-tx' ? rx : tx;
  }

  async #handle({ methodId, args, channels, signal }: IncomingRequest): Promise<Uint8Array> {
    const { id } = this.#connection;
    const hex = Buffer.from(args).toString('hex');
    const ids = channels.map((offered) => offered.id);
    this.#shared.log({ ev: 'call', id, method: Number(methodId), channels: ids, args: hex });
    let isDone = false;
    signal.addEventListener('abort', () => isDone || this.#shared.log({ ev: 'aborted', id, args: hex }));
    try {
      await this.#work(Number(methodId), args, channels, signal);
    } finally {
      isDone = true;
    }
    return Uint8Array.of(0, ...args);
  }

  /** Works like the oracle's handlers. @throws where there is no result. */
  async #work(
    method: number,
    args: Uint8Array,
    channels: readonly OfferedChannel[],
    signal: AbortSignal,
  ): Promise<void> {
    const [offered, ...others] = channels;
    const only = others.length > 0 ? undefined : offered;
    switch (method) {
      case METHOD.echo:
        return;
      case METHOD.held:
        await new Promise<void>((resolve) => this.#shared.held.push(resolve));
        return;
      case METHOD.noReply:
        throw new Cancelled('local');
      case METHOD.receive:
        if (only === undefined) break;
        await this.#receive(only, signal);
        return;
      case METHOD.send:
        if (only === undefined) break;
        await send(only.send({ credit: CREDIT }), args[0] ?? 0, signal);
        return;
      default:
    }
    throw new UnknownMethod();
  }

  async #receive(offered: OfferedChannel, signal: AbortSignal): Promise<void> {
    const rx = offered.receive({ credit: CREDIT });
    let isAborted = false;
    signal.addEventListener('abort', () => {
      isAborted = true;
      // In Rust, dropping the receiver sends no message: see the table.
      rx.reset();
    });
    await this.#drain(offered.id, rx, () => isAborted);
  }

  /** Reads a channel to its end. */
  async #drain(id: ChannelId, rx: Rx, isAborted: () => boolean = () => false): Promise<void> {
    let end = 'channel-closed';
    try {
      for await (const item of rx) {
        this.#shared.log({ ev: 'item', channel: id, hex: Buffer.from(item).toString('hex') });
      }
    } catch (error) {
      end = error instanceof ChannelClosed ? 'channel-reset' : 'channel-over';
    }
    if (!isAborted()) this.#shared.log({ ev: end, channel: id });
  }
}

/** Sends `count` items, each the byte of its number, and a Close. */
async function send(tx: Tx, count: number, signal: AbortSignal): Promise<void> {
  signal.addEventListener('abort', () => tx.abort());
  try {
    for (let item = 0; item < count; item++) await tx.send(Uint8Array.of(item));
  } catch {
    // The receiver has reset the channel, or the connection is over.
  }
  await tx.close();
}
