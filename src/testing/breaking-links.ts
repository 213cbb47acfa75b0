/**
 * The cases of links that outlive their connections, docs/reliable.md. The tester is the dialer: it greets, counts, loses its
 * connection and comes back, by bytes of its own. Each message of the session below is a frame with a number.
 */
import { LinkError } from '../base/errors.js';
import { DEFAULT_LIMITS } from '../base/limits.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';
import {
  ABORT,
  ACK,
  ANSWER,
  CLOSE,
  DATA,
  type Frame,
  frame,
  headerSize,
  PROBE,
  putHeader,
  readFrame,
  SETTINGS,
} from '../reliable/frames.js';
import { clientHello, KEY_LENGTH, readServerHello, type ServerHello } from '../reliable/hello.js';
import type { Message } from '../wire/message.js';
import type { Said } from './exchange.js';
import type { ConformanceResult } from './options.js';
import { hello, ping, pong } from './phrases.js';

/** Where the rules stand: reliable.md. */
const ROW = 'reliable';

/** The tester's window: each link begins with it. */
const OURS = frame(SETTINGS, 1024, 4 * 2 ** 20, 0);

/** What is wrong with the peer. */
class Wrong extends Error {}

/** One connection to the acceptor under test. */
class Attempt {
  readonly #link: Link;
  readonly #heard: (Uint8Array | 'end')[] = [];
  readonly #patience: number;
  #wake: (() => void) | undefined;

  constructor(link: Link, patience: number) {
    this.#link = link;
    this.#patience = patience;
    link.start({
      message: (bytes) => this.#hear(bytes.slice()),
      drained: () => {},
      ended: () => this.#hear('end'),
      failed: () => this.#hear('end'),
    });
  }

  #hear(what: Uint8Array | 'end'): void {
    this.#heard.push(what);
    this.#wake?.();
  }

  send(...all: readonly Uint8Array[]): void {
    try {
      for (const bytes of all) this.#link.send(bytes);
    } catch {
      // The connection is over, and its end is among what is heard.
    }
  }

  /** Breaks the connection. */
  cut(): void {
    this.#link.abort();
  }

  /** Returns the next message of the connection, or its end. */
  async next(awaited: string): Promise<Uint8Array | 'end'> {
    if (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#patience);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    const heard = this.#heard.shift();
    if (heard === undefined) throw new Wrong(`${awaited} did not come within ${this.#patience} ms`);
    return heard;
  }

  async greeting(): Promise<ServerHello> {
    const bytes = await this.next('the greeting');
    const read = bytes === 'end' ? undefined : readServerHello(bytes);
    if (read === undefined)
      throw new Wrong(bytes === 'end' ? 'the connection ends without a greeting' : 'no greeting comes first');
    return read;
  }

  async frame(awaited: string): Promise<Frame> {
    const bytes = await this.next(awaited);
    if (bytes === 'end') throw new Wrong(`the connection ends, and not ${awaited} comes`);
    const read = readFrame(bytes);
    if (read === undefined) throw new Wrong(`bytes that are no frame come, and not ${awaited}`);
    if (read.kind === ABORT) throw new Wrong(`the peer gives the link up, and not ${awaited} comes`);
    return read;
  }

  /** Passes over frames of other kinds. */
  async frameOf<Kind extends Frame['kind']>(kind: Kind, awaited: string): Promise<Extract<Frame, { kind: Kind }>> {
    const until = performance.now() + this.#patience;
    for (;;) {
      const read = await this.frame(awaited);
      if (read.kind === kind) return read as Extract<Frame, { kind: Kind }>;
      if (performance.now() > until) throw new Wrong(`${awaited} did not come within ${this.#patience} ms`);
    }
  }

  async refusal(): Promise<void> {
    expect(await this.greeting(), 'isRejected', true);
    await this.end('after a refusal');
  }

  async end(when: string): Promise<void> {
    const until = performance.now() + this.#patience;
    for (;;) {
      if ((await this.next(`the end of the connection ${when}`)) === 'end') return;
      if (performance.now() > until) throw new Wrong(`the connection did not end ${when} within ${this.#patience} ms`);
    }
  }
}

function expect<What extends object, Field extends keyof What>(what: What, field: Field, value: What[Field]): void {
  if (what[field] !== value)
    throw new Wrong(`${String(field)} is ${String(what[field])}, and must be ${String(value)}`);
}

/** The dialer of one case: it may connect several times. */
class Dialer {
  readonly exchange: Said[] = [];
  readonly #connect: () => Promise<Link>;
  readonly #codec: Codec;
  readonly #patience: number;
  readonly #attempts: Attempt[] = [];
  key: Uint8Array = new Uint8Array(KEY_LENGTH);

