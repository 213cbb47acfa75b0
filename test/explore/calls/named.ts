/**
 * The party whose peer names channels. It models the code that looks up a channel by its id: which ids are open, which are over,
 * and which of these are still kept. It binds a receiver to each channel as soon as the channel is named. The tables of spec/
 * judge what the machine of all channels decides.
 */
import type { Conformance } from '../../../machines/events.js';
import { type ChannelsEvent, channels as oracle } from '../../../spec/parts/channel.js';
import { hasParity } from '../../../src/wire/id.js';
import type { GrantCredit, Reset } from '../../../src/wire/message.js';
import { OPTIONAL } from '../draft.js';
import type { Event, Local } from '../local.js';
import { heard, keptWith, naming } from './channel.js';
import { type Choice, END, type Input, isDone, type Made, type Party, PORT, play, type Said, Watch } from './party.js';

export interface NamedOptions {
  readonly conformance: Conformance;
  /** The maximum number of open channels, and of channels that are over and kept. */
  readonly limit: number;
  /** Items that a channel's sender begins with. */
  readonly credit: number;
}

/** A channel that is open: bound to a receiver, or not yet named. */
interface Open {
  readonly id: number;
  readonly machine: number;
  /** Undefined for a channel that is bound: nothing is kept there. */
  readonly kept: readonly Said[] | undefined;
}

/** A channel that is over, and on which the peer may still send. */
interface Over {
  readonly id: number;
  /** Absent for a channel that we reset. Others were released: their first message is answered. */
  readonly released?: number;
}

export interface NamedState {
  /** The machine of all channels. */
  readonly all: number;
  readonly open: readonly Open[];
  /** The oldest come first. */
  readonly over: readonly Over[];
  readonly hasForgotten: boolean;
  /** The highest id of the peer's parity that a Call has named. */
  readonly high: number;
  readonly isOver: boolean;
}

type Changing = { -readonly [K in keyof NamedState]: NamedState[K] };

/** The ids that an adversary uses: 1 and 3 are its own, 2 is ours. */
const IDS = [1, 2, 3];

const SAID: readonly Said[] = IDS.flatMap((id): Said[] => [
  naming(id),
  { id, body: { type: 'Item', item: new Uint8Array([1]) } },
  { id, body: { type: 'Close', metadata: [] } },
  { id, body: { type: 'Reset', metadata: [] } },
  { id, body: { type: 'GrantCredit', additional: 1 } },
]);

export class Named implements Party<NamedState> {
  readonly name = 'named';
  readonly #all: Local;
  readonly #offers: Local;
  readonly #receivers: Local;
  readonly options: NamedOptions;
  readonly #isAlone: boolean;

  constructor(all: Local, offers: Local, receivers: Local, options: NamedOptions, isAlone = false) {
    this.#all = all;
    this.#offers = offers;
    this.#receivers = receivers;
    this.options = options;
    this.#isAlone = isAlone;
  }

  start(): Made<NamedState> {
    const { conformance } = this.options;
    const all = this.#all.start({ port: PORT, conformance }).state;
    return { state: { all, open: [], over: [], hasForgotten: false, high: 0, isOver: false }, sent: [] };
  }

  hears({ isOver }: NamedState): readonly Said[] {
    return this.#isAlone && !isOver ? SAID : [];
  }

  choices({ open, isOver }: NamedState): readonly Choice[] {
    if (isOver) return [];
    const bound = open.flatMap(({ kept }, of) => (kept === undefined ? [of] : []));
    return [
      ...bound.map((of) => ({ kind: OPTIONAL, input: { type: 'reset', of } })),
      { kind: OPTIONAL, input: { type: 'close' } },
    ];
  }

