import { InvalidArgument } from './errors.js';

/** The largest delay that timers take, in milliseconds. */
export const MAX_DELAY = 2 ** 31 - 1;

/** The limits of a session. Each limit stops an attack, or a mistake of ours, from costing more than the limit says. */
export interface Limits {
  /**
   * Bytes of one frame, either way. Stops a peer from making us hold an endless message.
   * @defaultValue 1 MiB
   */
  readonly frame: number;
  /**
   * Entries in one list of metadata that we receive. Stops a list of empty entries, which cost more than their bytes.
   * @defaultValue 64
   */
  readonly metadataEntries: number;
  /**
   * Bytes of keys and values in one list of metadata that we receive. Stops metadata from carrying payload past the inbox.
   * @defaultValue 16 KiB
   */
  readonly metadataBytes: number;
  /**
   * Virtual connections at a time: active, pending and undecided. Stops a peer that opens for ever. Each costs about 3 KiB.
   * @defaultValue 4 096
   */
  readonly connections: number;
  /**
   * The peer's opens that wait for our decision. Stops a peer from piling up work for a slow `onConnection`.
   * @defaultValue 256
   */
  readonly undecided: number;
  /**
   * The peer's calls whose handlers are at work, on all connections together; further ones are answered `Cancelled`. Stops
   * a peer that calls and cancels faster than handlers notice.
   * @defaultValue 4 096
   */
  readonly requests: number;
  /**
   * Open channels, on all connections together; a call that names more fails. Up to as many ids of ended channels are kept,
   * while the peer may not know of the end yet. Stops a peer that names channels for ever.
   * @defaultValue 4 096
   */
  readonly channels: number;
  /**
   * Messages in one connection's inbox. One message more pauses reading until the inbox is half empty. Stops a peer that is
   * faster than our reader.
   * @defaultValue 64
   */
  readonly inboxMessages: number;
  /**
   * Bytes of the frames in all inboxes together. At this many, the next message that has to wait pauses reading. Stops many
   * slow readers from adding up. Each message counts 128 more than its frame, 8 for each channel that it names, and 96 for
   * each entry of its metadata, as keeping them costs. Unread messages of connections that are over do not pause reading,
   * until they and all inboxes together hold twice as much.
   * @defaultValue 16 MiB
   */
  readonly inboxBytes: number;
  /**
   * Bytes of frames that arrived while reading was paused, on a link that can't be paused at once. The message that found no
   * room is included. Each frame counts 64 more than its length, as keeping it costs. Past the limit the session ends with
   * LimitExceeded; one frame is always taken. Stops a peer that goes on sending, be it empty frames, to a session that does
   * not read.
   * @defaultValue 8 MiB
   */
  readonly intakeBytes: number;
  /**
   * Bytes that wait to leave. From this many on, `send` waits; one frame may go past the limit. A reply counts 256 more than
   * its bytes. Stops our own callers from filling memory behind a slow peer.
   * @defaultValue 4 MiB
   */
  readonly outboxBytes: number;
  /**
   * Bytes of replies and other control messages beyond what filled the outbox; each counts 256 more than its length, as
   * keeping it costs. Past it the session ends with LimitExceeded. Stops a peer that asks (Ping, ConnectionOpen) and does not
   * read the answers.
   * @defaultValue 1 MiB
   */
  readonly replyBytes: number;
  /**
   * Bytes of messages whose `send` waits for room; each counts 256 more than its length, as keeping it costs. Past the limit
   * `send` rejects with LimitExceeded, and sends nothing. The same limit applies again to the calls of a connection that
   * wait for their turn, and to the items of each channel that wait for credit; a channel that is not passed in a call yet
   * has the default. Stops a caller that ignores the promise of `send`.
   * @defaultValue 16 MiB
   */
  readonly waitingBytes: number;
  /**
   * Milliseconds that one session may spend in one turn of the event loop on messages of its peer. The other messages wait
   * for the next turn, and the other sessions of the process come in between. One message takes effect as a whole, however
   * long that takes. Stops one peer from blocking all the others.
   * @defaultValue 1
   */
  readonly turnTime: number;
  /**
   * Bytes of the peer's first frame, its Hello or HelloYourself; as `frame`, but the handshake fails. A listener applies the
   * same limit to the bytes that a socket sends before its first frame is whole. Stops a peer that has not said Hello from
   * making us hold much.
   * @defaultValue 64 KiB
   */
  readonly handshakeBytes: number;
  /**
   * Milliseconds for the handshake. Stops a peer that connects and says nothing.
   * @defaultValue 10 000
   */
  readonly handshakeTimeout: number;
  /**
   * Milliseconds for `authenticate`; then the peer is refused as `unavailable`. Stops handshakes from piling up behind a slow
   * check of credentials.
   * @defaultValue 5 000
   */
  readonly authenticateTimeout: number;
  /**
   * Milliseconds for one answer of `onConnection`; then the open is rejected. Stops an acceptor that never answers.
   * @defaultValue 10 000
   */
  readonly acceptTimeout: number;
  /**
   * Milliseconds for the peer's answer to an open of ours. Stops a peer that never answers.
   * @defaultValue 30 000
   */
  readonly openTimeout: number;
  /**
   * Milliseconds for the last messages to leave. Stops a peer that does not read from keeping a session alive.
   * @defaultValue 1 000
   */
  readonly flushTimeout: number;
  /**
   * Milliseconds that a full outbox may go without progress; then the session ends with LimitExceeded. Stops a peer that
   * does not read, and two sessions that wait for each other. An operating system may accept more bytes only when a third of
   * its own buffer, of up to some MiB, has left. Raise this limit for peers that read less than that (130 KB/s) in 10 s.
   * @defaultValue 10 000
   */
  readonly stallTimeout: number;
  /**
   * Milliseconds that full inboxes may pause reading; then the session ends with LimitExceeded. Stops a session that the
   * application does not read from living for ever: while it does not read, it does not see that its peer has gone.
   * @defaultValue 300 000
   */
  readonly unreadTimeout: number;
}

