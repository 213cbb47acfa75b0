/**
 * One channel, from either end. Items go one way, from its sender to its receiver, and each costs the sender a unit of the
 * credit that the receiver has given. `offerMachine` is a channel that a Call of the peer's named and nobody has bound yet:
 * which end is ours is not known there; `senderMachine` and `receiverMachine` are its ends.
 *
 * They know one channel only. What a message means on an id that has no end here is for `channelsMachine`. Three rules carry everything:
 *
 * - Credit only adds. The sender never sends without; the receiver takes whatever credit covers, without asking for room.
 * - The sender ends a channel with Close, the receiver with Reset. Whichever is first on our side ends our end of it: what
 *   the peer had already sent by then finds no channel any more, and is dropped.
 * - What the peer may not say there is a violation; conformance only decides whether it is overlooked.
 *
 * Flat on purpose: these run for every item, through the stepper, which takes nothing that nests or times. Each has a file of
 * its own; what they have in common is here.
 */
import type { Rule } from '../src/wire/rule.js';

/** The most credit that can be told apart; nobody can use it up. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export function plus(credit: number, additional: number): number {
  return Math.min(UNLIMITED, credit + additional);
}

/** The peer broke `rule`: the session is over, and says so to the peer. */
export function violation(rule: Rule, description: string) {
  return { target: 'violated', actions: { type: 'accuse', params: { rule, description } } } as const;
}

export const concludeEnded = { type: 'conclude', params: { type: 'ended' } } as const;
