import { type ReceiverState, receiver, type SenderState, sender } from '../../spec/parts/channel.js';
import type { Effect } from '../../spec/parts/oracle.js';
import { channelClosed, connectionClosed, done, invalid, overLimit } from '../../spec/rows/outcome.js';
import type { Mode, Settlement } from '../../spec/rows/vocabulary.js';
import type { Close, GrantCredit, Item, Reset } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';

// The ends of channels as an application sees them: the oracle's verdicts, together with the promises of src/calls about
// items that wait to be sent or to be read.

export type Body = Item | Close | Reset | GrantCredit;

/**
 * The effects of one event: the messages that leave on the channel, the promises that settle, the rule that the peer is
 * accused of.
 */
export class Came {
  readonly said: Body[] = [];
  readonly settled: Record<string, Settlement> = {};
  rule: Rule | undefined;
}

interface End {
  readonly type: string;
  readonly metadata?: Metadata;
}

/** A sender's end. */
export class SenderModel {
  #state: SenderState;
  readonly #waiting: { readonly item: Uint8Array; readonly as: string }[] = [];
  #closing: string | undefined;
  /** The end of the channel; absent while it is open. */
  end: End | undefined;

  constructor(mode: Mode, credit: number) {
    this.#state = sender.start({ mode, credit }).state;
  }

  get isClosing(): boolean {
    return this.#state.phase === 'closing';
  }

  send(item: Uint8Array, as: string): Came {
    const came = new Came();
    for (const [name, what] of this.#apply({ type: 'app.send', item, hasRoom: true })) {
      if (name === 'wait') this.#waiting.push({ item, as });
      else if (name === 'transmit') came.said.push(what as Body);
      came.settled[as] = name === 'refuse' ? invalid('the channel is being closed') : done;
      if (name === 'wait') delete came.settled[as];
    }
    return came;
  }

  close(metadata: Metadata, as: string): Came {
    const came = new Came();
    const wasClosing = this.isClosing;
    this.#step({ type: 'app.close', metadata }, came);
    if (this.isClosing && !wasClosing) this.#closing = as;
    else came.settled[as] = done;
    return came;
  }

  hear(body: Body): Came {
    const came = new Came();
    this.#step({ type: `rx.${body.type}`, body } as never, came);
    return came;
  }

  endConnection(): Came {
    const came = new Came();
    this.#step({ type: 'connection.ended' }, came);
    return came;
  }

  #step(event: Parameters<typeof sender.step>[1], came: Came): void {
    for (const [name, what] of this.#apply(event)) {
      if (name === 'transmit') came.said.push(what as Body);
      else if (name === 'accuse') came.rule = what as Rule;
      else if (name === 'conclude') this.#conclude(what as End, came);
      else this.#resume(came);
    }
  }

  #resume(came: Came): void {
    for (let left = this.#state.credit; left > 0; left--) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      came.settled[next.as] = done;
      this.#step({ type: 'queue.next', item: next.item }, came);
    }
  }

  #conclude(end: End, came: Came): void {
    this.end = end;
    for (const { as } of this.#waiting.splice(0)) came.settled[as] = senderEnd(end);
    if (this.#closing !== undefined) came.settled[this.#closing] = done;
  }

  /** Settles the waiting sends and the pending close after a violation by the peer. */
  abandon(came: Came): void {
    for (const { as } of this.#waiting.splice(0)) came.settled[as] = connectionClosed('session');
    if (this.#closing !== undefined) came.settled[this.#closing] = done;
  }

  #apply(event: Parameters<typeof sender.step>[1]): readonly Effect[] {
    const { state, effects } = sender.step(this.#state, event);
    this.#state = state;
    return effects;
  }
}

/** Returns the error that a send gets after the channel has ended. */
export function senderEnd({ type, metadata = [] }: End): Settlement {
  if (type === 'ended') return connectionClosed('peer');
  return channelClosed(type === 'closed' ? 'local' : 'peer', metadata);
}

/** A receiver's end. */
export class ReceiverModel {
  #state: ReceiverState;
  readonly #items: Uint8Array[] = [];
  end: End | undefined;

  /** `room` is the number of items beyond credit that src/calls has room for. */
  constructor(mode: Mode, window: number) {
    this.#state = receiver.start({ mode, window, room: Math.max(window, 16) }).state;
  }

  get held(): number {
    return this.#items.length;
  }

  hear(body: Body): Came {
    return this.#step({ type: `rx.${body.type}`, body } as never);
  }

  grant(additional: number): Came {
    return this.#step({ type: 'app.grant', additional });
  }

  reset(metadata: Metadata): Came {
    const came = this.#step({ type: 'app.reset', metadata });
    this.#items.length = 0;
    return came;
  }

  endConnection(): Came {
    return this.#step({ type: 'connection.ended' });
  }

  /** Takes the next item that is held. */
  take(as: string): Came {
    const item = this.#items.shift() as Uint8Array;
    const came = this.#step({ type: 'app.take' });
    came.settled[as] = { item };
    return came;
  }

  #step(event: Parameters<typeof receiver.step>[1]): Came {
    const came = new Came();
    const { state, effects } = receiver.step(this.#state, event);
    this.#state = state;
    for (const [name, what] of effects) {
      if (name === 'transmit') came.said.push(what as Body);
      else if (name === 'accuse') came.rule = what as Rule;
      else if (name === 'conclude') this.end = what as End;
      else this.#items.push((what as Item).item);
    }
    return came;
  }
}

/** Returns the result of a read behind the last item. */
export function receiverEnd({ type, metadata = [] }: End): Settlement {
  if (type === 'ended') return connectionClosed('peer');
  if (type === 'withdrawn') return channelClosed('peer', metadata);
  return type === 'overrun' ? overLimit('credit') : { taken: 'all' };
}