  constructor(connect: () => Promise<Link>, codec: Codec, patience: number) {
    this.#connect = connect;
    this.#codec = codec;
    this.#patience = patience;
  }

  /** Connects, and says these bytes first. */
  async attempt(first: Uint8Array): Promise<Attempt> {
    const attempt = new Attempt(await this.#connect(), this.#patience);
    this.#attempts.push(attempt);
    attempt.send(first);
    return attempt;
  }

  /** Begins a session and ends its handshake: each end has sent and received one message. */
  async begin(): Promise<Attempt> {
    const attempt = await this.attempt(clientHello(undefined, 0));
    const greeting = await attempt.greeting();
    expect(greeting, 'isRejected', false);
    this.key = greeting.key;
    await attempt.frameOf(SETTINGS, 'Settings');
    attempt.send(OURS, this.data(0, 0, hello()));
    const answer = await attempt.frameOf(DATA, "the session's answer");
    expect(answer, 'seq', 0);
    this.#note('peer', answer.message);
    return attempt;
  }

  /** Comes back with the session's key. */
  async resume(received: number): Promise<{ readonly attempt: Attempt; readonly greeting: ServerHello }> {
    const attempt = await this.attempt(clientHello(this.key, received));
    const greeting = await attempt.greeting();
    expect(greeting, 'isRejected', false);
    attempt.send(OURS);
    return { attempt, greeting };
  }

  data(seq: number, ack: number, message: Message): Uint8Array {
    const bytes = this.#codec.encode(message);
    const head = headerSize(seq, ack);
    const framed = new Uint8Array(head + bytes.length);
    putHeader(framed, seq, ack);
    framed.set(bytes, head);
    this.exchange.push({ from: 'tester', message });
    return framed;
  }

  #decoded(bytes: Uint8Array): Message {
    try {
      return this.#codec.decode(bytes, DEFAULT_LIMITS);
    } catch (error) {
      throw new Wrong(`a message can't be read: ${(error as Error).message}`, { cause: error });
    }
  }

  #note(from: Said['from'], bytes: Uint8Array): Message {
    const message = this.#decoded(bytes);
    this.exchange.push({ from, message });
    return message;
  }

  /** Takes the peer's next message, which must have this number and be the Pong of this nonce. */
  async pong(attempt: Attempt, seq: number, nonce: bigint): Promise<void> {
    const read = await attempt.frameOf(DATA, `Pong ${nonce}`);
    expect(read, 'seq', seq);
    const message = this.#note('peer', read.message);
    if (message.type !== 'Pong' || message.nonce !== nonce)
      throw new Wrong(`${message.type} comes, and not Pong ${nonce}`);
  }

  leave(): void {
    for (const attempt of this.#attempts) attempt.cut();
  }
}

export interface BreakingCase {
  readonly name: string;
  readonly rule: string;
  readonly play: (dialer: Dialer) => Promise<void>;
}

const MADE_UP = new Uint8Array(KEY_LENGTH).fill(0x5a);

