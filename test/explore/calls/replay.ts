/**
 * Replays a schedule on real sessions: calls and channels of the public interface, on connection 1, over a link that moves
 * messages only when told to. Against an adversary there is one session and the adversary's end of the link. After each step
 * its sent messages and its user's observations must be those of the model.
 */
import { messagePack } from '../../../src/codec/msgpack/msgpack.js';
import { accept, type Connection, initiate, type Message, type Session } from '../../../src/index.js';
import { VirtualClock } from '../../../src/testing/clock.js';
import { BEFALLEN, type Label, WORDS } from '../draft.js';
import { follow } from '../search.js';
import { SteppedLink } from '../stepped-link.js';
import { ActualAnswerer, ActualCaller, type ActualParty, ActualReceiver, ActualSender } from './actual.js';
import { Answerer } from './answerer.js';
import { Caller } from './caller.js';
import { END, type Input, type Party, type Said } from './party.js';
import { Receiver, type ReceiverState } from './receiver.js';
import { Sender } from './sender.js';
import type { Step, World } from './world.js';

/** The result of a step, in the model or in reality. */
interface Report {
  readonly sent: readonly Said[];
  readonly seen: readonly string[];
  /** True if the peer is accused, which ends the session. */
  readonly isAccused: boolean;
}

export interface Comparison {
  readonly explored: Report;
  readonly actual: Report;
}

const GENEROUS = { metadataEntries: 64, metadataBytes: 2 ** 14, frame: 2 ** 20 } as never;
const nativeImmediate = globalThis.setImmediate;

/** Waits until all microtasks and their effects have run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => nativeImmediate(resolve));
}

/** True for the party that calls and passes channels. It is the initiator, and opens connection 1. */
function isCalling(party: Party): boolean {
  return party instanceof Caller || party instanceof Sender;
}

function settingsOf(party: Party | undefined, parity: 'odd' | 'even') {
  return { parity, maxConcurrentRequests: party instanceof Answerer ? party.options.limit : limitOf(party) };
}

/** Returns the number of concurrent calls that an adversary accepts. */
function limitOf(party: Party | undefined): number {
  return party instanceof Caller ? party.options.limit : 64;
}

export class Replay {
  readonly #world: World;
  readonly #links = SteppedLink.pair();
  readonly #actual: ActualParty[] = [];
  readonly #sessions: Session[] = [];
  #words = new Int32Array(WORDS);

  private constructor(world: World) {
    this.#world = world;
    world.start(this.#words);
  }

  /** Starts two sessions, or one and an adversary, up to the initial state of the model. */
  static async of(world: World): Promise<Replay> {
    const replay = new Replay(world);
    await replay.#begin(world.parties);
    return replay;
  }

  /** The possible next transitions, without those that a real session makes later: see {@link isLater}. */
  get labels(): Label[] {
    const labels: Label[] = [];
    if (this.#isBoundLate) return labels;
    this.#world.successors(this.#words, 0, (_draft, _kind, label) => {
      const step = this.#world.stepOf(this.#words, label);
      if (step === undefined || !isLater(step)) labels.push(label);
    });
    return labels;
  }

