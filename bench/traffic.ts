import type { Caller, Source, StreamRequest } from './contender.js';

/** The number of different messages in turn, so that an answer to the wrong one is noticed. */
const VARIANTS = 8;

/** The first byte of a flood's last message. The peer answers it with the number of messages that it has received. */
export const LAST = 1;

/** The messages that are sent, and the expected answers. */
export class Payloads {
  readonly #variants: readonly Buffer[];
  readonly last: Buffer;

  constructor(size: number) {
    this.#variants = Array.from({ length: VARIANTS }, (_, variant) => pattern(size, variant));
    this.last = pattern(size, VARIANTS);
    this.last[0] = LAST;
  }

  /** The message number `index`. */
  at(index: number): Buffer {
    return this.#variants[index % VARIANTS] as Buffer;
  }

  /** @throws when `answer` is not the message number `index`, byte by byte. */
  check(answer: Uint8Array, index: number): void {
    if (!this.at(index).equals(answer)) throw new Error(`answer ${index} is not what was sent`);
  }
}

function pattern(size: number, variant: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 1; i < size; i++) bytes[i] = (i * 31 + variant * 97) % 256;
  return bytes;
}

/** A call with its two ways to end. */
type Start = (payload: Buffer, done: (answer: Uint8Array) => void, failed: (error: unknown) => void) => void;

/** Keeps so many calls in flight: each answer is checked, and makes room for the next call. */
export function echoes(size: number, start: Start): Caller['echo'] {
  const payloads = new Payloads(size);
  return (count, inFlight) =>
    new Promise((resolve, reject) => {
      let sent = 0;
      let received = 0;
      const next = (): void => {
        const index = sent++;
        const done = (answer: Uint8Array): void => {
          try {
            payloads.check(answer, index);
            received++;
            if (sent < count) next();
            else if (received === count) resolve();
          } catch (error) {
            reject(error);
          }
        };
        start(payloads.at(index), done, reject);
      };
      while (sent < Math.min(count, inFlight)) next();
    });
}

/** The same for contenders whose calls return a promise. */
export function echoesOf(size: number, call: (payload: Buffer) => PromiseLike<Uint8Array>): Caller['echo'] {
  return echoes(size, (payload, done, failed) => void call(payload).then(done, failed));
}

/** The items of streams, at the sender. */
export class Items implements Source {
  /** The number of items that the application has handed over so far. */
  taken = 0;
  held = 0;

  open(size: number): () => Buffer {
    const payloads = new Payloads(size);
    let index = 0;
    return () => {
      this.taken++;
      return payloads.at(index++);
    };
  }
}

/** Checks the items of one stream as they arrive. */
export class Arrivals {
  readonly #payloads: Payloads;
  readonly #expected: number;
  count = 0;

  constructor({ size, count }: StreamRequest) {
    this.#payloads = new Payloads(size);
    this.#expected = count;
  }

  get isComplete(): boolean {
    return this.count === this.#expected;
  }

  /** @throws when `item` is not the next one. */
  take(item: Uint8Array): void {
    this.#payloads.check(item, this.count++);
  }

  /** @throws when another number has arrived than was asked for. */
  end(): void {
    if (!this.isComplete) throw new Error(`${this.#expected} items were asked for, and ${this.count} arrived`);
  }
}

/** A count as the answer to a flood. */
export function countBytes(count: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(count);
  return bytes;
}

/** @throws when the peer counted something else than was sent. */
export function checkCount(bytes: Uint8Array, sent: number): void {
  const counted = Buffer.from(bytes).readDoubleBE();
  if (counted !== sent) throw new Error(`${sent} messages were sent, and ${counted} arrived`);
}

/** Encodes a request, for contenders that can send only bytes. */
export function requestBytes({ count, size, credit }: StreamRequest): Buffer {
  return Buffer.from(Float64Array.of(count, size, credit).buffer);
}

export function requestOf(bytes: Uint8Array): StreamRequest {
  const [count = 0, size = 0, credit = 0] = new Float64Array(Uint8Array.from(bytes).buffer);
  return { count, size, credit };
}
