/**
 * The reasons for which an acceptor refuses a peer in the handshake: the peer must log in, may not come at all, or may come
 * later, since the acceptor can't decide now or is about to end.
 */
export const REFUSALS = ['unauthenticated', 'forbidden', 'unavailable', 'draining'] as const;

/** Why an acceptor refuses a peer in the handshake. */
export type RefusalReason = (typeof REFUSALS)[number];

/** The refusal of a peer in the handshake: the reason for its program, and a text for its user. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly text: string;
}

/** The refusal of a peer when the application gave no decision. The peer gets no reason. */
export const UNDECIDED: Refusal = { reason: 'unavailable', text: 'try again later' };

const FORM = new RegExp(`^refused\\.(${REFUSALS.join('|')}): (.*)$`, 's');

/** Returns the description of the ProtocolError that tells a peer of a refusal. */
export function refusalText({ reason, text }: Refusal): string {
  return `refused.${reason}: ${text}`;
}

/** Returns the refusal that the description of a ProtocolError tells of; undefined if it tells of something else. */
export function refusalIn(description: string): Refusal | undefined {
  const [, reason, text] = FORM.exec(description) ?? [];
  return text === undefined ? undefined : { reason: reason as RefusalReason, text };
}
