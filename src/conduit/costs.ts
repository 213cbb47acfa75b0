// What things cost in memory beside their own bytes, in bytes. Without these costs a peer could send messages of a few
// bytes for ever, and each would take hundreds.

/** The cost of a frame that waits for its turn. */
export const FRAME_COST = 64;

/** The cost of a message that waits to be sent, of a reply in the link, and of a call or an item that waits. */
export const QUEUED_MESSAGE_COST = 256;

/** The cost of a message that waits to be read. Channel ids and metadata entries cost extra. */
export const MESSAGE_COST = 128;
const CHANNEL_COST = 8;
const METADATA_ENTRY_COST = 96;

/** Bytes that a message takes beside its payload, with any codec. A payload has to fit a frame together with them. */
export const ENVELOPE = 64;

/** Returns the cost of keeping a message, in bytes. `size` is the size of its frame, or of its payload. */
export function costOf(message: unknown, size: number): number {
  const { channels, metadata } = (message as { body?: { channels?: unknown[]; metadata?: unknown[] } }).body ?? {};
  return size + MESSAGE_COST + CHANNEL_COST * (channels?.length ?? 0) + METADATA_ENTRY_COST * (metadata?.length ?? 0);
}

/** The work on all connections of a session together. */
export interface Load {
  /** Calls of ours that wait for their turn or their answer. */
  calls: number;
  /** Calls whose handlers are at work, also when no caller waits for them any more. */
  requests: number;
  /** Calls, in either direction, that are not answered, on connections that the application reads itself, or does not read yet. */
  unanswered: number;
  /** Channels that are alive. */
  channels: number;
  /** Ids of channels that are over, and on which the peer may still send: 9a.20, 9a.21. */
  kept: number;
}
