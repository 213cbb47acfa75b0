/** A state of a world, packed and unpacked. */

export const WORDS = 5;

/** Who makes a transition happen: somebody who may as well not, delivery, or time. */
export const OPTIONAL = 0;
export const DELIVERY = 1;
export const TIME = 2;

export type Environment = 'fail' | 'close' | 'vanish';

/** What happens in a transition: a step of one of the two peers, or something that befalls the link. */
export type Label = { readonly side: 0 | 1; readonly input: number } | { readonly befalls: Environment };

/** The word of bits: for each side the ending behind what lies in its inbox, whether its outbox has room again, and how much it takes before it confirms. */
export const ENDED = 1;
export const FAILED = 2;
export const SIDE_BITS = 8;
export const DRAINED = 1 << 2;
export const CONFIRM_AT = 3;
export const CONFIRM_MOST = 31;
export const BEFALLEN: Record<Environment, number> = { fail: 1 << 16, close: 1 << 17, vanish: 1 << 18 };
export const VANISHED = BEFALLEN.vanish;

/** The state under way while a transition is made. */
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
