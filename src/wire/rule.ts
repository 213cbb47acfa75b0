/** The rules of the specification that a peer can break, by their own names; a violation names one of them. */
export const RULES = [
  'session.message',
  'session.handshake',
  'session.parity',
  'session.keepalive',
  'connection.open',
  'connection.parity',
  'connection.close',
  'rpc.request.id-allocation',
  'rpc.response.one-per-request',
  'rpc.flow-control.max-concurrent-requests',
  'rpc.channel.allocation',
  'rpc.channel.lifecycle',
  'rpc.channel.item',
  'rpc.channel.close',
  'rpc.channel.reset',
  'rpc.flow-control.credit',
  'rpc.flow-control.credit.grant',
] as const;

/** The name of a rule of the specification. */
export type Rule = (typeof RULES)[number];
