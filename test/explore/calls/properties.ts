/** The properties of calls and channels, each with its rule or its row of the protocol. */
export const PROPERTIES = {
  // Safety: in every state, at every step.
  'call-settles-once': {
    rule: 'rpc.response.one-per-request',
    text: 'a call settles once, though messages cross on the wire',
  },
  'one-response': { rule: 'rpc.response.one-per-request', text: 'a Call has one Response, and no more' },
  'limit-kept': {
    rule: 'rpc.flow-control.max-concurrent-requests',
    text: 'never more requests are in flight than the peer takes',
  },
  'cancel-once': { rule: 'rpc.cancel', text: 'a Cancel follows its Call, once, and nothing follows a Response' },
  'request-holds': {
    rule: 'rpc.caller.liveness.refcounted',
    text: 'a call holds its connection until it settles, a handler until its Response has left, and no longer',
  },
  'credit-kept': { rule: 'rpc.flow-control.credit', text: 'no more items are sent than credit was given' },
  'credit-adds': {
    rule: 'rpc.flow-control.credit.grant.additive',
    text: 'credit is what was given, less what was sent',
  },
  'credit-agrees': {
    rule: 'rpc.flow-control.credit',
    text: 'whenever the link is quiet both ends count the same credit',
  },
  'credit-bounds': { rule: '9a.17', text: 'no more lies at the receiver than it gave credit or has room for' },
  'in-order': { rule: 'rpc.channel', text: 'items arrive in order, each once' },
  'channel-last-word': { rule: 'rpc.channel.close', text: 'an end of a channel that is over says nothing more' },
  'close-follows': {
    rule: 'rpc.channel.close',
    text: 'a Close follows all items that were to be sent',
  },
  'names-once': {
    rule: 'rpc.channel.allocation',
    text: 'a channel is named once, by the side that allocates its id',
  },
  'channel-known': {
    rule: 'rpc.channel.lifecycle',
    text: 'what comes on a channel that is over, or that no Call named, has the effect that the tables say',
  },
  'concludes-once': { rule: 'rpc.channel.lifecycle', text: 'each end of a channel ends once' },
  'never-accused': {
    rule: '9a',
    text: 'two conforming peers never accuse each other, and reference mode accuses no peer',
  },
  'end-is-silent': { rule: 'connection.close', text: 'nothing is sent on a connection that is over' },
  'nothing-waits': { rule: 'connection.close.semantics', text: 'on a connection that is over nothing waits any more' },
  // Liveness: given delivery, readers that read and, where they are to, handlers that answer.
  'calls-settle': { rule: 'rpc.response', text: 'every call settles' },
  'places-free': {
    rule: 'rpc.flow-control.max-concurrent-requests',
    text: 'every place under the limit is free again',
  },
  'sender-goes-on': { rule: 'rpc.flow-control.credit.exhaustion', text: 'a sender that waits for credit goes on' },
  'end-known': { rule: 'rpc.channel.reset', text: 'the end of a channel becomes known at its other end' },
} as const;

export type Property = keyof typeof PROPERTIES;
