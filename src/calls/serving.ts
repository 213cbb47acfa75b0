import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { describe, objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import type { Codec } from '../codec/codec.js';
import { creditOf } from './channel.js';
import type { ConnectionScope } from './scope.js';

type Refusals = NonNullable<Codec['refusals']>;

/**
 * Items that the sender of each channel of a method begins with: one number for all methods, or a number by the
 * method's id.
 */
export type Credit = number | ((methodId: bigint) => number);

/** The settings by which the calls of a connection are answered, beside their handler. */
export interface Serving {
  readonly refusals: Refusals;
  readonly credit: Credit;
  /** Returns the name of a method, for reports. */
  readonly nameOf?: ((methodId: bigint) => string | undefined) | undefined;
}

/** Returns the settings that hold until a handler says otherwise. The refusals are those of the session's codec. */
export function servingBy(codec: { readonly refusals?: Refusals }): Serving {
  const { refusals } = codec;
  return refusals === undefined ? DEFAULT_SERVING : { ...DEFAULT_SERVING, refusals };
}

export const DEFAULT_SERVING: Serving = {
  // The refusals of a service that speaks MessagePack: `[1, [1]]`, `[1, [2]]` and `[1, [3]]`.
  refusals: {
    unknownMethod: Uint8Array.of(0x92, 1, 0x91, 1),
    invalidPayload: Uint8Array.of(0x92, 1, 0x91, 2),
    cancelled: Uint8Array.of(0x92, 1, 0x91, 3),
  },
  credit: INITIAL_CREDIT,
};

/** @throws InvalidArgument that names what is wrong. */
export function servingOf(refusals: Refusals, credit: Credit, nameOf: Serving['nameOf']): Serving {
  checkRefusals(refusals, 'refusals');
  return { refusals, credit: typeof credit === 'function' ? credit : creditOf(credit), nameOf };
}

/** @throws InvalidArgument that names what is wrong. */
export function checkRefusals(refusals: Refusals, name: string): void {
  objectOf(refusals, name);
  for (const key of ['unknownMethod', 'invalidPayload', 'cancelled'] as const) {
    const value: unknown = refusals[key];
    if (!(value instanceof Uint8Array)) {
      throw new InvalidArgument(`${name}.${key} must be a Uint8Array, not ${describe(value)}`);
    }
  }
}

/**
 * Returns the credit that the application sets for a method. If its function gives no valid credit, that is reported,
 * and the default holds.
 */
export function creditFor({ credit }: Serving, methodId: bigint, { id, conduit }: ConnectionScope): number {
  if (typeof credit === 'number') return credit;
  try {
    return creditOf(credit(methodId));
  } catch (error) {
    const message = `the credit of method ${methodId} on connection ${id} is not known`;
    conduit.report({ kind: 'handler-failed', id, message, error });
    return INITIAL_CREDIT;
  }
}
