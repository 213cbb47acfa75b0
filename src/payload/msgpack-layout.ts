/** MessagePack's extension types that a payload may contain. Each has one byte of data. */
export const EXTENSION = {
  /** `undefined`; the data is 0. */
  undefined: 0,
  /** The receiving end of a channel; the data is its index in the message's list of channels. */
  rx: 1,
  /** The sending end of a channel; the data is the same. */
  tx: 2,
} as const;

/**
 * The greatest depth. An array of arguments has depth 1. Deeper values would exhaust the stack before they exhaust a frame.
 */
export const MAX_DEPTH = 128;

/**
 * Arrays, objects and byte strings in one payload. An empty one takes a byte or two on the wire, and a few hundred bytes in
 * memory: without a limit, one frame could take that many times its size.
 */
export const MAX_OBJECTS = 65_536;

/** Channels in one payload: an index is one byte. */
export const MAX_CHANNELS = 256;
