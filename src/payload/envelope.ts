import { ApplicationError, Cancelled, InvalidPayload, UnknownMethod } from '../base/errors.js';
import type { Outcome } from './payload.js';

// A method answers with `Result<T, RoamError<E>>` as an array, even if it declares no error:
// [0, value] | [1, [0, error]] | [1, [1]] unknown method | [1, [2]] invalid payload | [1, [3]] cancelled.
// r[rpc.fallible.caller-signature]

export function success(value: unknown): readonly unknown[] {
  return [0, value];
}

export function failure(error: unknown): readonly unknown[] {
  return [1, [0, error]];
}

export const UNKNOWN_METHOD = [1, [1]];
export const INVALID_PAYLOAD = [1, [2]];
export const CANCELLED = [1, [3]];

/**
 * Returns the content of an answer: a value, after a 0 as its kind, or the error that the call rejects with.
 *
 * @throws InvalidPayload when `answer` is no answer.
 */
// r[rpc.fallible.roam-error]
export function outcomeOf(answer: unknown): Outcome {
  if (Array.isArray(answer) && answer.length === 2) {
    const [kind, rest] = answer as [unknown, unknown];
    if (kind === 0) return answer as [0, unknown];
    if (kind === 1 && Array.isArray(rest)) {
      const [code] = rest as unknown[];
      if (code === 0 && rest.length === 2) return new ApplicationError(rest[1]);
      if (rest.length === 1) {
        if (code === 1) return new UnknownMethod();
        if (code === 2) return new InvalidPayload();
        if (code === 3) return new Cancelled('peer');
      }
    }
  }
  throw new InvalidPayload('malformed payload: an answer that is no result');
}
