/** A channel's sender. As in src/calls, it models the code that keeps the items that wait for credit. */
import type { Conformance } from '../../../machines/events.js';
import type { Close, Item } from '../../../src/wire/message.js';
import { OPTIONAL } from '../draft.js';
import type { Event, Local } from '../local.js';
import { accused, CHANNEL, heard, item, numberOf } from './channel.js';
import { type Choice, END, type Input, isDone, type Made, type Party, PORT, play, type Said, Watch } from './party.js';

export interface SenderOptions {
  readonly conformance: Conformance;
  readonly credit: number;
  readonly items: number;
  readonly gives: readonly ('finish' | 'close')[];
}

export interface SenderState {
  readonly machine: number;
  readonly made: number;
  readonly sent: number;
  readonly granted: number;
  readonly waiting: readonly number[];
  readonly hasEnded: boolean;
  readonly isOver: boolean;
}

export class Sender implements Party<SenderState> {
  readonly name = 'sender';
  readonly #local: Local;
  readonly options: SenderOptions;
  readonly #says: readonly Said[];

  constructor(local: Local, options: SenderOptions, says: readonly Said[] = []) {
    this.#local = local;
    this.options = options;
    this.#says = says;
  }

  start(): Made<SenderState> {
    const { conformance, credit } = this.options;
    const { state: machine } = this.#local.start({ port: PORT, conformance, credit });
    const nothing = { made: 0, sent: 0, granted: 0, waiting: [], hasEnded: false, isOver: false };
    return { state: { machine, ...nothing }, sent: [] };
  }

  /** Bounds the grants of an adversary, which would have no end. */
  hears({ granted, hasEnded }: SenderState): readonly Said[] {
    return hasEnded ? [] : this.#says.filter(({ body }) => body.type !== 'GrantCredit' || granted < 3);
  }

  choices({ machine, made, hasEnded, isOver }: SenderState): readonly Choice[] {
    const isClosing = this.#local.snapshot(machine).value === 'closing';
    const { items, gives } = this.options;
    const may = (type: string) => ({ kind: OPTIONAL, input: { type } });
    return [
      ...(hasEnded || isClosing || made === items ? [] : [may('send')]),
      ...(hasEnded || isClosing || !gives.includes('finish') ? [] : [may('finish')]),
      ...(isOver || !gives.includes('close') ? [] : [may('close')]),
    ];
  }

  step(state: SenderState, input: Input): Made<SenderState> {
    const watch = new Watch();
    const now = { ...state, waiting: [...state.waiting] };
    const tell = (event: Event) => this.#tell(now, event, watch);
    if ('message' in input && input.message.body.type !== 'End') {
      const { body } = input.message;
      if (body.type === 'GrantCredit') now.granted += body.additional;
      tell(heard(input.message));
    } else if (input.type === 'send') {
      now.made++;
      tell({ type: 'app.send', item: item(now.made).item, hasRoom: true } as Event);
    } else if (input.type === 'finish') {
      tell({ type: 'app.close', metadata: [] } as Event);
    } else {
      now.isOver = true;
      if (input.type === 'close') watch.sent.push(END);
      tell({ type: 'connection.ended' });
      if (!isDone(this.#local, now.machine)) watch.wrong('nothing-waits', 'the sender does, at the end');
    }
    if (now.hasEnded && now.waiting.length > 0) watch.wrong('nothing-waits', 'items do, on a channel that is over');
    const { credit } = this.options;
    if (!isDone(this.#local, now.machine) && this.creditOf(now) !== credit + now.granted - now.sent) {
      const text = `${this.creditOf(now)} left of ${credit + now.granted}, and ${now.sent} sent`;
      watch.wrong('credit-adds', text);
    }
    return { state: now, sent: watch.sent, finding: watch.finding };
  }

  isAccused(_: Input, __: SenderState, { machine }: SenderState): boolean {
    return this.#local.snapshot(machine).value === 'violated';
  }

  goals({ waiting, hasEnded }: SenderState): ReturnType<Party['goals']> {
    return { 'sender-goes-on': waiting.length === 0, 'end-known': hasEnded };
  }

  creditOf({ machine }: Pick<SenderState, 'machine'>): number {
    return this.#local.snapshot(machine).context.credit as number;
  }

  #tell(now: { -readonly [K in keyof SenderState]: SenderState[K] }, event: Event, watch: Watch): void {
    const { credit } = this.options;
    let waiting = [...now.waiting];
    const said = (body: Item | Close) => {
      if (now.isOver) watch.wrong('end-is-silent', `${body.type} at the end`);
      if (now.hasEnded) watch.wrong('channel-last-word', `${body.type} from a sender that is over`);
      watch.sent.push({ id: CHANNEL, body });
      if (body.type === 'Close') return;
      now.sent++;
      if (now.sent > credit + now.granted) watch.wrong('credit-kept', `${now.sent} on ${credit + now.granted}`);
      if (numberOf(body) !== now.sent) watch.wrong('in-order', `item ${numberOf(body)} leaves as number ${now.sent}`);
    };
    now.machine = play(this.#local, now.machine, event, (name, params, send, machine) => {
      switch (name) {
        case 'transmit':
          said(params);
          return;
        case 'wait':
          waiting.push(numberOf(params));
          return;
        case 'resume':
          for (let left = this.creditOf({ machine }); left > 0 && waiting.length > 0; left--)
            send({ type: 'queue.next', item: item(waiting.shift() as number).item } as Event);
          return;
        case 'conclude':
          if (now.hasEnded) watch.wrong('concludes-once', 'the sender ends again');
          if ((params as { type: string }).type === 'closed' && waiting.length > 0)
            watch.wrong('close-follows', `${waiting.length} items wait`);
          now.hasEnded = true;
          waiting = [];
          return;
        default:
          accused(this.options.conformance, this.#says, params, watch);
          now.hasEnded = true;
          waiting = [];
      }
    });
    now.waiting = waiting;
  }
}
