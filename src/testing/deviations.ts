import { echoOf, heard } from './phrases.js';
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
      cases: ['an Accept for the root', 'a Reject for the root'],
      answer: { ends: true },
    },
    {
      row: '9b.16',
      does: 'ignores a ProtocolError after the handshake',
      cases: [
        'a ProtocolError ends the session with its description, the peer accused',
        'a ProtocolError without a description ends the session too',
        'a ProtocolError on another id than 0',
        'a ProtocolError on the tester’s active connection',
      ],
      answer: {},
    },
    {
      row: '9b.16',
      does: 'ignores a ProtocolError after the handshake',
      cases: ['a ProtocolError is not answered'],
      answer: { hear: () => [echoOf(1n)] },
    },
    {
      row: '9b.03',
      does: 'forgets the root on its Close, and may answer an open of its id before it ends',
      cases: ['an Open on 0 behind a Close on the root finds the session ended by the violation'],
      answer: { maybe: () => [heard('ConnectionReject', 0), heard('ConnectionAccept', 0)], ends: true },
    },
    {
      row: '9a.12',
      does: 'takes ids of 64 bits',
      cases: ['a connection id of 2^53', 'a request id of 2^53', 'a channel id of 2^53'],
      answer: {},
    },
    {
      row: '9a.12',
      does: 'drops the bits of an integer that its type has no room for',
      cases: ['a credit of 2^32'],
      answer: {},
    },
    {
      row: '9a.12',
      does: 'drops the bits of an integer that its type has no room for',
      cases: ['a nonce of 2^64'],
      answer: { hear: () => [echoOf(0n)] },
    },
    {
      row: '9a.12',
      does: 'ignores bytes behind a message',
      cases: ['a frame with bytes behind the message'],
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
  // The reference tolerates some of these messages, and the suite then looks whether the session goes on.
  const tolerant = spec.steps.findIndex(({ tolerated }) => tolerated !== undefined);
  const at = tolerant === -1 ? spec.steps.length - 1 : tolerant;
  const last = spec.steps[at];
  if (deviation === undefined || last === undefined) return spec;
  const { row, does, answer } = deviation;
  const { tell } = last;
  const step: Step = { ...(tell === undefined ? {} : { tell }), ...answer };
  return { ...spec, row, deviates: `a ${peer} peer ${does}`, steps: [...spec.steps.slice(0, at), step] };
}
