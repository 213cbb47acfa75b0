import type { Rx, Tx } from '../calls/channel.js';

/** An end of a channel, of whatever items. */
export type ChannelHandle = Tx<unknown> | Rx<unknown>;

/** Which end the receiver of a payload gets: the one that it receives from, or the one that it sends on. */
export type ChannelKind = 'rx' | 'tx';

/**
 * How arguments, results and items become bytes, and what they were. A value is an array of the method's arguments, a
 * result in its envelope (an array, too), or one item of a channel.
 */
export interface PayloadCodec {
  /**
   * Appends each end of a channel that it meets to `ends`, and writes down which end it is and its index there; without
   * `ends`, there must be none.
   *
   * @throws InvalidArgument for what it can't represent.
   */
  encode(value: unknown, ends?: ChannelHandle[]): Uint8Array;
  /**
   * The value; `take` gives the end of a channel for what was written for it. Anything that it throws becomes an
   * InvalidPayload.
   */
  decode(bytes: Uint8Array, take?: (kind: ChannelKind, index: number) => ChannelHandle): unknown;
}
