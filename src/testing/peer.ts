import { InvalidArgument, LinkError } from '../base/errors.js';
import type { Codec, DecodeLimits } from '../codec/codec.js';
import { decodeFrame } from '../codec/metadata.js';
import { messagePack } from '../codec/msgpack/msgpack.js';
import type { Link } from '../link/link.js';
import type { Message } from '../wire/message.js';

/**
 * An input of a {@link ScriptedPeer} to its link: a message, any bytes as one frame, the end of the stream, or a failure
 * with a text, for links with a method to fail, such as `memoryLinkPair`'s.
 */
export type PeerInput = Message | Uint8Array | 'end' | { readonly fail: string };

/** Options of {@link ScriptedPeer}. */
export interface ScriptedPeerOptions {
  /** The codec, by default MessagePack. */
  readonly codec?: Codec;
  /**
   * Called for each arrival in order: a message, undecodable bytes, or the end. Without it, undecodable bytes cause an error
   * outside the link's own turn, so that no test misses them.
   */
  readonly onHeard?: (heard: Message | Uint8Array | 'end') => void;
}

/** The peer accepts more than a session would: the limits under test are the other side's. */
const GENEROUS: DecodeLimits = { metadataEntries: 2 ** 16, metadataBytes: 2 ** 24 };

/**
 * A peer that sends the messages of a test, and records the messages that it receives. It knows no rules: it answers nothing
 * by itself, and breaks the protocol if the test does.
 *
 * @example
 * const [near, far] = memoryLinkPair();
 * const peer = new ScriptedPeer(far);
 * const starting = accept(near);
 * peer.say({ type: 'Ping', connectionId: 0, nonce: 1n });
 * await expect(starting).rejects.toThrow('expected Hello');
 */
export class ScriptedPeer {
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #received: Message[] = [];
  #hasHeardEnd = false;

  constructor(link: Link, { codec = messagePack, onHeard }: ScriptedPeerOptions = {}) {
    if (typeof link?.start !== 'function') throw new InvalidArgument('a peer needs a link');
    if (onHeard !== undefined && typeof onHeard !== 'function') throw new InvalidArgument('onHeard must be a function');
    this.#link = link;
    this.#codec = codec;
    const over = () => {
      this.#hasHeardEnd = true;
      onHeard?.('end');
    };
    link.start({
      message: (bytes) => this.#hear(bytes, onHeard),
      drained: () => {},
      ended: over,
      failed: over,
    });
  }

  /** True if the link has ended at this end too. */
  get hasHeardEnd(): boolean {
    return this.#hasHeardEnd;
  }

  /** Returns the messages that have arrived since the last call, without undecodable bytes. */
  take(): readonly Message[] {
    return this.#received.splice(0);
  }

  /**
   * Sends all inputs at once: all are there before the other side handles the first one.
   *
   * @throws InvalidArgument when an input is of no such kind, when a message has no encoding, or when the link cannot be
   * made to fail; LinkError when the link is closed.
   */
  say(...inputs: PeerInput[]): void {
    for (const input of inputs) {
      if (input === 'end') this.#link.close();
      else if (input instanceof Uint8Array) this.#link.send(input);
      else if (typeof input !== 'object' || input === null) {
        throw new InvalidArgument(`a peer says a message, bytes, 'end' or { fail }, not ${String(input)}`);
      } else if ('fail' in input) this.#fail(input.fail);
      else this.#link.send(this.#codec.encode(input));
    }
  }

  #hear(bytes: Uint8Array, onHeard: ScriptedPeerOptions['onHeard']): void {
    let message: Message;
    try {
      message = decodeFrame(this.#codec, bytes, GENEROUS);
    } catch (error) {
      if (onHeard === undefined) throw error;
      onHeard(bytes);
      return;
    }
    this.#received.push(message);
    onHeard?.(message);
  }

  #fail(text: string): void {
    const { fail } = this.#link as Partial<{ fail(error: Error): void }>;
    if (fail === undefined) throw new InvalidArgument('this link cannot be made to fail');
    fail.call(this.#link, new LinkError(text));
  }
}
