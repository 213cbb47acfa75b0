/** A state of a world, packed and unpacked. */

export const WORDS = 5;

/** The cause of a transition: a user or an adversary, which need not act; delivery; or time. */
export const OPTIONAL = 0;
export const DELIVERY = 1;
export const TIME = 2;

export type Environment = 'fail' | 'close' | 'vanish';

/** The content of a transition: a step of one of the two peers, or an event of the link. */
export type Label = { readonly side: 0 | 1; readonly input: number } | { readonly befalls: Environment };

/**
 * The word of bits. For each side it has the ending behind its inbox, a flag that its outbox has room again, and the number
 * of messages to take before it confirms.
 */
export const ENDED = 1;
export const FAILED = 2;
export const SIDE_BITS = 8;
export const DRAINED = 1 << 2;
export const CONFIRM_AT = 3;
export const CONFIRM_MOST = 31;
export const BEFALLEN: Record<Environment, number> = { fail: 1 << 16, close: 1 << 17, vanish: 1 << 18 };
export const VANISHED = BEFALLEN.vanish;

/** The changing state during a transition. */
export interface Draft {
  readonly peer: [number, number];
  readonly queue: [number, number];
  bits: number;
}

export function copy({ peer, queue, bits }: Draft): Draft {
  return { peer: [peer[0], peer[1]], queue: [queue[0], queue[1]], bits };
}

export function unpack(words: Int32Array, at: number): Draft {
  const word = (index: number) => words[at + index] as number;
  return { peer: [word(0), word(1)], queue: [word(2), word(3)], bits: word(4) };
}

export function pack({ peer, queue, bits }: Draft, words: Int32Array, at = 0): void {
  words[at] = peer[0];
  words[at + 1] = peer[1];
  words[at + 2] = queue[0];
  words[at + 3] = queue[1];
  words[at + 4] = bits;
}
