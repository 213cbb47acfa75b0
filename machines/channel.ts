/**
 * One channel, from either end. Items go one way, from the sender to the receiver. Each item costs the sender one unit of
 * the credit that the receiver has given. `unboundChannelMachine` is a channel that a Call of the peer's named and that the
 * application has not bound yet: it does not know which end will be ours. `senderMachine` and `receiverMachine` are the two
 * ends.
 *
 * Each machine knows one channel only. `channelsMachine` decides about messages on an id that has no end here. Three rules:
 *
 * - Credit only adds. The sender never sends without credit. The receiver takes every item that credit covers, and does not
 *   check for room.
 * - The sender ends a channel with Close, the receiver with Reset. The first of them on our side ends our end of the
 *   channel. Messages that the peer sent before it knew find no channel any more, and are dropped.
 * - A message that the peer may not send on a channel is a violation. Conformance only decides whether it is tolerated.
 *
 * Flat on purpose: these machines run for every item, through the stepper, which supports no nested states and no timers.
 * Each has its own file; this file holds the parts that they share.
 */
import type { Rule } from '../src/wire/rule.js';

/** The greatest credit that a number counts exactly. No sender can use it up. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

export function plus(credit: number, additional: number): number {
  return Math.min(UNLIMITED, credit + additional);
}

/** The peer broke `rule`: the session ends, and tells the peer. */
export function violation(rule: Rule, description: string) {
  return { target: 'violated', actions: { type: 'accuse', params: { rule, description } } } as const;
}

export const concludeEnded = { type: 'conclude', params: { type: 'ended' } } as const;
