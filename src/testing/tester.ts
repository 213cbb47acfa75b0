import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';
import { type ConnectionId, opposite } from '../wire/id.js';
import type { Message } from '../wire/message.js';
import type { Said, Word } from './exchange.js';
import { Ledger } from './ledger.js';
import { type PeerInput, ScriptedPeer } from './peer.js';
import { echoOf, ping, pong } from './phrases.js';
import type { Offence, World } from './vocabulary.js';

/** The result of waiting: the next message of the peer or the end, or silence within the time. */
export type Next = Message | Uint8Array | 'end' | 'silence';

/** The first nonce of the tester's own Pings, far from those of the table. */
const FIRST_PROBE = 0x7e57_0000n;

/** The maximum number of messages in a case. A peer that never stops is cut here. */
export const MOST_WORDS = 1_000;

/** The counterpart in one case: it sends, receives, answers Pings, and records all messages. */
export class Tester {
  readonly exchange: Said[] = [];
  readonly world: World;
  readonly ledger: Ledger;
  /** Data that came on an open connection. An application may send it at any time. */
  readonly data = new WeakSet<Message>();
  /** The peer's first offence that is wrong in any case. */
  offence: Offence | undefined;
  /** The peer's first offence that its kind is known for. */
  excused: Offence | undefined;
  answersPings = true;
  readonly #link: Link;
  readonly #peer: ScriptedPeer;
  readonly #heard: (Message | Uint8Array | 'end')[] = [];
  #onHeard: (() => void) | undefined;
  #hasLetGo = false;
  #probes = 0n;
  readonly #excuses: readonly string[];

  /** @param excuses the rows of offences that are none for this kind of peer: they do not become its `offence`. */
  constructor(link: Link, codec: Codec, role: World['role'], excuses: readonly string[] = []) {
    this.#excuses = excuses;
    this.world = worldOf(role);
    this.ledger = new Ledger(this.world);
    this.#link = link;
    this.#peer = new ScriptedPeer(link, { codec, onHeard: (word) => this.#hear(word) });
  }

  get hasHeardEnd(): boolean {
    return this.#peer.hasHeardEnd;
  }

  /** Sends all inputs at once. If the peer is gone, nothing is sent. */
  tell(...inputs: readonly PeerInput[]): void {
    for (const input of inputs) {
      if (this.hasHeardEnd || this.#hasLetGo) return;
      if (isMessage(input)) this.#note(input);
      if (!(typeof input === 'object' && 'fail' in input)) this.note('tester', input);
      if (input === 'end') this.#hasLetGo = true;
      try {
        this.#peer.say(input);
      } catch {
        // The link has ended, and its end event is still to come. The peer is judged by its messages.
        return;
      }
    }
  }

  #note(message: Message): void {
    this.ledger.tell(message);
    if (message.type === 'Hello') this.world.parity = message.connectionSettings.parity;
  }

  note(from: Said['from'], message: Word): void {
    if (this.exchange.length < MOST_WORDS) this.exchange.push({ from, message });
  }

  /**
   * Resolves with the peer's next message or the end, or with silence at that time. A peer that never stops can't prolong
   * the wait.
   */
  async next(until: number): Promise<Next> {
    if (this.#heard.length === 0) await this.#wait(until - Date.now());
    return this.#heard.shift() ?? 'silence';
  }

  /**
   * Pings, so that the peer's answers to all earlier messages are here when the Pong comes: the wait takes no longer than
   * the peer does. Returns the messages before the Pong, the end or a silence.
   */
  async probe(time: number): Promise<{ heard: (Message | Uint8Array)[]; stop: 'pong' | 'end' | 'silence' }> {
    const nonce = FIRST_PROBE + ++this.#probes;
    const until = Date.now() + time;
    this.tell(ping(nonce));
    const heard: (Message | Uint8Array)[] = [];
    while (heard.length < MOST_WORDS) {
      const next = await this.next(until);
      if (next === 'end' || next === 'silence') return { heard, stop: next };
      if (isMessage(next) && next.type === 'Pong' && next.connectionId === 0 && next.nonce === nonce) {
        this.ledger.settle();
        return { heard, stop: 'pong' };
      }
      if (isMessage(next) && next.type === 'Pong' && next.connectionId === 0 && next.nonce !== nonce) {
        const { reason = '' } = echoOf(nonce).check?.(next, this.world) ?? {};
        this.#offend({ rule: 'session.keepalive', row: '5.17', reason: `its Pong is wrong: ${reason}` });
      }
      heard.push(next);
    }
    return { heard, stop: 'silence' };
  }

  /** Waits for this time, or until the link ends. Returns true if anything came. */
  async rest(time: number): Promise<boolean> {
    const until = Date.now() + time;
    while (!this.hasHeardEnd && Date.now() < until) await this.#wait(until - Date.now());
    return this.#heard.length > 0;
  }

  /** Cuts the link, as far as one end of it can. */
  breakLink(): void {
    if (this.hasHeardEnd || this.#hasLetGo) return;
    this.note('tester', 'break');
    this.#hasLetGo = true;
    this.#link.abort();
  }

  /** Closes the link. Aborts it if the peer does not close its end in time. */
  async leave(time: number): Promise<void> {
    if (this.hasHeardEnd) return;
    this.#hasLetGo = true;
    this.#link.close();
    await this.rest(time);
    if (!this.hasHeardEnd) this.#link.abort();
  }

  #hear(word: Message | Uint8Array | 'end'): void {
    // The excess of a peer that never stops is ignored.
    if (this.#heard.length >= MOST_WORDS) return;
    this.note('peer', word);
    if (isMessage(word)) {
      if (word.type === 'Hello') this.world.parity = opposite(word.connectionSettings.parity);
      const offence = this.ledger.hear(word);
      if (offence !== undefined && this.#excuses.includes(offence.row)) {
        this.excused ??= offence;
        return;
      }
      if (offence !== undefined) this.#offend(offence);
      if (isData(word) && this.ledger.isOpen(word.connectionId)) this.data.add(word);
      if (word.type === 'ConnectionOpen') {
        this.world.opens.push({ id: word.connectionId, parity: word.connectionSettings.parity });
      }
      if (word.type === 'Ping') this.world.pinged = word.nonce;
      if (word.type === 'Ping' && word.connectionId === 0 && this.answersPings) {
        this.tell(pong(word.nonce));
        return;
      }
    }
    this.#heard.push(word);
    this.#onHeard?.();
  }

  #offend(offence: Offence): void {
    this.offence ??= offence;
  }

  #wait(time: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#onHeard = undefined;
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, time));
      this.#onHeard = done;
    });
  }
}

function isData({ type }: Message): boolean {
  return type === 'RequestMessage' || type === 'ChannelMessage';
}

export function isMessage(word: unknown): word is Message {
  return typeof word === 'object' && word !== null && 'type' in word && 'connectionId' in word;
}

function worldOf(role: World['role']): World {
  const first = (parity: World['parity']): ConnectionId => (parity === 'odd' ? 1 : 2);
  const world: World = {
    role,
    // The initiator's default is odd. An initiator under test sends its own parity in Hello.
    parity: role === 'acceptor' ? 'odd' : 'even',
    opens: [],
    pinged: 0n,
    mine: (n = 1) => first(world.parity) + 2 * (n - 1),
    theirs: (n = 1) => first(opposite(world.parity)) + 2 * (n - 1),
  };
  return world;
}
