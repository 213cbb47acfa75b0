/**
 * The half of the identifiers that a side allocates: odd (1, 3, 5, …) or even (2, 4, 6, …).
 * Zero has neither parity and is never allocated. `[session.parity]` `[connection.parity]`
 */
export type Parity = 'odd' | 'even';

/** A connection's identifier: 0 is the root, every other one is virtual; at most 2^53 − 1. */
export type ConnectionId = number;

/** A request's identifier, unique among those in flight on its connection; 1 to 2^53 − 1. */
export type RequestId = number;

/** A channel's identifier, unique on its connection; 1 to 2^53 − 1. */
export type ChannelId = number;

/** The root connection, active from the end of the handshake and never opened or closed on the wire. */
export const ROOT: ConnectionId = 0;

/** The other parity. */
export function opposite(parity: Parity): Parity {
  return parity === 'odd' ? 'even' : 'odd';
}

/** True if a side with this parity allocates `id`. 0 belongs to neither side. */
export function hasParity(id: number, parity: Parity): boolean {
  return id !== 0 && id % 2 === (parity === 'odd' ? 1 : 0);
}

/** The identifier that follows `last`, the highest allocated so far; 0 stands for none. Row "4" of the protocol. */
export function nextId(last: number, parity: Parity): number {
  return last === 0 ? (parity === 'odd' ? 1 : 2) : last + 2;
}
