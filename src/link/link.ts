/** The events that a link passes to its one user. A link never calls them from within one of its own methods. */
export interface LinkEvents {
  /** One message arrived, whole. The bytes belong to the receiver. */
  message(bytes: Uint8Array): void;
  /**
   * Sent bytes have left: `buffered` is lower than before, or a part of a message has left that counts in `buffered` until
   * all of it has. While `buffered` is above 0, this call follows, even for a single byte, unless no more bytes can leave.
   */
  drained(): void;
  /**
   * The peer ended the link, or our own `close()` is done. Comes after all messages received before it. No event follows.
   */
  ended(): void;
  /** The link broke, or the peer used it wrongly. No event follows. */
  failed(error: Error): void;
  /**
   * A link that outlives its connections has none for now. It takes messages as before, and sends them later. Only
   * such a link calls this function; see `roam-actors/reliable`. `restored`, `ended` or `failed` follows.
   */
  interrupted?(): void;
  /** Messages flow again. Called only after `interrupted`. */
  restored?(): void;
  /**
   * Bytes that the next message may have. A link asks for each message; if it can, before it allocates memory for the
   * message. A session accepts less before the handshake than after it. A message above *twice* this limit breaks the link.
   * A message between the two reaches the session, which can say what is wrong. Without this function the link uses its own
   * limit.
   */
  readonly frameLimit?: (() => number) | undefined;
}

/** A certificate of a peer, as TLS has checked it. */
export interface LinkCertificate {
  readonly subject: object;
  readonly issuer: object;
  readonly subjectaltname?: string | undefined;
  /** SHA-256 of the certificate, as pairs of hexadecimal digits with colons. */
  readonly fingerprint256: string;
}

/**
 * What a link shows of its peer, beside what the peer says in a session. Cookies and headers are credentials: JSON and logs of
 * this object have the address only.
 */
export interface LinkFacts {
  /** Path and query of the HTTP request; undefined without one. A query may hold credentials. */
  readonly url: string | undefined;
  /** The address of the peer, or of a proxy in between. */
  readonly remoteAddress: string | undefined;
  /** The certificate of a TLS client, if the server asked for one (`requestCert`) and it is valid. */
  readonly certificate: LinkCertificate | undefined;
  /** A header of the HTTP request; several of one name are joined by commas, cookies by semicolons. */
  header(name: string): string | undefined;
  toJSON(): object;
}

/** The limit of a message if neither the user of a link nor an option sets one. */
export const DEFAULT_FRAME = 2 ** 20;

/** @param most the limit of the link, in bytes */
export function tooLong(length: number, most: number): string {
  return `the peer sent a message of ${String(length)} bytes; at most ${String(most)} are taken`;
}

/**
 * A reliable, ordered way to send messages of bytes between two peers. One `send` is one `message` at the other end; empty
 * messages are allowed. A link buffers messages that it can't send at once, without a bound of its own: the sender must
 * watch `buffered`.
 *
 * After `close()` or `abort()`, and after `ended` or `failed`, a link holds no timer, listener or socket.
 */
export interface Link {
  /**
   * The link's name for those who watch sessions. If both ends know it, it is the same at both, so that an observer of both
   * can see that they belong together. It has no other use.
   */
  readonly name?: string | undefined;

  /**
   * Starts the flow of events. Called once, before any other method. Messages that arrived earlier are kept until then.
   */
  start(events: LinkEvents): void;

  /**
   * Sends one message. From here on the bytes belong to the link.
   *
   * @throws Error when the link is closed, ended or broken.
   */
  send(bytes: Uint8Array): void;

  /** Bytes passed to `send` that have not left yet. */
  readonly buffered: number;

  /**
   * True if the link holds only the last `retained` bytes of those it was given, and has passed on bytes only as copies. The
   * memory of longer frames is then reused. If the field is absent, or the link is not sure, every frame stays as it was
   * sent.
   */
  readonly releasesSent?: boolean;

  /**
   * Returns what the link shows of its peer; undefined if it knows nothing. A link that wraps another one returns the value of
   * that link. It is no property, since inspectors read properties.
   */
  facts?(): LinkFacts | undefined;

  /**
   * Bytes passed to `send` that the link still needs, because it may have to send them again. If the field is absent, these
   * are the `buffered` ones. Bytes that have left do not make a sender wait, also while they are retained.
   */
  readonly retained?: number;

  /** True for a link over a byte stream, such as TCP. A link that wraps another one returns the value of that link. */
  readonly isStream?: boolean;

  /** Stops reading. A few messages that were under way may still arrive. */
  pause(): void;

  /** Reads again. */
  resume(): void;

  /**
   * Ends the link in order: sent messages leave first, then the link ends and calls `ended`. It lifts a pause, and messages
   * may still arrive until the end. Idempotent.
   */
  close(): void;

  /** Ends at once, drops messages that have not left, and calls no event any more; the peer gets `failed`. Idempotent. */
  abort(): void;
}
