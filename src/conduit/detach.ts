import type { DataMessage } from '../wire/message.js';

/** What a view may pin beside itself without being copied, in bytes. */
const SLACK = 1024;

/**
 * The same bytes, in memory of their own where they would pin much more than they are. What a link gives is a view of
 * whatever it read, up to 64 KiB: kept for long, a few bytes would cost that much, and a peer could make us keep many.
 */
export function detached(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.byteLength + SLACK ? new Uint8Array(bytes) : bytes;
}

/** The same message, with its payload detached. */
export function detachedMessage(message: DataMessage): DataMessage {
  const { body } = message;
  switch (body.type) {
    case 'Call':
      return { ...message, body: { ...body, args: detached(body.args) } } as DataMessage;
    case 'Response':
      return { ...message, body: { ...body, ret: detached(body.ret) } } as DataMessage;
    case 'Item':
      return { ...message, body: { ...body, item: detached(body.item) } } as DataMessage;
    default:
      return message;
  }
}