  /** Makes one step in the model and in reality. Returns undefined if no party observes the step. */
  async step(label: Label): Promise<Comparison | undefined> {
    const step = this.#world.stepOf(this.#words, label);
    const hasFailed = ((this.#words[4] as number) & BEFALLEN.fail) !== 0;
    this.#words = follow(this.#world, this.#words, label);
    if (step === undefined) {
      // After a failure an adversary may send until the party learns of it.
      if (this.#actual.length > 1) this.#links[0].befall('vanish');
      return undefined;
    }
    const { side, input, before, after, sent } = step;
    const party = this.#world.parties[side] as Party;
    const actual = this.#actual[side] as ActualParty;
    const link = this.#links[side];
    actual.begin();
    if (input.type === 'ended' && hasFailed) link.breakOff();
    else if (input.type === 'message' || input.type === 'ended') this.#deliver(side, input);
    else if (input.type === 'close') void actual.connection.close();
    else actual.act(input, before as never);
    await settle();
    const isAccused = party.isAccused(input, before as never, after as never);
    const explored = { sent, seen: actual.expected(input, before as never, after as never), isAccused };
    return { explored, actual: { ...this.#take(link, actual), seen: actual.seen() } };
  }

  /**
   * True if a receiver against an adversary was bound late: it has more room than the model's. Other worlds bind it at once.
   */
  get #isBoundLate(): boolean {
    const [party, other] = this.#world.parties as readonly unknown[];
    if (other !== undefined || !(party instanceof Receiver) || !party.options.isLate) return false;
    return (this.#world.stateOf(this.#words, 0) as ReceiverState).machine !== undefined;
  }

  async end(): Promise<void> {
    for (const session of this.#sessions) session.shutdown();
    for (const link of this.#links) link.abort();
    await settle();
  }

  #deliver(side: 0 | 1, input: Input): void {
    // An adversary's message is sent only now, when it is delivered.
    if (this.#actual.length === 1) {
      const { id, body } = 'message' in input ? input.message : END;
      const type = /^(?:Call|Response|Cancel)$/.test(body.type) ? 'RequestMessage' : 'ChannelMessage';
      this.#links[1].send(messagePack.encode({ type, connectionId: 1, id, body } as Message));
    }
    const { kind } = this.#actual[side] as ActualParty;
    let said: readonly Said[] = [];
    while (said.length === 0) said = saidIn(messagePack.decode(this.#links[side].deliver(), GENEROUS), kind);
  }

  #take(link: SteppedLink, { kind }: ActualParty): Pick<Report, 'sent' | 'isAccused'> {
    const messages = link.takeSent().map((bytes) => messagePack.decode(bytes, GENEROUS));
    const sent = messages.flatMap((message) => saidIn(message, kind));
    return { sent, isAccused: messages.some(({ type }) => type === 'ProtocolError') };
  }

  // ---- How it begins ----

  async #begin(parties: readonly Party[]): Promise<void> {
    const connections: Connection[] = [];
    const [first] = parties as readonly [Party];
    const starting = parties.map(async (party, side) => {
      const link = this.#links[side] as SteppedLink;
      const options = { conformance: party.options.conformance, clock: new VirtualClock(), onReport: () => {} };
      if (isCalling(party)) {
        const session = await initiate(link, options);
        this.#sessions.push(session);
        connections[side] = await session.open(settingsOf(undefined, 'odd'));
        return;
      }
      const onConnection = () => ({
        type: 'accept' as const,
        settings: settingsOf(party, 'even'),
        setup: (connection: Connection) => {
          connections[side] = connection;
          this.#actual[side] = actualOf(party, connection);
        },
      });
      this.#sessions.push(await accept(link, { ...options, onConnection }));
    });
    if (parties.length === 1) await this.#introduce(first);
    await this.#pump();
    await Promise.all(starting);
    for (const [side, party] of parties.entries()) {
      this.#actual[side] ??= actualOf(party, connections[side] as Connection);
    }
    for (const actual of this.#actual) actual.start();
    if (parties.length === 1) this.#name(first);
    await this.#pump();
    for (const [side, actual] of this.#actual.entries()) {
      const link = this.#links[side] as SteppedLink;
      actual.fill((bytes) => {
        this.#links[1].send(bytes);
        link.deliver();
      });
    }
    await this.#pump();
    for (const link of this.#links) link.takeSent();
  }

  /** Makes the adversary's handshake, which is a normal one. */
  async #introduce(party: Party): Promise<void> {
    const far = this.#links[1];
    const say = (message: object) => far.send(messagePack.encode({ metadata: [], ...message } as unknown as Message));
    const parity = isCalling(party) ? 'even' : 'odd';
    const connectionSettings = settingsOf(party, parity);
    if (isCalling(party)) {
      say({ type: 'HelloYourself', connectionId: 0, connectionSettings });
      await this.#pump();
      say({ type: 'ConnectionAccept', connectionId: 1, connectionSettings });
    } else {
      say({ type: 'Hello', connectionId: 0, version: 7, connectionSettings });
      say({ type: 'ConnectionOpen', connectionId: 1, connectionSettings });
    }
  }

  /** Sends a Call that names the adversary's channel. This Call is no part of the model. */
  #name(party: Party): void {
    if (!(party instanceof Receiver)) return;
    const body = { type: 'Call', methodId: 1n, channels: [1], metadata: [], args: new Uint8Array() } as const;
    this.#links[1].send(messagePack.encode({ type: 'RequestMessage', connectionId: 1, id: 1, body }));
  }

  async #pump(): Promise<void> {
    let isQuiet = false;
    while (!isQuiet) {
      await settle();
      isQuiet = true;
      // Messages to an adversary need no delivery.
      for (const link of this.#links.slice(0, this.#world.parties.length)) {
        while (link.hasMore) {
          link.deliver();
          isQuiet = false;
        }
      }
    }
  }
}

/** Returns a message in the model's form. Empty for a Call that only names the channel, which is no part of the model. */
function saidIn(message: Message, kind: ActualParty['kind']): readonly Said[] {
  if (message.type === 'ConnectionClose') return [END];
  return message.type === kind ? [{ id: message.id, body: message.body as Said['body'] }] : [];
}

function actualOf(party: Party, connection: Connection): ActualParty {
  if (party instanceof Caller) return new ActualCaller(connection);
  if (party instanceof Answerer) return new ActualAnswerer(connection, party.options);
  if (party instanceof Sender) return new ActualSender(connection, party.options);
  return new ActualReceiver(connection, (party as unknown as Receiver).options);
}

/** True for the refusal of a channel without messages: a real session refuses it with the next message. */
function isLater({ input, before }: Step): boolean {
  return input.type === 'refuse' && (before as ReceiverState).kept.every(({ body }) => body.type === 'GrantCredit');
}
