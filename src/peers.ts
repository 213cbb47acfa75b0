import { shown } from './arguments.js';
import { InvalidArgument } from './errors.js';

/** What differs from the specification in a peer, one option for each deviation. */
export interface PeerOptions {
  /**
   * Whether at most one more message leaves behind a Ping or ConnectionOpen of ours, until the peer has answered that, or
   * until we give it up. What is held back counts in `limits.outboxBytes`. The official Rust peer needs it over WebSocket,
   * where it freezes for good otherwise. Only for one of the two sides: two that both do it can wait for each other.
   *
   * @defaultValue false
   */
  readonly awaitAnswers?: boolean;
  /**
   * Whether our ConnectionRejects leave without the metadata that `onConnection` gives. The official Rust peer reads a
   * Reject's metadata from freed memory, and may crash by it.
   *
   * @defaultValue false
   */
  readonly emptyRejects?: boolean;
}

/** The official peers of version 7. */
export type Peer = 'roam-rust-7';

const PEERS: Readonly<Record<Peer, PeerOptions>> = {
  'roam-rust-7': { awaitAnswers: true, emptyRejects: true },
};

/** Every option, with what it is unless a preset or the user says otherwise. */
const DEFAULTS: Required<PeerOptions> = {
  awaitAnswers: false,
  emptyRejects: false,
};

/**
 * The options of a peer: the user's own before those of the preset. `isStream` says that the link is a byte stream, over
 * which the Rust peer does not freeze.
 *
 * @throws InvalidArgument when `peer` is none that is known, or an option is of the wrong type.
 */
export function peerOptionsOf(
  options: PeerOptions & { readonly peer?: Peer | undefined },
  isStream: boolean,
): Required<PeerOptions> {
  const { peer } = options;
  if (peer !== undefined && !Object.hasOwn(PEERS, peer)) {
    const known = Object.keys(PEERS).map((name) => `'${name}'`);
    throw new InvalidArgument(`peer must be one of ${known.join(', ')}, not ${shown(peer)}`);
  }
  const preset = peer === undefined ? {} : PEERS[peer];
  const awaitAnswers = preset.awaitAnswers === true && !isStream;
  const all = { ...DEFAULTS, ...preset, awaitAnswers };
  for (const name of Object.keys(DEFAULTS) as (keyof PeerOptions)[]) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'boolean') throw new InvalidArgument(`${name} must be true or false, not ${shown(value)}`);
    all[name] = value;
  }
  return all;
}
