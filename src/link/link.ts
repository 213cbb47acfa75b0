/** What a link tells its one user. Never called from within one of the link's own methods. */
export interface LinkEvents {
  /** One message arrived, whole. The bytes belong to the receiver. */
  message(bytes: Uint8Array): void;
  /**
   * Some of what was sent has left: `buffered` is lower than before, or some of a message that counts in it until all of it
   * has left. Whenever `buffered` is above 0 it follows, be it for a single byte, unless nothing leaves any more.
   */
  drained(): void;
  /** The peer ended the link, or our own `close()` is through; after everything that was received before it. Nothing follows. */
  ended(): void;
  /** The link broke, or the peer used it wrongly. Nothing follows. */
  failed(error: Error): void;
  /**
   * Bytes that the next message may have. A link asks for each message, and before it takes memory for it, where it can: a
   * session takes less before the handshake than after it. A message above *twice* that breaks the link; between the two
   * the session sees the message, and can say what is wrong. Without it the link has a limit of its own.
   */
  readonly frameLimit?: (() => number) | undefined;
}

/** What a message may have where neither the user of a link nor an option says so. */
export const DEFAULT_FRAME = 2 ** 20;

/** @param most what a link takes, in bytes */
export function tooLong(length: number, most: number): string {
  return `the peer sent a message of ${String(length)} bytes; at most ${String(most)} are taken`;
}

/**
 * A reliable, ordered, message-oriented way for bytes between two peers: one `send` is one `message` at the other end;
 * empty messages are allowed. It buffers what it can't send at once, without a bound of its own: whoever sends watches `buffered`.
 *
 * After `close()` or `abort()`, and after `ended` or `failed`, a link holds no timer, listener or socket.
 */
export interface Link {
  /**
   * What to call the link where sessions are watched; the same at both of its ends, where both know it, so that whoever
   * watches both knows that they belong together. Nothing else goes by it.
   */
  readonly name?: string | undefined;

  /**
   * Starts the flow of events; called once, before anything else. What arrived earlier is kept until then.
   */
  start(events: LinkEvents): void;

  /**
   * Takes one message. The bytes are the link's from here on.
   *
   * @throws Error when the link is closed, ended or broken.
   */
  send(bytes: Uint8Array): void;

  /** Bytes taken by `send` that have not left yet. */
  readonly buffered: number;

  /**
   * True of a link that has nothing of what it was given but the last `buffered` bytes, and has handed on none of it but as a
   * copy: memory of longer frames is used again then. Absent, or in doubt, every frame stays as it was sent.
   */
  readonly releasesSent?: boolean;

  /** True of a link over a byte stream, such as TCP. A link that wraps another one passes it on. */
  readonly isStream?: boolean;

  /** Stops reading. A few messages that were under way may still arrive. */
  pause(): void;

  /** Reads again. */
  resume(): void;

  /**
   * An orderly end: what was sent leaves first, then the link ends, and `ended` is told. It lifts a pause, and messages may
   * still arrive until then. Idempotent.
   */
  close(): void;

  /** Ends at once, drops what has not left, and tells nothing more; the peer hears `failed`. Idempotent. */
  abort(): void;
}
