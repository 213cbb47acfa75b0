import * as Spec from '../../spec/rows/vocabulary-calls.js';
import {
  type Caller,
  type CallResult,
  type Connection,
  channel,
  type IncomingRequest,
  type Metadata,
  type Reply,
  Rx,
  type Tx,
  UnknownMethod,
} from '../../src/index.js';
import type { Recorder } from './recorder.js';

/** The answer to a call. */
export class Answered {
  readonly result: CallResult;

  constructor(result: CallResult) {
    this.result = result;
  }
}

/** The result of a read on a receiver. */
export class Taken {
  readonly result: IteratorResult<Uint8Array, undefined>;

  constructor(result: IteratorResult<Uint8Array, undefined>) {
    this.result = result;
  }
}

interface Work {
  readonly request: IncomingRequest;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

interface Host {
  readonly recorder: Recorder;
  track(as: string, call: () => Promise<unknown>): void;
  /** Returns the signal of that name. The promise `as` waits with it. */
  signalFor(name: string | undefined, as: string): AbortSignal | undefined;
  /** Returns the caller that the action 'caller' has given this name. */
  callerNamed(name: string): Caller;
}

/** Plays the actions of a case's application on calls and channels. */
export class CallsPlayer {
  readonly #host: Host;
  readonly #callers = new Map<Connection, Caller>();
  readonly #work = new Map<number, Work>();
  readonly #ends = new Map<Spec.ChannelName, Tx | Rx>();
  readonly #readers = new Map<Rx, AsyncIterator<Uint8Array, undefined>>();

  constructor(host: Host) {
    this.#host = host;
  }

  use(action: Spec.CallsAction): void {
    const { recorder } = this.#host;
    switch (action.user) {
      case 'call':
        this.#call(action);
        break;
      case 'markFailure':
        recorder.named(action.on).markFailure(action.requestId, action.reason);
        break;
      case 'serve': {
        const credit = action.credit === undefined ? {} : { credit: action.credit };
        recorder.named(action.on).serve((request) => this.#handle(request), { ...credit, refusals: Spec.REFUSED });
        break;
      }
      case 'reply': {
        const { channels = [], ...reply } = action.answer;
        this.#worker(action.request).resolve({ ...reply, channels: channels.map((one) => this.#pass(one)) });
        break;
      }
      case 'fail':
        this.#worker(action.request).reject(new UnknownMethod());
        break;
      case 'bind': {
        const offered = this.#worker(action.request).request.channels[action.index ?? 0];
        if (offered === undefined) throw new Error(`request ${action.request} has named no such channel`);
        const options = action.credit === undefined ? {} : { credit: action.credit };
        this.#ends.set(action.as, action.end === 'rx' ? offered.receive(options) : offered.send(options));
        break;
      }
      case 'sendItem':
        this.#host.track(action.as, () => this.#sender(action.channel).send(action.item));
        break;
      case 'closeChannel':
        this.#host.track(action.as, () => this.#sender(action.channel).close(metadataOf(action)));
        break;
      case 'take':
        this.#host.track(action.as, async () => new Taken(await this.#reader(action.channel).next()));
        break;
      case 'grant':
        this.#receiver(action.channel).grant(action.additional);
        break;
      case 'resetChannel':
        this.#receiver(action.channel).reset(metadataOf(action));
        break;
    }
  }

  #call(action: Spec.CallsAction & { user: 'call' }): void {
    const { on, by, as, args, channels = [], metadata, signal: name, timeout } = action;
    const connection = this.#host.recorder.named(on);
    const signal = this.#host.signalFor(name, as);
    this.#host.track(as, () => {
      const caller = by === undefined ? this.#callerOf(connection) : this.#host.callerNamed(by);
      return caller
        .call(1n, args, {
          channels: channels.map((one) => this.#pass(one)),
          ...(metadata === undefined ? {} : { metadata }),
          ...(signal === undefined ? {} : { signal }),
          ...(timeout === undefined ? {} : { timeout }),
        })
        .then((result) => new Answered(result));
    });
  }

  #callerOf(connection: Connection): Caller {
    const caller = this.#callers.get(connection) ?? connection.caller();
    this.#callers.set(connection, caller);
    return caller;
  }

  /** Makes a channel, and returns the end for the peer. */
  #pass({ pass, as, credit }: Spec.PassedChannel): Tx | Rx {
    const [tx, rx] = channel(credit === undefined ? {} : { credit });
    this.#ends.set(as, pass === 'tx' ? rx : tx);
    return pass === 'tx' ? tx : rx;
  }

  #handle(request: IncomingRequest): Promise<Reply> {
    const { id, methodId, args, metadata, channels, signal } = request;
    const { recorder } = this.#host;
    recorder.now.handled.push({ id, methodId, args, metadata, offers: channels.length });
    signal.addEventListener('abort', () => recorder.now.givenUp.push(id));
    return new Promise((resolve, reject) => this.#work.set(id, { request, resolve, reject }));
  }

  #worker(request: number): Work {
    const work = this.#work.get(request);
    if (work === undefined) throw new Error(`no handler has got request ${request}`);
    return work;
  }

  #sender(name: Spec.ChannelName): Tx {
    return this.#ends.get(name) as Tx;
  }

  #receiver(name: Spec.ChannelName): Rx {
    const end = this.#ends.get(name);
    if (!(end instanceof Rx)) throw new Error(`no receiver is named ${name}`);
    return end;
  }

  #reader(name: Spec.ChannelName): AsyncIterator<Uint8Array, undefined> {
    const rx = this.#receiver(name);
    const reader = this.#readers.get(rx) ?? rx[Symbol.asyncIterator]();
    this.#readers.set(rx, reader);
    return reader;
  }
}

function metadataOf({ metadata }: { readonly metadata?: Metadata }): { metadata?: Metadata } {
  return metadata === undefined ? {} : { metadata };
}