/** The cases, in the order of docs/reliable.md. */
export const BREAKING_CASES: readonly BreakingCase[] = [
  {
    name: 'a reliable link: a greeting is answered with a key of its own, and Settings follow',
    rule: 'reliable.hello',
    async play(dialer) {
      const keys: string[] = [];
      for (let count = 0; count < 2; count++) {
        const attempt = await dialer.attempt(clientHello(undefined, 0));
        const greeting = await attempt.greeting();
        expect(greeting, 'isRejected', false);
        expect(greeting, 'isExtended', true);
        expect(greeting, 'received', 0);
        keys.push(greeting.key.join());
        const settings = await attempt.frame('Settings');
        expect(settings, 'kind', SETTINGS);
        if (settings.kind === SETTINGS && (settings.frames < 1 || settings.bytes < 1))
          throw new Wrong('a window is empty');
      }
      if (keys[0] === keys[1] || keys[0] === new Uint8Array(KEY_LENGTH).join())
        throw new Wrong('two sessions have one key');
    },
  },
  {
    name: 'a reliable link: a key that is not known is refused',
    rule: 'reliable.rejected',
    play: async (dialer) => (await dialer.attempt(clientHello(MADE_UP, 0))).refusal(),
  },
  {
    name: 'a reliable link: a greeting that is cut short is refused',
    rule: 'reliable.hello',
    play: async (dialer) => (await dialer.attempt(clientHello(undefined, 0).subarray(0, 24))).refusal(),
  },
  {
    name: 'a reliable link: a message is acknowledged, although none goes the other way',
    rule: 'reliable.ack',
    async play(dialer) {
      const attempt = await dialer.begin();
      // No peer answers a Pong that it does not wait for.
      attempt.send(dialer.data(1, 1, pong(0n)));
      let { ack } = await attempt.frameOf(ACK, 'an acknowledgement');
      // One of the Hello may come first.
      if (ack === 1) ({ ack } = await attempt.frameOf(ACK, 'an acknowledgement'));
      if (ack !== 2) throw new Wrong(`${ack} messages are acknowledged, and 2 were sent`);
    },
  },
  {
    name: 'a reliable link: a message that comes again is taken once',
    rule: 'reliable.seq',
    async play(dialer) {
      const attempt = await dialer.begin();
      attempt.send(dialer.data(1, 1, ping(7n)), dialer.data(1, 1, ping(7n)), dialer.data(2, 1, ping(8n)));
      await dialer.pong(attempt, 1, 7n);
      await dialer.pong(attempt, 2, 8n);
    },
  },
  {
    name: 'a reliable link: after a cut both ends say their counts, and what is missing comes again',
    rule: 'reliable.replay',
    async play(dialer) {
      const first = await dialer.begin();
      first.send(dialer.data(1, 1, ping(7n)));
      await dialer.pong(first, 1, 7n);
      first.cut();
      const { attempt, greeting } = await dialer.resume(1);
      expect(greeting, 'received', 2);
      await dialer.pong(attempt, 1, 7n);
      attempt.send(dialer.data(2, 2, ping(8n)));
      await dialer.pong(attempt, 2, 8n);
    },
  },
  {
    name: 'a reliable link: a count that does not fit is refused, and the session stays as it was',
    rule: 'reliable.rejected',
    async play(dialer) {
      const attempt = await dialer.begin();
      await (await dialer.attempt(clientHello(dialer.key, 99))).refusal();
      attempt.send(dialer.data(1, 1, ping(7n)));
      await dialer.pong(attempt, 1, 7n);
    },
  },
  {
    name: 'a reliable link: a missing message drops the connection, and the next one goes on',
    rule: 'reliable.gap',
    async play(dialer) {
      const first = await dialer.begin();
      first.send(dialer.data(2, 1, ping(8n)));
      await first.end('after a gap');
      const { attempt, greeting } = await dialer.resume(1);
      expect(greeting, 'received', 1);
      attempt.send(dialer.data(1, 1, ping(7n)));
      await dialer.pong(attempt, 1, 7n);
    },
  },
  {
    name: 'a reliable link: of two connections with one key the newer counts, and the older one ends',
    rule: 'reliable.attach',
    async play(dialer) {
      const first = await dialer.begin();
      const { attempt } = await dialer.resume(1);
      await first.end('when a newer one has greeted');
      attempt.send(dialer.data(1, 1, ping(7n)));
      await dialer.pong(attempt, 1, 7n);
    },
  },
  {
    name: 'a reliable link: a probe is answered',
    rule: 'reliable.probe',
    async play(dialer) {
      const attempt = await dialer.begin();
      attempt.send(frame(PROBE));
      await attempt.frameOf(ANSWER, 'an answer');
    },
  },
  {
    name: 'a reliable link: an orderly end is agreed, and told once more to a peer that has missed it',
    rule: 'reliable.close',
    async play(dialer) {
      const first = await dialer.begin();
      first.send(frame(CLOSE, 1, 1));
      const { total, ack } = await first.frameOf(CLOSE, "the peer's Close");
      if (ack !== 1) throw new Wrong(`${ack} messages are acknowledged, and 1 was sent`);
      first.send(frame(ACK, total));
      await first.end('after both ends have closed');
      const { attempt } = await dialer.resume(total);
      expect(await attempt.frameOf(CLOSE, "the peer's Close"), 'total', total);
    },
  },
];

/** Plays one case over connections of `connect`. */
export async function playBreaking(
  { name, rule, play }: BreakingCase,
  connect: () => Promise<Link>,
  codec: Codec,
  patience: number,
): Promise<ConformanceResult> {
  const dialer = new Dialer(connect, codec, patience);
  const told = { name, rule, row: ROW, exchange: dialer.exchange };
  try {
    await play(dialer);
    return { ...told, verdict: 'pass' };
  } catch (error) {
    if (!(error instanceof Wrong) && !(error instanceof LinkError)) throw error;
    return { ...told, verdict: 'fail', reason: error.message };
  } finally {
    dialer.leave();
  }
}
