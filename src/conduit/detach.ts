import type { DataMessage } from '../wire/message.js';

/** Bytes of its buffer that a view may keep alive beside its own without being copied. */
const SLACK = 1024;

/**
 * Returns the same bytes, copied if their buffer is much larger. A link gives views of what it read, up to 64 KiB. A
 * view of a few bytes that is kept for long would keep all of that alive, and a peer could make us keep many.
 */
export function detached(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.byteLength + SLACK ? new Uint8Array(bytes) : bytes;
}

/** Returns the same message, with its payload detached. */
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
