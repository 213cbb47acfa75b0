/** The server of a contender, with the URL for callers. */
export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

/** The request for a stream: `count` items of `size` bytes. At most `credit` items may be under way untaken. */
export interface StreamRequest {
  readonly count: number;
  /** Bytes. */
  readonly size: number;
  /** Items. Contenders with another kind of flow control ignore it. */
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

/** The milliseconds from the start to the first answer, in total and by phase. */
export interface FirstReply {
  readonly total: number;
  /** The time to open the WebSocket. */
  readonly link: number;
  readonly handshake?: number;
  /** The time to open a virtual connection. */
  readonly open?: number;
  /** The time of the request. */
  readonly reply: number;
}

/** The source of items for the sender of streams. */
export interface Source {
  /** Begins a stream. Each call of the returned function gives the next item. */
  open(size: number): () => Buffer;
  /** The number of items that wait at the sender, since the stream takes no more. */
  held: number;
}

/** One way to make calls over a WebSocket, written as its users would write it. */
export interface Contender {
  serve(source: Source): Promise<Peer>;
  /** @param size - of a call's payload, in bytes. */
  connect(url: string, size: number): Promise<Caller>;
  /** @param on - 'root' for a service on the root connection; otherwise on a virtual one, where there are any. */
  firstReply?(url: string, size: number, on?: 'root'): Promise<FirstReply>;
}
