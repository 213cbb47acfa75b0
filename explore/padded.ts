/** Messages that all cost the same, so that limits that count bytes count messages. */

import type { Limits } from '../src/base/limits.js';
import type { Codec } from '../src/codec/codec.js';
import { messagePack } from '../src/codec/msgpack/msgpack.js';
import { ProtocolError } from '../src/base/errors.js';
import type { PeerOptions } from './peer.js';

/** Bytes of every frame: enough for what is said here, and far more than what a session counts beside them. */
const FRAME = 2 ** 14;
const HEADER = 4;

/** A frame that is no message, and does not begin as another format that a session knows by name. */
export const GARBLED = new Uint8Array(FRAME).fill(0xff);

/** A frame is its message's length, the message, and nothing up to the end. */
export const padded: Codec = {
  name: 'padded',
  encode(message) {
    const bytes = messagePack.encode(message);
    const frame = new Uint8Array(FRAME);
    new DataView(frame.buffer).setUint32(0, bytes.length);
    frame.set(bytes, HEADER);
    return frame;
  },
  decode(frame, limits) {
    const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
    if (length > FRAME - HEADER) throw new ProtocolError('remote', 'malformed', 'session.message');
    return messagePack.decode(frame.subarray(HEADER, HEADER + length), limits);
  },
};

/**
 * The limits in bytes that come to these in messages. Whatever is counted beside the bytes of a frame, some 256 of each,
 * falls within the halves and quarters.
 */
export function paddedLimits({ inbox, intake, outbox, replies }: PeerOptions['limits']): Partial<Limits> {
  return {
    ...(inbox === undefined ? {} : { inboxMessages: inbox }),
    ...(intake === undefined ? {} : { intakeBytes: (intake + 1 / 2) * FRAME }),
    // There is room for one more, and then there is none.
    ...(outbox === undefined ? {} : { outboxBytes: (outbox - 1 / 2) * FRAME }),
    // Beyond what filled the outbox, or, where a reply did that, beyond the limit.
    ...(replies === undefined ? {} : { replyBytes: (replies + 3 / 4) * FRAME }),
  };
}
