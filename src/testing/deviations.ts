import { echoOf } from './phrases.js';
import type { Answer, CaseSpec, Step } from './vocabulary.js';

// The known deviations of official peers from the protocol, by the rows of docs/differences.md.

/** A kind of peer whose deviations are known. */
export type PeerKind = 'roam-rust-7';

/** A deviation of a kind of peer in some cases. */
interface Deviation {
  readonly row: string;
  /** The rest of the sentence "a roam-rust-7 peer …". */
  readonly does: string;
  /** The names of the cases. */
  readonly cases: readonly string[];
  /** Its answer to the last step of such a case. */
  readonly answer: Answer;
}

const DEVIATIONS: Readonly<Record<PeerKind, readonly Deviation[]>> = {
  'roam-rust-7': [
    {
      row: '9b.02',
      does: 'takes it for the end of the root, and ends the session when its application lets go of that',
      cases: ['session: an Accept for the root', 'session: a Reject for the root'],
      answer: { ends: true },
    },
    {
      row: '9b.16',
      does: 'ignores a ProtocolError after the handshake',
      cases: [
        'session: a ProtocolError ends the session, and is not answered',
        'session: a ProtocolError on another id than the root',
      ],
      answer: {},
    },
    {
      row: '9a.12',
      does: 'takes ids of 64 bits',
      cases: ['session: a connection id of 2^53', 'session: a request id of 2^53', 'session: a channel id of 2^53'],
      answer: {},
    },
    {
      row: '9a.12',
      does: 'drops the bits of an integer that its type has no room for',
      cases: ['session: a credit of 2^32'],
      answer: {},
    },
    {
      row: '9a.12',
      does: 'drops the bits of an integer that its type has no room for',
      cases: ['session: a nonce of 2^64'],
      answer: { hear: () => [echoOf(0n)] },
    },
    {
      row: '9a.12',
      does: 'ignores bytes behind a message',
      cases: ['session: a frame with bytes behind the message'],
      answer: {},
    },
  ],
};

/** The rows that a kind of peer may break in any case, depending on the order of its tasks. They have no further effect. */
export const EXCUSES: Readonly<Record<PeerKind, readonly string[]>> = { 'roam-rust-7': ['9b.01'] };

export const PEER_KINDS = Object.keys(DEVIATIONS) as readonly PeerKind[];

/** Returns a case for a kind of peer. If that kind deviates in the case, the last step expects exactly its answer. */
export function caseFor(peer: PeerKind | undefined, spec: CaseSpec): CaseSpec {
  const deviation = peer && DEVIATIONS[peer].find(({ cases }) => cases.includes(spec.name));
  const last = spec.steps.at(-1);
  if (deviation === undefined || last === undefined) return spec;
  const { row, does, answer } = deviation;
  const { tell } = last;
  const step: Step = { ...(tell === undefined ? {} : { tell }), ...answer };
  return { ...spec, row, deviates: `a ${peer} peer ${does}`, steps: [...spec.steps.slice(0, -1), step] };
}
