/** Where callers connect to. */
export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** A stream that somebody asks for: so many items of a size, of which only so many may be under way untaken. */
export interface StreamRequest {
  readonly count: number;
  /** Bytes. */
  readonly size: number;
  /** Items. Who has flow control of another kind leaves it aside. */
  readonly credit: number;
}

/** One end of a connection whose other end answers. Everything that arrives is compared with what it has to be. */
export interface Caller {
  /** Makes `count` calls, at most `inFlight` of them unanswered at a time, and resolves with the last answer. */
  echo(count: number, inFlight: number): Promise<void>;
  /** Asks for a stream, takes all of it, and resolves with its end. */
  stream?(request: StreamRequest): Promise<void>;
  /** Asks for a stream, and takes nothing of it. */
  ignore?(request: StreamRequest): Promise<void>;
  /** Sends `count` messages as fast as backpressure allows, and resolves when the peer says that it has counted them. */
  flood?(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds from nothing to the first answer, and what they were spent on. */
export interface FirstReply {
  readonly total: number;
  /** The WebSocket. */
  readonly link: number;
  readonly handshake?: number;
  /** A virtual connection. */
  readonly open?: number;
  /** The request. */
  readonly reply: number;
}

/** Where the end that sends a stream has its items from. */
export interface Source {
  /** Begins a stream: what is returned gives the next item, as often as it is called. */
  open(size: number): () => Buffer;
  /** How many of the items wait with who sends them, since the stream takes no more. */
  held: number;
}

/** One way to call somebody over a WebSocket, written as its users would write it. */
export interface Contender {
  serve(source: Source): Promise<Peer>;
  /** @param size - of a call's payload, in bytes. */
  connect(url: string, size: number): Promise<Caller>;
  firstReply?(url: string, size: number): Promise<FirstReply>;
}
