import { messagePack } from '../../src/codec/msgpack.js';
import { LinkError } from '../../src/errors.js';
import type { MemoryLink } from '../../src/link/memory.js';
import type { Message } from '../../src/wire/message.js';
import type { PeerInput } from '../spec/vocabulary.js';
import { DEFAULT_LIMITS } from './messages.js';

/** A peer that says what it is told to, and notes what it hears. It knows no rules. */
export class ScriptedPeer {
  readonly #link: MemoryLink;
  readonly #received: Message[] = [];
  #hasHeardEnd = false;

  constructor(link: MemoryLink) {
    this.#link = link;
    const over = () => {
      this.#hasHeardEnd = true;
    };
    link.start({
      message: (bytes) => this.#received.push(messagePack.decode(bytes, DEFAULT_LIMITS)),
      drained: () => {},
      ended: over,
      failed: over,
    });
  }

  /** Whether the link has ended here, too. */
  get hasHeardEnd(): boolean {
    return this.#hasHeardEnd;
  }

  /** What has arrived since the last time that it was asked for. */
  take(): readonly Message[] {
    return this.#received.splice(0);
  }

  /** Puts all of it on the link, so that it is there before any of it is handled. */
  say(...inputs: PeerInput[]): void {
    for (const input of inputs) {
      if (input === 'end') this.#link.close();
      else if (input instanceof Uint8Array) this.#link.send(input);
      else if ('fail' in input) this.#link.fail(new LinkError(input.fail));
      else this.#link.send(messagePack.encode(input));
    }
  }
}
