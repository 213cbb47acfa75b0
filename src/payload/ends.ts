import { describe } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { Rx, stateOf, Tx } from '../calls/channel.js';
import { MAX_DEPTH } from './msgpack-layout.js';
import type { ChannelHandle } from './payload.js';

// The ends of channels in the values of a payload: how they are found, and what becomes of them when a message is not sent.

/** The ends of a message that names no channel. */
export const NO_ENDS: ChannelHandle[] = [];

/** True if an end of a channel is among the arguments of a call. */
export function passesChannel(args: readonly unknown[]): boolean {
  try {
    return endsIn(args).length > 0;
  } catch {
    // A getter threw. It will throw again in the call, which reports it.
    return false;
  }
}

/** Ends the channels among the arguments of a call that was never made: their other ends get the error. */
export function forgoArgs(args: readonly unknown[], error: Error): void {
  if (passesChannel(args)) forgo(endsIn(args), error);
}

/** The ends of channels that a codec should find: in objects, but not in arrays below the outermost. */
function endsIn(list: readonly unknown[]): ChannelHandle[] {
  const ends: ChannelHandle[] = [];
  const look = (value: unknown, depth: number): void => {
    if (value instanceof Rx || value instanceof Tx) {
      ends.push(value);
    } else if (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      !(value instanceof Uint8Array) &&
      depth < MAX_DEPTH
    )
      for (const field of Object.values(value)) look(field, depth + 1);
  };
  for (const value of list) look(value, 0);
  return ends;
}

/** @throws InvalidArgument when there are ends of channels after all: they would never be connected. */
export function requireNoEnds(list: readonly unknown[]): void {
  const missed = endsIn(list);
  if (missed.length === 0) return;
  const error = new InvalidArgument(
    'the codec of the service carries no channels: encode must append each end that it meets',
  );
  forgo(missed, error);
  throw error;
}

/** Ends the channels of a call that has failed, so that readers and senders stop waiting. */
export function failAll(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) stateOf(end, 'the channel').fail(error);
}

/** Ends the channels that were to be passed, and were not: their other ends get the error. Channels passed before go on. */
export function forgo(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) {
    const state = stateOf(end, 'the channel');
    if (!state.isPassed) state.abandon(error);
  }
}

/** Ends the channels that the peer has never been told of. */
export function abandonAll(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) {
    const state = stateOf(end, 'the channel');
    if (state.end === undefined) state.abandon(error);
  }
}

/** @throws InvalidArgument when a codec did not return bytes. Sending would find this out too late. */
export function encoded(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new InvalidArgument(`codec.encode must give a Uint8Array, not ${describe(bytes)}`);
  }
  return bytes;
}
