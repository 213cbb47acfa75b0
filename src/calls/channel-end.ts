import type { ChannelEnd } from '../../machines/call-events.js';
import { ChannelClosed, LimitExceeded } from '../errors.js';
import type { ChannelHost } from './line.js';

/** Why one end of a channel has ended, as its user hears it. */
export function endErrorOf(end: ChannelEnd, role: 'sender' | 'receiver', { endError }: ChannelHost): Error {
  switch (end.type) {
    case 'closed':
      return role === 'sender'
        ? new ChannelClosed('local', 'the channel is closed', end.metadata)
        : new ChannelClosed('peer', 'the sender has given the channel up before its end', end.metadata);
    case 'reset':
      return role === 'sender'
        ? new ChannelClosed('peer', 'the receiver has reset the channel', end.metadata)
        : new ChannelClosed('local', 'the channel was reset', end.metadata);
    case 'overrun':
      return new LimitExceeded(
        'credit',
        'the sender sent more than it had credit for, and more than there was room for',
      );
    case 'ended':
      return endError ?? new ChannelClosed('local', 'the channel has ended');
  }
}
