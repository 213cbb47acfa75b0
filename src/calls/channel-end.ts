import type { ChannelEnd } from '../../machines/call-events.js';
import { ChannelClosed, LimitExceeded } from '../base/errors.js';
import { type Metadata, REASON } from '../wire/metadata.js';

/** The events of a channel's chart for messages of the peer. */
export const RECEIVED = {
  Item: 'rx.Item',
  Close: 'rx.Close',
  Reset: 'rx.Reset',
  GrantCredit: 'rx.GrantCredit',
} as const;

const INVALID = 'invalid payload';

/** The metadata of a Reset that is sent because an item can't be decoded. It says nothing of the item's content. */
export const INVALID_ITEM: Metadata = [{ key: REASON, value: INVALID, flags: 0n }];

/**
 * Returns the error that tells the application why one end of a channel has ended. `endError` says why its connection is
 * closed, once it is.
 */
export function endErrorOf(end: ChannelEnd, role: 'sender' | 'receiver', endError: Error | undefined): Error {
  switch (end.type) {
    case 'closed':
      return role === 'sender'
        ? new ChannelClosed('local', 'the channel is closed', end.metadata)
        : new ChannelClosed('peer', 'the sender has given the channel up before its end', end.metadata);
    case 'reset':
      // A receiver that was reset has no error: its loop just ends.
      return new ChannelClosed('peer', resetText(end.metadata), end.metadata);
    case 'withdrawn':
      return new ChannelClosed('peer', 'the sender has reset the channel before its end', end.metadata);
    case 'overrun':
      return new LimitExceeded(
        'credit',
        'the sender sent more than it had credit for, and more than there was room for',
      );
    case 'ended':
      return endError as Error;
  }
}

/**
 * Names only the reason that this library gives. Any other reason is the peer's own text, which the application finds
 * in the metadata.
 */
function resetText(metadata: Metadata): string {
  const isInvalid = metadata.some(({ key, value }) => key === REASON && value === INVALID);
  return `the receiver has reset the channel${isInvalid ? ': it could not make sense of an item' : ''}`;
}