export const DEFAULT_LIMITS: Limits = {
  frame: 2 ** 20,
  metadataEntries: 64,
  metadataBytes: 16 * 2 ** 10,
  connections: 4096,
  undecided: 256,
  requests: 4096,
  channels: 4096,
  inboxMessages: 64,
  inboxBytes: 16 * 2 ** 20,
  intakeBytes: 8 * 2 ** 20,
  outboxBytes: 4 * 2 ** 20,
  replyBytes: 2 ** 20,
  waitingBytes: 16 * 2 ** 20,
  turnTime: 1,
  handshakeBytes: 64 * 2 ** 10,
  handshakeTimeout: 10_000,
  authenticateTimeout: 5_000,
  acceptTimeout: 10_000,
  openTimeout: 30_000,
  flushTimeout: 1_000,
  stallTimeout: 10_000,
  unreadTimeout: 300_000,
};

/** Bytes that the peer's first frame may have. */
export function firstFrameLimit({ handshakeBytes, frame }: Limits): number {
  return Math.min(handshakeBytes, frame);
}

/** The limits that may be 0. */
const COUNTS: ReadonlySet<string> = new Set(['connections', 'undecided', 'requests', 'channels']);

/**
 * `limits`, with the defaults for missing names.
 *
 * @throws InvalidArgument when a name is not that of a limit, or a value is not an integer of at least 1 (of at least 0 for
 * `connections`, `undecided`, `requests`, `channels` and the limits of metadata), or a time is above 2^31 − 1.
 */
export function limitsOf(limits: Partial<Limits> = {}): Limits {
  if (typeof limits !== 'object' || limits === null) {
    throw new InvalidArgument(`limits must be an object, not ${String(limits)}`);
  }
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new InvalidArgument(`limits.${name} is not a limit`);
    const least = COUNTS.has(name) || name.startsWith('metadata') ? 0 : 1;
    const most = name.endsWith('Timeout') ? MAX_DELAY : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgument(`limits.${name} must be an integer from ${least} to ${most}, not ${String(value)}`);
    }
  }
  return { ...DEFAULT_LIMITS, ...limits };
}
