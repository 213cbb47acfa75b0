/** The properties, each with its rule or its row of the protocol. */
export const PROPERTIES = {
  // Safety: in every state, at every step.
  'ids-parity': { rule: 'session.parity', text: 'an id that is opened has the parity of its opener' },
  'ids-grow': { rule: 'connection.open', text: 'ids that one side opens only grow, and never repeat' },
  'settles-once': { rule: 'connection.open', text: 'each local request settles exactly once' },
  'active-only': { rule: '5.14', text: 'nothing reaches a connection that is not active, or an actor that is gone' },
  'silence-before-accept': { rule: 'connection.open', text: 'nothing but a Close is sent on an id before its Accept' },
  'silence-after-close': { rule: 'connection.close', text: 'nothing is sent on an id after our own Close' },
  'no-accusation': { rule: 'session.symmetry', text: 'two conforming peers never accuse each other' },
  'tables-agree': {
    rule: 'connection.parity',
    text: 'whenever the link is quiet both tables agree: ids, phases, settings',
  },
  'root-unspoken': { rule: 'connection.close', text: 'the root is never opened, answered or closed on the wire' },
  'handshake-first': { rule: 'session.handshake', text: 'nothing but the handshake is sent before it ends' },
  'last-word': { rule: '9a', text: 'at most one ProtocolError a side, and nothing after it' },
  'one-ping': { rule: 'session.keepalive', text: 'at most one Ping is out, and each Pong echoes the Ping it answers' },
  'pong-in-time': { rule: 'session.keepalive', text: 'no timeout while the Pong lies in the inbox' },
  'nothing-left': { rule: '5', text: 'at the end no actor, timer, question, handle or request is left' },
  bounded: { rule: '5', text: 'actors, timers and queues are bounded, and every step ends' },
  'books-agree': { rule: 'connection.open', text: 'the ids that a session counts are those whose actors live' },
  'never-throws': { rule: '5', text: 'nothing throws' },
  // Liveness: given delivery and running timers.
  'handshake-ends': { rule: 'session.handshake', text: 'the handshake ends' },
  'opens-settle': { rule: 'connection.open', text: 'every local request settles' },
  'closes-known': {
    rule: 'connection.close',
    text: 'every close becomes known to both: delivery alone brings them to know the same ids',
  },
  'end-spreads': { rule: '5', text: "one side's end implies the other's" },
  'ends-cleanly': { rule: '5.29', text: 'an end that has begun comes to its end' },
  'no-deadlock': { rule: '9b.11', text: 'what is on its way arrives, or the session ends' },
  'death-noticed': { rule: 'session.keepalive', text: 'a peer that is dead is noticed' },
} as const;

export type Property = keyof typeof PROPERTIES;
