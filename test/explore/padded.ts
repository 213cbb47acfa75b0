/** A codec whose messages all have the same size, so limits in bytes count messages. */

import { ProtocolError } from '../../src/base/errors.js';
import type { Limits } from '../../src/base/limits.js';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { PeerOptions } from './peer.js';

/** The bytes of every frame: enough for the messages here, and far more than a session counts beside them. */
const FRAME = 2 ** 14;
const HEADER = 4;

/** A frame that is no message, and does not begin as another format that a session knows by name. */
export const GARBLED = new Uint8Array(FRAME).fill(0xff);

/** The codec. A frame has the message's length, the message, and zeros up to the end. */
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
 * Converts limits in messages to limits in bytes. The halves and quarters leave room for the 256 bytes or so that a session
 * counts beside the bytes of each frame.
 */
export function paddedLimits({ inbox, intake, outbox, replies }: PeerOptions['limits']): Partial<Limits> {
  return {
    ...(inbox === undefined ? {} : { inboxMessages: inbox }),
    ...(intake === undefined ? {} : { intakeBytes: (intake + 1 / 2) * FRAME }),
    // There is room for one more message, and then for none.
    ...(outbox === undefined ? {} : { outboxBytes: (outbox - 1 / 2) * FRAME }),
    // The bytes beyond those that filled the outbox. If a reply filled it, the bytes beyond the limit.
    ...(replies === undefined ? {} : { replyBytes: (replies + 3 / 4) * FRAME }),
  };
}
