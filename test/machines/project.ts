import type { EventObject } from 'xstate';
import type { Whole } from '../../spec/parts/whole.js';
import { accept, call, close, helloYourself, ping, pong, reject } from '../../spec/rows/messages.js';
import type * as Spec from '../../spec/rows/vocabulary.js';
import type { ConnectionId, Parity } from '../../src/wire/id.js';
import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Refusal } from '../../src/wire/refusal.js';

// Events inside a session are caused from outside: by the peer, the application, the link or time. An event of a machine's
// path becomes the actions that cause it. It is undefined if the event cannot be caused from outside, or not on purpose.

const GARBAGE = new Uint8Array([0xc1]);
const OVERSIZED = new Uint8Array(2 ** 20 + 1);

/** With it the link leaves an oversized first frame to the session: a link fails at more than twice its limit. */
export const FIRST_FRAME = { handshakeBytes: 2 ** 20 };

/** The fields that events of our machines may have. */
interface Facts {
  readonly message: Message;
  readonly id: number;
  readonly error: Error;
  readonly limit?: string;
  readonly settings: ConnectionSettings;
  readonly metadata: Metadata;
  readonly connection: {
    readonly id: number;
    readonly peerSettings: ConnectionSettings;
    readonly localSettings: ConnectionSettings;
    readonly metadata: Metadata;
  };
  readonly output: {
    readonly phase?: string;
    readonly outcome: unknown;
    readonly by: 'local' | 'peer';
    readonly metadata: Metadata;
    readonly type?: string;
    readonly peerSettings: ConnectionSettings;
    readonly failure?: { readonly rule?: string };
  };
}

export type Actions = readonly Spec.Action[] | undefined;

/** Turns the events of one path into actions, one after the other. `whole` knows the session's current state. */
export class Projection {
  readonly #whole: Whole;
  #count = 0;
  readonly #signals = new Map<number, string>();
  #opens = 0;
  readonly #first: ConnectionId;

  constructor(whole: Whole, parity: Parity = 'odd') {
    this.#whole = whole;
    this.#first = parity === 'odd' ? 1 : 2;
  }

  /** Returns the actions for an event of the session or of one of its connections. */
  of(event: EventObject): Actions {
    const facts = event as unknown as Facts;
    const { id } = facts;
    switch (event.type) {
      case 'link.ended':
        return [{ peer: 'end' }];
      case 'link.failed':
        return [{ peer: { fail: facts.error.message } }];
      case 'link.unsendable':
        return [{ link: 'refuse-sends' }, { peer: ping(77n) }];
      case 'conduit.malformed':
        return [{ peer: facts.limit === undefined ? GARBAGE : OVERSIZED }];
      case 'auth.accepted':
        return this.#whole.isAsking ? [{ user: 'authenticate', answer: 'accept' }] : undefined;
      case 'auth.refused': {
        const { reason, text } = event as unknown as Refusal;
        return this.#whole.isAsking ? [{ user: 'authenticate', answer: { refuse: { reason, text } } }] : undefined;
      }
      case 'app.open':
        return [this.#open(facts)];
      case 'app.close':
        return [{ user: 'close', id, metadata: facts.metadata, as: this.#name('close') }];
      case 'app.release':
        return this.#release(id);
      case 'app.leave':
        return this.#withHandle(id, (on) => [{ user: 'stopReading', on }]);
      case 'app.abandonOpen': {
        const signal = this.#signals.get(id);
        return this.#whole.phaseOf(id) === 'pending' && signal !== undefined
          ? [{ user: 'abort', signal, reason: 'enough' }]
          : undefined;
      }
      case 'app.accept':
        return this.#decide(id, { accept: { settings: facts.settings, metadata: facts.metadata } });
      case 'app.reject':
        return this.#decide(id, { reject: { metadata: facts.metadata } });
      case 'app.shutdown':
        return [{ user: 'shutdown' }];
      case 'connections.opened':
        return this.#opened(facts);
      case 'connections.ended':
        return this.#ended(facts);
      case 'xstate.done.actor.handshake':
        return this.#shaken(facts);
      case 'xstate.done.actor.keepalive':
        return [{ advance: 100 }, { advance: 50 }];
      default:
        return event.type.startsWith('rx.') ? [{ peer: facts.message }] : undefined;
    }
  }

  #name(what: string): string {
    this.#count += 1;
    return `${what} ${String(this.#count)}`;
  }

  #open({ settings, metadata }: Facts): Spec.Action {
    const signal = this.#name('signal');
    // Our ids are allocated in order.
    this.#signals.set(this.#first + this.#opens * 2, signal);
    this.#opens += 1;
    return { user: 'open', as: this.#name('open'), settings, metadata, signal };
  }

  #withHandle(id: number, actions: (name: string) => readonly Spec.Action[]): Actions {
    const name = this.#whole.nameOf(id);
    return name === undefined ? undefined : actions(name);
  }

  #release(id: number): Actions {
    return this.#withHandle(id, (on) => {
      const as = this.#name('caller');
      return [
        { user: 'caller', on, as },
        { user: 'release', caller: as },
      ];
    });
  }

  #decide(id: number, decision: Spec.Decision): Actions {
    return this.#whole.phaseOf(id) === 'undecided' ? [{ user: 'decide', id, decision }] : undefined;
  }

  /** The connection is open because the peer, or our application, has accepted it. */
  #opened({ connection }: Facts): Actions {
    const { id, peerSettings, localSettings, metadata } = connection;
    if (this.#whole.phaseOf(id) === 'pending') return [{ peer: accept(id, peerSettings, metadata) }];
    return this.#decide(id, { accept: { settings: localSettings, metadata } });
  }

  /** A connection has ended. The actions cause that end in the phase of the connection. */
  #ended({ id, output }: Facts): Actions {
    const { phase, outcome, by, metadata } = output;
    if (outcome === 'abandoned') {
      return this.#withHandle(id, (on) => [{ user: 'stopReading', on }, { peer: call(id, 2) }]);
    }
    if (typeof outcome === 'object') {
      if (phase !== 'active') return [{ peer: call(id, 2) }];
      // On an id of the peer's, an Accept is a stray message for the session itself.
      return id % 2 === this.#first % 2 ? [{ peer: accept(id) }] : undefined;
    }
    if (outcome === 'rejected') {
      return by === 'peer' ? [{ peer: reject(id, metadata) }] : this.#decide(id, { reject: { metadata } });
    }
    return by === 'peer' ? [{ peer: close(id, metadata) }] : [{ user: 'close', id, metadata, as: this.#name('close') }];
  }

  #shaken({ output }: Facts): Actions {
    if (output.type === 'established') {
      const { peerSettings, metadata } = output;
      return [{ peer: helloYourself({ settings: peerSettings, metadata }) }];
    }
    if (output.type === 'refused') return undefined;
    return output.failure?.rule === undefined ? [{ peer: 'end' }] : [{ peer: pong(1n) }];
  }
}
