/** The party that names channels in Calls, and sends on them. It models the code that allocates their ids. */
import type { Conformance } from '../../../machines/events.js';
import type { Close, Item } from '../../../src/wire/message.js';
import { OPTIONAL } from '../draft.js';
import type { Event, Local } from '../local.js';
import { heard, item, naming } from './channel.js';
import { type Choice, END, type Input, isDone, type Made, type Party, PORT, play, Watch } from './party.js';

export interface NamerOptions {
  readonly conformance: Conformance;
  readonly channels: number;
}

interface Sending {
  readonly id: number;
  readonly machine: number;
  readonly hasSent: boolean;
}

export interface NamerState {
  readonly channels: readonly Sending[];
  readonly isOver: boolean;
}

export class Namer implements Party<NamerState> {
  readonly name = 'namer';
  readonly #local: Local;
  readonly options: NamerOptions;

  constructor(local: Local, options: NamerOptions) {
    this.#local = local;
    this.options = options;
  }

  start(): Made<NamerState> {
    return { state: { channels: [], isOver: false }, sent: [] };
  }

  hears(): readonly never[] {
    return [];
  }

  choices({ channels, isOver }: NamerState): readonly Choice[] {
    if (isOver) return [];
    const may = (type: string, of?: number) => ({
      kind: OPTIONAL,
      input: { type, ...(of === undefined ? {} : { of }) },
    });
    return [
      ...(channels.length < this.options.channels ? [may('name')] : []),
      ...channels.flatMap(({ machine, hasSent }, of) =>
        isDone(this.#local, machine) ? [] : [...(hasSent ? [] : [may('send', of)]), may('finish', of)],
      ),
      may('close'),
    ];
  }

  step(state: NamerState, input: Input): Made<NamerState> {
    const watch = new Watch();
    const channels = [...state.channels];
    let { isOver } = state;
    const tell = (of: number, event: Event) => {
      const one = channels[of] as Sending;
      channels[of] = { ...one, machine: this.#tell(one, event, isOver, watch) };
    };
    if ('message' in input && input.message.body.type !== 'End') {
      const { message } = input;
      const of = channels.findIndex(({ id }) => id === message.id);
      if (of >= 0) tell(of, heard(message));
    } else if (input.type === 'name') {
      const id = channels.length * 2 + 1;
      const { conformance } = this.options;
      // The one item that is sent on a channel never waits for credit.
      const machine = this.#local.start({ port: PORT, conformance, credit: 1 }).state;
      channels.push({ id, machine, hasSent: false });
      watch.sent.push(naming(id));
    } else if ('of' in input && input.of !== undefined) {
      if (input.type === 'send') {
        channels[input.of] = { ...(channels[input.of] as Sending), hasSent: true };
        tell(input.of, { type: 'app.send', item: item(1).item, hasRoom: true } as Event);
      } else tell(input.of, { type: 'app.close', metadata: [] } as Event);
    } else {
      isOver = true;
      if (input.type === 'close') watch.sent.push(END);
      for (const of of channels.keys()) tell(of, { type: 'connection.ended' });
    }
    return { state: { channels, isOver }, sent: watch.sent, finding: watch.finding };
  }

  isAccused(): boolean {
    return false;
  }

  goals(): ReturnType<Party['goals']> {
    return {};
  }

  #tell({ id, machine }: Sending, event: Event, isOver: boolean, watch: Watch): number {
    return play(this.#local, machine, event, (name, params: Item | Close) => {
      if (name === 'accuse') watch.wrong('never-accused', `of a message on channel ${id}`);
      if (name !== 'transmit') return;
      if (isOver) watch.wrong('end-is-silent', `${params.type} at the end`);
      watch.sent.push({ id, body: params });
    });
  }
}
