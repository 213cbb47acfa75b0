/** The rules of the specification that a peer can break, by their own names; a violation names one of them. */
export const RULES = [
  'session.message',
  'session.handshake',
  'session.parity',
  'session.keepalive',
  'connection.open',
  'connection.parity',
  'connection.close',
] as const;

/** The name of a rule of the specification. */
export type Rule = (typeof RULES)[number];