  step(state: NamedState, input: Input): Made<NamedState> {
    const watch = new Watch();
    const now: Changing = { ...state };
    if ('message' in input && input.message.body.type !== 'End') {
      const { id, body } = input.message;
      if (body.type === 'Call') this.#name(now, id, watch);
      else this.#hear(now, input.message, watch);
    } else if ('of' in input && input.of !== undefined) {
      this.#tell(now, now.open[input.of] as Open, { type: 'app.reset', metadata: [] } as Event, watch);
    } else {
      if (input.type === 'close') watch.sent.push(END);
      now.isOver = true;
    }
    if (now.isOver && !state.isOver) this.#end(now, watch);
    return { state: now, sent: watch.sent, finding: watch.finding };
  }

  isAccused({ type }: Input, before: NamedState, after: NamedState): boolean {
    return type === 'message' && after.isOver && !before.isOver;
  }

  goals(): ReturnType<Party['goals']> {
    return {};
  }

  /** A Call of the peer's names a channel. */
  #name(now: Changing, id: number, watch: Watch): void {
    const isTheirs = hasParity(id, 'odd');
    const early = now.open.find((one) => one.id === id);
    const isBound = early !== undefined && early.kept === undefined;
    const isNew = early === undefined && isTheirs && id > now.high;
    const wasNamed = early === undefined ? isTheirs && id <= now.high : isBound;
    const hasRoom = now.open.length < this.options.limit;
    const event = { type: 'rx.named', id, isTheirs, wasNamed, isTaken: isBound, hasRoom } as const;
    const decision = this.#decide(now, event, watch);
    if (decision === 'accuse') return;
    if (isTheirs) now.high = Math.max(now.high, id);
    if (decision === 'offer') this.#bind(now, early ?? this.#early(id), watch);
    // The peer may send on the channel before it hears of the refusal.
    else if (isNew) this.#remember(now, { id, released: this.#release(id) });
  }

  #early(id: number): Open {
    const { conformance, credit: room } = this.options;
    return { id, machine: this.#offers.start({ port: PORT, conformance, room }).state, kept: [] };
  }

  #release(id: number): number {
    return play(this.#offers, this.#early(id).machine, { type: 'app.release' }, () => {});
  }

  #bind(now: Changing, early: Open, watch: Watch): void {
    const { conformance, credit } = this.options;
    play(this.#offers, early.machine, { type: 'app.bind' }, () => {});
    const { state: machine } = this.#receivers.start({ port: PORT, conformance, window: credit, room: credit });
    const bound: Open = { id: early.id, machine, kept: undefined };
    now.open = [...now.open.filter(({ id }) => id !== early.id), bound];
    for (const message of early.kept ?? []) this.#hear(now, message, watch);
  }

  /** A message comes on a channel. */
  #hear(now: Changing, message: Said, watch: Watch): void {
    const { id, body } = message;
    const end = now.open.find((one) => one.id === id);
    if (end !== undefined) {
      this.#tell(now, end, heard(message), watch);
      return;
    }
    const over = now.over.find((one) => one.id === id);
    if (over?.released !== undefined) {
      this.#answer(now, id, over.released, heard(message), watch);
      return;
    }
    const isOurs = !hasParity(id, 'odd');
    const facts = { isOurs, wasNamed: !isOurs && id <= now.high, wasReset: over !== undefined };
    const hasRoom = now.open.length < this.options.limit;
    const event = { type: 'rx.unknown', id, body, ...facts, hasForgotten: now.hasForgotten, hasRoom } as ChannelsEvent;
    const decision = this.#decide(now, event, watch);
    if (decision === 'forget') now.over = now.over.filter((one) => one.id !== id);
    else if (decision === 'transmit') this.#say(now, { id, body: { type: 'Reset', metadata: [] } }, watch);
    else if (decision === 'keep') {
      const early = this.#early(id);
      now.open = [...now.open, early];
      this.#tell(now, early, heard(message), watch);
    }
  }

  /** Asks the machine of all channels. It must decide what the tables say. */
  #decide(now: Changing, event: ChannelsEvent, watch: Watch): string | undefined {
    const said: string[] = [];
    now.all = play(this.#all, now.all, event as Event, (name) => said.push(name));
    const [decision] = said;
    const { effects } = oracle.step({ mode: this.options.conformance, phase: 'open' }, event);
    const right = effects[0]?.[0];
    if (decision === 'accuse' && !this.#isAlone) watch.wrong('never-accused', `of a message on channel ${idOf(event)}`);
    if (decision !== right) {
      const text = `on channel ${idOf(event)} it says ${decision ?? 'nothing'}, and not ${right ?? 'nothing'}`;
      watch.wrong(event.type === 'rx.named' ? 'names-once' : 'channel-known', text);
    }
    if (decision === 'accuse') now.isOver = true;
    return decision;
  }

  /** Passes an event to the end of an open channel. */
  #tell(now: Changing, { id, machine, kept }: Open, event: Event, watch: Watch): void {
    const local = kept === undefined ? this.#receivers : this.#offers;
    let messages = kept;
    let hasReset = false;
    const after = play(local, machine, event, (name, params: Said['body']) => {
      if (name === 'keep' && messages !== undefined) messages = keptWith(messages, { id, body: params });
      else if (name === 'transmit') {
        hasReset ||= params.type === 'Reset';
        this.#send(now, { id, body: params as Reset | GrantCredit }, watch);
      } else if (name === 'accuse') {
        if (!this.#isAlone) watch.wrong('never-accused', `of a message on channel ${id}`);
        now.isOver = true;
      }
    });
    const open: Open = { id, machine: after, kept: messages };
    now.open = now.open.flatMap((one) => (one.id !== id ? [one] : isDone(local, after) ? [] : [open]));
    if (hasReset) this.#noteReset(now, id);
  }

  /** Passes an event to a released channel, whose place is free once the peer knows that it is over. */
  #answer(now: Changing, id: number, released: number, event: Event, watch: Watch): void {
    let hasReset = false;
    const after = play(this.#offers, released, event, (name, params: Said['body']) => {
      if (name !== 'transmit') return;
      hasReset ||= params.type === 'Reset';
      this.#send(now, { id, body: params }, watch);
    });
    if (!isDone(this.#offers, after)) return;
    now.over = now.over.filter((one) => one.id !== id);
    if (hasReset) this.#noteReset(now, id);
  }

  #say(now: Changing, message: Said, watch: Watch): void {
    this.#noteReset(now, message.id);
    this.#send(now, message, watch);
  }

  #send(now: Changing, message: Said, watch: Watch): void {
    if (now.isOver) watch.wrong('end-is-silent', `${message.body.type} at the end`);
    watch.sent.push(message);
  }

  /** 9a.20: only strict mode knows late messages that are an offence. */
  #noteReset(now: Changing, id: number): void {
    if (this.options.conformance === 'strict') this.#remember(now, { id });
  }

  #remember(now: Changing, one: Over): void {
    const over = now.over.filter(({ id }) => id !== one.id);
    const isFull = over.length >= this.options.limit;
    if (isFull) now.hasForgotten = true;
    now.over = [...(isFull ? over.slice(1) : over), one];
  }

  #end(now: Changing, watch: Watch): void {
    now.all = play(this.#all, now.all, { type: 'connection.ended' }, () => {});
    if (!isDone(this.#all, now.all)) watch.wrong('nothing-waits', 'the machine of all channels does, at the end');
    for (const one of [...now.open]) this.#tell(now, one, { type: 'connection.ended' }, watch);
    for (const { id, released } of [...now.over]) {
      if (released !== undefined) this.#answer(now, id, released, { type: 'connection.ended' }, watch);
    }
    const left = now.open.length + now.over.filter(({ released }) => released !== undefined).length;
    if (left > 0) watch.wrong('nothing-waits', `${left} channels do, at the end`);
    now.over = [];
  }
}

function idOf(event: ChannelsEvent): string {
  return 'id' in event ? String(event.id) : '';
}
