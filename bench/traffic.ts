/** The two sides of every comparison. */
export type Side = 'raw' | 'ours';

/** One end of a connection whose other end echoes or counts: over raw `ws`, or a virtual connection of ours. */
export interface Caller {
  /** Sends `count` messages, at most `inFlight` of them unanswered at a time, and resolves with the last answer. */
  echo(count: number, inFlight: number): Promise<void>;
  /** Sends `count` messages as fast as backpressure allows, and resolves when the peer says that it has counted them. */
  flood(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds from nothing to the first answer, and what they were spent on. */
export interface FirstReply {
  readonly total: number;
  /** The WebSocket. */
  readonly link: number;
  readonly handshake?: number;
  /** A virtual connection. */
  readonly open?: number;
  /** The request. */
  readonly reply: number;
}

/** Where callers connect to. */
export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** Different messages in turn, so that an answer to the wrong one is noticed. */
const VARIANTS = 8;

/** Answers that are compared byte by byte: often enough to trust the rest, and too rarely to be what is measured. */
const COMPARE_EVERY = 64;

/** The first byte of a flood's last message; the peer answers it with how many it has received. */
export const LAST = 1;

/** The messages that are sent, and what has to come back. */
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

  /** @throws when `answer` is not the message number `index`. */
  check(answer: Uint8Array, index: number): void {
    const sent = this.at(index);
    const isSame = answer.length === sent.length && (index % COMPARE_EVERY !== 0 || sent.equals(answer));
    if (!isSame) throw new Error(`answer ${index} is not what was sent`);
  }
}

function pattern(size: number, variant: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 1; i < size; i++) bytes[i] = (i * 31 + variant * 97) % 256;
  return bytes;
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
