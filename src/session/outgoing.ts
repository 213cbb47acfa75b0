import { InvalidArgument } from '../base/errors.js';
import { type ChannelId, hasParity, opposite, type Parity, ROOT } from '../wire/id.js';
import type { ChannelMessage, RequestMessage, Response } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';

/** A request or channel message to send. It has no connection id, which is the connection's own. */
export type Outgoing = Omit<RequestMessage, 'connectionId'> | Omit<ChannelMessage, 'connectionId'>;

/** The answer to a Call. */
export interface OutgoingResponse extends Omit<Response, 'type' | 'channels' | 'metadata'> {
  /** Empty by default. */
  readonly channels?: Response['channels'];
  /** Empty by default. */
  readonly metadata?: Metadata;
}

/**
 * Refuses a message that would break a rule which the peer may enforce. It finds only what a session can know without
 * its calls: 9a.13. The encoder refuses values that are no ids at all.
 *
 * @throws InvalidArgument that names the id.
 */
export function checkOutgoing({ type, id, body }: Outgoing, parity: Parity): void {
  if (typeof id !== 'number') return;
  if (id === ROOT) throw new InvalidArgument(`${type}: id 0 has no parity and is never allocated`);
  if (body.type === 'Call' || body.type === 'Cancel') {
    if (!hasParity(id, parity)) throw new InvalidArgument(`${body.type}: request ${id} is not of our parity`);
  } else if (body.type === 'Response' && !hasParity(id, opposite(parity))) {
    throw new InvalidArgument(`Response: request ${id} is not of the peer's parity`);
  }
  if (body.type === 'Call' && Array.isArray(body.channels)) checkChannels(body.channels, parity);
}

/** A Call names channels that its sender allocates. */
function checkChannels(channels: readonly ChannelId[], parity: Parity): void {
  const named = new Set<ChannelId>();
  for (const [index, id] of channels.entries()) {
    if (typeof id !== 'number') return;
    const name = `Call.channels[${index}]`;
    if (id === ROOT) throw new InvalidArgument(`${name}: id 0 has no parity and is never allocated`);
    if (!hasParity(id, parity)) throw new InvalidArgument(`${name}: channel ${id} is not of our parity`);
    if (named.has(id)) throw new InvalidArgument(`${name}: channel ${id} is named twice`);
    named.add(id);
  }
}
