/**
 * A channel's receiver, which may be bound late. As in src/calls, it models the code that keeps items before that and hands
 * them out.
 */
import type { Conformance } from '../../../machines/events.js';
import type { GrantCredit, Item } from '../../../src/wire/message.js';
import { DELIVERY, OPTIONAL } from '../draft.js';
import type { Event, Local } from '../local.js';
import { accused, CHANNEL, heard, keptWith, numberOf } from './channel.js';
import { type Choice, END, type Input, isDone, type Made, type Party, PORT, play, type Said, Watch } from './party.js';

export interface ReceiverOptions {
  readonly conformance: Conformance;
  readonly window: number;
  readonly room: number;
  /** The number of grants by the user, and the credit of each. */
  readonly hands?: { readonly times: number; readonly additional: number };
  readonly gives: readonly ('reset' | 'refuse' | 'close')[];
  /** True if it is bound only later. */
  readonly isLate?: true;
}

export interface ReceiverState {
  /** Undefined until it is bound. */
  readonly machine: number | undefined;
  readonly offer: number | undefined;
  readonly kept: readonly Said[];
  readonly received: number;
  readonly taken: number;
  readonly hands: number;
  readonly hasEnded: boolean;
  readonly isOver: boolean;
}

type Changing = { -readonly [K in keyof ReceiverState]: ReceiverState[K] };

export class Receiver implements Party<ReceiverState> {
  readonly name = 'receiver';
  readonly #local: Local;
  readonly #offers: Local;
  readonly options: ReceiverOptions;
  readonly #says: readonly Said[];

  constructor(local: Local, offers: Local, options: ReceiverOptions, says: readonly Said[] = []) {
    this.#local = local;
    this.#offers = offers;
    this.options = options;
    this.#says = says;
  }

