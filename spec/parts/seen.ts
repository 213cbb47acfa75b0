import type { Parity } from '../../src/wire/id.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { done, failed, sessionClosed } from '../rows/outcome.js';
import type * as Spec from '../rows/vocabulary.js';
import type { Failure } from './oracle.js';
import type { SessionEnd, SessionEvent } from './session-state.js';

// Translates the events between the parts into the results that an application sees.

/** Returns true if the parts can foresee all effects of the answer: it is no mistake, and has no `setup`. */
export function isForeseen(decision: Spec.Decision, parity: Parity): boolean {
  if (decision === 'throw' || 'reject' in decision) return true;
  return decision.accept.setup === undefined && decision.accept.settings?.parity !== parity;
}

/** The text of a failed handshake, where the specification has it. */
export function messageOf(failure: Failure | undefined): { message?: string } {
  // The codec and the link have words of their own for a bad frame or a failure.
  const isFree = failure?.message === undefined || failure.message === '' || failure.error !== undefined;
  return isFree ? {} : { message: failure.message as string };
}

/** The cause of a handshake that failed by a refusal. */
export function refusalOf(failure: Failure | undefined): { cause?: Spec.ErrorFacts } {
  if (failure?.refusal === undefined) return {};
  const { reason, text: message } = failure.refusal;
  return { cause: { code: 'refused', reason, message } };
}

/** Returns the settlement of a promise, by the outcome of its request. */
export function settlementOf(outcome: { readonly type: string } & Readonly<Record<string, unknown>>): Spec.Settlement {
  switch (outcome.type) {
    case 'done':
      return done;
    case 'rejected':
      return failed({ code: 'rejected', metadata: outcome['metadata'] as Metadata });
    case 'closed':
      return failed({ code: 'connection-closed', by: outcome['by'] as 'local' | 'peer' });
    case 'aborted':
      return failed({ code: 'connection-closed', by: 'local' });
    case 'expired':
      return failed({ code: 'limit', limit: 'openTimeout' });
    case 'draining':
      return failed({ code: 'unavailable' });
    case 'limited':
      return failed({ code: 'limit', limit: 'connections' });
    case 'invalid':
      return failed({ code: 'invalid-argument', message: outcome['message'] as string });
    default:
      return sessionClosed();
  }
}

/** Returns the value that `session.closed` resolves with. */
export function endOf(end: SessionEnd): Spec.SessionEnd {
  switch (end.cause) {
    case 'shutdown':
    case 'released':
    case 'abandoned':
      return { cause: end.cause, by: 'local' };
    case 'peer':
      return { cause: 'peer', by: 'peer' };
    case 'link':
      return { cause: 'link', error: { code: 'link' } };
    case 'keepalive':
      return { cause: 'keepalive', error: { code: 'keepalive' } };
    case 'accused':
      return { cause: 'protocol', error: { code: 'protocol', side: 'local', message: end['description'] as string } };
    case 'violation': {
      if (end['limit'] !== undefined)
        return { cause: 'limit', error: { code: 'limit', limit: end['limit'] as string } };
      return { cause: 'protocol', error: { code: 'protocol', side: 'remote', rule: end['rule'] as never } };
    }
    default:
      throw new Error(`nothing here ends by ${end.cause}`);
  }
}

/**
 * Returns the event of a frame that does not decode. Returns undefined for a frame that may exceed a limit: the codec's own
 * tests cover those.
 */
export function malformed(bytes: Uint8Array): SessionEvent | undefined {
  if (bytes.length > 100 && bytes.length <= 2 ** 20) return undefined;
  const limit = bytes.length > 2 ** 20 ? { limit: 'frame' } : {};
  return { type: 'conduit.malformed', rule: 'session.message', description: '', ...limit };
}
