import type { Kind } from '../differential/generate.js';

/** A possible mistake in the library: a text in one of its files, and the text that replaces it. */
export interface Fault {
  readonly name: string;
  readonly file: string;
  /** The file has this text once. */
  readonly text: string;
  readonly instead: string;
  /** The kind of the scripts that find the fault. */
  readonly kind: Kind;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'an Open of the wrong parity gets no answer',
    file: 'machines/session/connections.ts',
    text: "{ guard: and([not('isTheirs'), 'isReference']), actions: reject },",
    instead: "{ guard: and([not('isTheirs'), 'isReference']) },",
    kind: 'bare',
  },
  {
    name: 'an Open of an id in use gets no answer',
    file: 'machines/session/connections.ts',
    text: "{ guard: and(['isLive', 'isReference']), actions: reject },",
    instead: "{ guard: and(['isLive', 'isReference']) },",
    kind: 'bare',
  },
  {
    name: 'an Open without onConnection gets no answer',
    file: 'machines/session/connections.ts',
    text: "{ guard: not('isAccepting'), actions: [noteOpen, reject] },",
    instead: "{ guard: not('isAccepting'), actions: [noteOpen] },",
    kind: 'bare',
  },
  {
    name: 'a Pong is sent on the root, wherever the Ping came',
    file: 'machines/session/flow.ts',
    text: "            type: 'Pong',\n            connectionId: event.message.connectionId,",
    instead: "            type: 'Pong',\n            connectionId: ROOT,",
    kind: 'bare',
  },
  {
    name: 'a Pong with any nonce counts',
    file: 'machines/keepalive.ts',
    text: "event.type === 'rx.Pong' && event.message.nonce === BigInt(context.nonce)",
    instead: "event.type === 'rx.Pong' && event.message.nonce !== 0n - BigInt(context.nonce)",
    kind: 'bare',
  },
  {
    name: 'the session goes on when nothing of it is held any more',
    file: 'machines/session/context.ts',
    text: 'hasNoneLive: ({ context }) => context.live.size === 0',
    instead: 'hasNoneLive: ({ context }) => context.live.size < 0',
    kind: 'bare',
  },
  {
    name: 'the session ends with the root though a virtual connection is left',
    file: 'machines/session/context.ts',
    text: 'hasNoneLive: ({ context }) => context.live.size === 0',
    instead: 'hasNoneLive: ({ context }) => context.live.size <= 1',
    kind: 'bare',
  },
  {
    name: 'an open that the peer closes stays pending',
    file: 'machines/connection.ts',
    text: "actions: [settleOpen((id) => ({ type: 'closed', id, by: 'peer' })), concludeByPeer('opening', 'closed')],",
    instead: "actions: [concludeByPeer('opening', 'closed')],",
    kind: 'bare',
  },
  {
    name: 'an open that is given up is not closed',
    file: 'machines/connection.ts',
    text: 'actions: [close(), settleOpen((id) => ({ type: why, id }))',
    instead: 'actions: [settleOpen((id) => ({ type: why, id }))',
    kind: 'bare',
  },
  {
    name: 'a Reject has the metadata of the Open',
    file: 'machines/connection.ts',
    text: "              type: 'ConnectionReject',\n                connectionId: context.id,\n                metadata: event.metadata,",
    instead:
      "              type: 'ConnectionReject',\n                connectionId: context.id,\n                metadata: context.metadata,",
    kind: 'bare',
  },
  {
    name: 'an id that failed is used again',
    file: 'machines/session/context.ts',
    text: 'return { live: context.live.add(id), localHigh: id, pending: context.pending + 1 };',
    instead:
      'return { live: context.live.add(id), localHigh: id + (context.pending > 1 ? 2 : 0), pending: context.pending + 1 };',
    kind: 'bare',
  },
  {
    name: 'a queue of messages is read from its other end',
    file: 'src/conduit/receive-queue.ts',
    text: '    const message = this.shift();\n    if (message !== undefined) return',
    instead:
      '    const message = this.#messages.length > 2 ? (this.shift(), this.shift()) : this.shift();\n    if (message !== undefined) return',
    kind: 'bare',
  },
  {
    name: 'a message for a reader that is gone is dropped',
    file: 'machines/connection.ts',
    text: "actions: conclude('active', 'local', 'abandoned') },\n  { target: 'closed', actions: [close(), conclude('active', 'local')] },",
    instead: "actions: conclude('active', 'local', 'abandoned') },\n  {},",
    kind: 'bare',
  },
  {
    name: 'a proxy passes on what is marked NO_PROPAGATE',
    file: 'src/wire/metadata.ts',
    text: 'return metadata.some(isPrivate) ? metadata.filter((entry) => !isPrivate(entry)) : metadata;',
    instead: 'return metadata.every(isPrivate) ? metadata.filter((entry) => !isPrivate(entry)) : metadata;',
    kind: 'proxies',
  },
  {
    name: 'a proxy lets go of one leg only',
    file: 'src/session/proxy.ts',
    text: '    left.release();\n    right.release();',
    instead: '    left.release();',
    kind: 'proxies',
  },
  {
    name: 'a Cancel is not heeded',
    file: 'src/calls/calls.ts',
    text: 'else answer.cancel();',
    instead: 'else void answer;',
    kind: 'calls',
  },
  {
    name: 'a call that is given up is not cancelled',
    file: 'src/calls/outgoing-call.ts',
    text: "const sent = outbox.send({ type: 'RequestMessage', connectionId, id: this.id, body });",
    instead:
      "const sent = body.type === 'Cancel' ? SENT : outbox.send({ type: 'RequestMessage', connectionId, id: this.id, body });",
    kind: 'calls',
  },
  {
    name: 'a handler that is gone is not aborted with its connection',
    file: 'src/calls/calls.ts',
    text: 'for (const answer of answers) answer.end();',
    instead: 'for (const answer of answers.slice(1)) answer.end();',
    kind: 'calls',
  },
  {
    name: 'of two handlers with the same id only the later is aborted',
    file: 'src/calls/calls.ts',
    text: 'const answers = [...this.#answers.all(), ...(this.#duplicates ?? [])];',
    instead: 'const answers = [...this.#answers.all()];',
    kind: 'calls',
  },
  {
    name: 'an unknown method is answered as an invalid payload',
    file: 'src/calls/incoming-call.ts',
    text: 'ret = refusals.unknownMethod;\n    } else',
    instead: 'ret = refusals.invalidPayload;\n    } else',
    kind: 'calls',
  },
  {
    name: 'a receiver gives credit for one item less',
    file: 'machines/receiver.ts',
    text: "type: 'GrantCredit', additional: context.taken }),",
    instead: "type: 'GrantCredit', additional: context.taken - 1 }),",
    kind: 'calls',
  },
  {
    name: 'a sender does not use up its credit',
    file: 'machines/sender.ts',
    text: 'spend: assign(({ context }) => ({ credit: context.credit - 1 })),',
    instead: 'spend: assign(({ context }) => ({ credit: context.credit })),',
    kind: 'calls',
  },
  {
    name: 'a sender takes a Close of its receiver for a Reset',
    file: 'machines/sender.ts',
    text: "    'rx.Close': [{ guard: 'isReference' },",
    instead:
      "    'rx.Close': [{ guard: 'isReference', target: 'reset', actions: { type: 'conclude', params: { type: 'reset', metadata: [] } } },",
    kind: 'calls',
  },
  {
    name: 'a channel that no handler took is not declined',
    file: 'machines/unbound-channel.ts',
    text: "{ guard: 'hasItems', target: 'refused', actions: reset },",
    instead: "{ guard: 'hasItems', target: 'refused' },",
    kind: 'calls',
  },
];