  start(): Made<ReceiverState> {
    const { conformance, window: room, isLate } = this.options;
    const offer = isLate && this.#offers.start({ port: PORT, conformance, room }).state;
    const nothing = { kept: [], received: 0, taken: 0, hands: 0, hasEnded: false, isOver: false };
    return { state: { machine: isLate ? undefined : this.#begin(), offer, ...nothing }, sent: [] };
  }

  hears({ hasEnded }: ReceiverState): readonly Said[] {
    return hasEnded ? [] : this.#says;
  }

  choices({ machine, offer, received, taken, hands, hasEnded, isOver }: ReceiverState): readonly Choice[] {
    const { hands: most, gives } = this.options;
    const may = (type: string, kind: number) => ({ kind, input: { type } });
    const close = isOver || !gives.includes('close') ? [] : [may('close', OPTIONAL)];
    if (hasEnded) return close;
    if (machine === undefined) {
      // 9a.21: the offer is released, and no channel end can be taken any more.
      if (this.#isReleased(offer)) return close;
      return [may('bind', DELIVERY), ...(gives.includes('refuse') ? [may('refuse', OPTIONAL)] : []), ...close];
    }
    return [
      ...(taken < received ? [may('take', DELIVERY)] : []),
      ...(hands < (most?.times ?? 0) ? [may('grant', DELIVERY)] : []),
      ...(gives.includes('reset') ? [may('reset', OPTIONAL)] : []),
      ...close,
    ];
  }

  step(state: ReceiverState, input: Input): Made<ReceiverState> {
    const watch = new Watch();
    const now: Changing = { ...state };
    const { additional = 0 } = this.options.hands ?? {};
    if ('message' in input && input.message.body.type !== 'End') this.#hear(now, input.message, watch);
    else if (input.type === 'bind') this.#bind(now, watch);
    else if (input.type === 'refuse') this.#offer(now, { type: 'app.release' }, watch);
    else if (input.type === 'take') {
      now.taken++;
      this.#tell(now, { type: 'app.take' }, watch);
    } else if (input.type === 'grant') {
      now.hands++;
      this.#tell(now, { type: 'app.grant', additional } as Event, watch);
    } else if (input.type === 'reset') this.#tell(now, { type: 'app.reset', metadata: [] } as Event, watch);
    else {
      now.isOver = true;
      if (input.type === 'close') watch.sent.push(END);
      if (now.machine === undefined) this.#offer(now, { type: 'connection.ended' }, watch);
      else this.#tell(now, { type: 'connection.ended' }, watch);
      if (!now.hasEnded) watch.wrong('nothing-waits', 'the receiver does, at the end');
    }
    this.#checkBounds(now, watch);
    // Against an adversary only unread items count: the number of sent ones is unknown.
    if (this.#says.length > 0) {
      now.received -= now.taken;
      now.taken = 0;
    }
    return { state: now, sent: watch.sent, finding: watch.finding };
  }

  isAccused(_: Input, __: ReceiverState, { machine, offer }: ReceiverState): boolean {
    const isViolated = (local: Local, state: number | undefined) =>
      state !== undefined && local.snapshot(state).value === 'violated';
    return isViolated(this.#local, machine) || isViolated(this.#offers, offer);
  }

  goals({ hasEnded }: ReceiverState): ReturnType<Party['goals']> {
    return { 'end-known': hasEnded };
  }

  #isReleased(offer: number | undefined): boolean {
    return offer !== undefined && this.#offers.snapshot(offer).value === 'released';
  }

  creditOf({ machine }: Pick<ReceiverState, 'machine'>): number | undefined {
    return machine === undefined ? undefined : (this.#local.snapshot(machine).context.credit as number);
  }

  #begin(): number {
    const { conformance, window, room } = this.options;
    return this.#local.start({ port: PORT, conformance, window, room }).state;
  }

  #checkBounds(now: Changing, watch: Watch): void {
    const { window, room, conformance, hands } = this.options;
    const given = window + now.hands * (hands?.additional ?? 0);
    const most = Math.max(given, conformance === 'reference' && this.#says.length > 0 ? room + given : given);
    const held = now.received - now.taken + now.kept.filter(({ body }) => body.type === 'Item').length;
    const credit = now.hasEnded ? 0 : (this.creditOf(now) ?? 0);
    if (held + credit > most) watch.wrong('credit-bounds', `${held} here and ${credit} to come, of ${most}`);
    const ends = now.kept.filter(({ body }) => body.type !== 'Item' && body.type !== 'GrantCredit').length;
    if (ends > 2) watch.wrong('credit-bounds', `${ends} ends are kept`);
  }

  #hear(now: Changing, message: Said, watch: Watch): void {
    if (now.machine === undefined) this.#offer(now, heard(message), watch);
    else this.#tell(now, heard(message), watch);
  }

  #bind(now: Changing, watch: Watch): void {
    this.#offer(now, { type: 'app.bind' }, watch);
    now.machine = this.#begin();
    const { kept } = now;
    now.kept = [];
    now.hasEnded = false;
    for (const message of kept) this.#tell(now, heard(message), watch);
  }

  /** Handles an event before the receiver is bound. */
  #offer(now: Changing, event: Event, watch: Watch): void {
    now.offer = play(this.#offers, now.offer as number, event, (name, params: Said['body']) => {
      if (name === 'keep') now.kept = keptWith(now.kept, { id: CHANNEL, body: params });
      else if (name === 'free') return;
      else if (name === 'transmit') this.#say(now, params, watch);
      else accused(this.options.conformance, this.#says, params as never, watch);
    });
    if (!isDone(this.#offers, now.offer)) return;
    now.hasEnded = true;
    if (event.type !== 'app.bind') now.kept = [];
  }

  #say(now: Changing, body: Said['body'], watch: Watch): void {
    if (now.isOver) watch.wrong('end-is-silent', `${body.type} at the end`);
    if (now.hasEnded) watch.wrong('channel-last-word', `${body.type} from a receiver that is over`);
    watch.sent.push({ id: CHANNEL, body });
  }

  #tell(now: Changing, event: Event, watch: Watch): void {
    now.machine = play(this.#local, now.machine as number, event, (name, params: GrantCredit | Item) => {
      switch (name) {
        case 'transmit':
          this.#say(now, params, watch);
          return;
        case 'deliver': {
          if (now.hasEnded) watch.wrong('channel-last-word', 'an item for a reader whose channel is over');
          now.received++;
          const number = numberOf(params as Item);
          if (this.#says.length === 0 && number !== now.received) {
            watch.wrong('in-order', `item ${number} arrives as number ${now.received}`);
          }
          return;
        }
        case 'conclude':
          if (now.hasEnded) watch.wrong('concludes-once', 'the receiver ends again');
          if ((params as { type: string }).type === 'overrun' && this.#says.length === 0)
            watch.wrong('never-accused', 'of an item beyond its credit');
          now.hasEnded = true;
          return;
        default:
          accused(this.options.conformance, this.#says, params as never, watch);
          now.hasEnded = true;
      }
    });
  }
}
