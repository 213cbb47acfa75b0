/**
 * Watches the actors that an inspector is shown, and has them told of. A process speaks of itself as process 0; whoever
 * receives the records gives it its number. While nobody listens, systems that it is attached to are left alone; of those
 * that tell it all the same it notes which actors live, and nothing else. Whoever begins to listen is told how they stand.
 */

import type { InspectionEvent } from 'xstate';
import { parentOf } from '../compile/internals.js';
import type { InspectionRecord } from './record.js';
import { actorsOf, type Ref, Systems } from './systems.js';
import { Teller, type TellerOptions } from './teller.js';

export interface WatcherOptions extends TellerOptions {
  readonly filter: (event: InspectionEvent) => boolean;
}

export class Watcher {
  #isListening = false;
  #isOver = false;
  readonly #options: WatcherOptions;
  readonly #teller: Teller;
  readonly #systems: Systems;
  /** The actors that run, in the order in which they began: parents come before their children. */
  readonly #living = new Set<Ref>();
  /** Those of systems that we are attached to; nobody, while nobody listens. */
  readonly #attached = new Set<Ref>();

  /** `hear` gets the events of attached systems, for {@link next} with `isAttached`. */
  constructor(
    options: WatcherOptions,
    tell: (record: InspectionRecord) => void,
    hear: (event: InspectionEvent) => void,
  ) {
    this.#options = options;
    this.#teller = new Teller(options, tell, (ref) => {
      this.#living.delete(ref);
      this.#attached.delete(ref);
    });
    this.#systems = new Systems(hear);
  }

  /** Whether records are wanted. */
  get isListening(): boolean {
    return this.#isListening;
  }

  listen(isListening: boolean): void {
    if (this.#isListening === isListening || this.#isOver) return;
    this.#isListening = isListening;
    if (isListening) {
      for (const ref of this.#systems.open()) this.#attached.add(ref);
    } else {
      this.#hush();
    }
  }

  /** Watches the system of a root as long as somebody listens. */
  attach(root: Ref): void {
    if (this.#isOver || !this.#systems.add(root) || !this.#isListening) return;
    for (const ref of actorsOf(root)) {
      this.#attached.add(ref);
      this.#teller.meet(ref);
    }
  }

  /** An event of a system that we are attached to, or of one that tells us always. */
  next(event: InspectionEvent, isAttached = false): void {
    if (this.#isOver) return;
    const ref = event.actorRef as Ref;
    const living = isAttached ? this.#attached : this.#living;
    // Whatever the filter says: an actor that is not noted as it starts and stops would never be known, or never be forgotten.
    if (event.type === '@xstate.event' && event.event.type === 'xstate.init') living.add(ref);
    else if (event.type === '@xstate.actor' && !isAttached && parentOf(ref) === undefined)
      this.#systems.exclude(ref.system);
    if (this.#isListening && this.#options.filter(event)) this.#teller.look(event, ref);
    if (event.type === '@xstate.snapshot' && event.snapshot.status !== 'active') living.delete(ref);
  }

  /** Tells how things stand to somebody who knows nothing yet. */
  tellAll(): void {
    this.#teller.forget();
    for (const ref of this.#everybody()) {
      this.#teller.meet(ref);
      this.#teller.settle(ref);
    }
  }

  /**
   * Tells what no inspection event says: that an actor has failed which has no parent to hear of it.
   */
  tellFailures(): void {
    for (const ref of this.#everybody()) {
      if (parentOf(ref) === undefined) this.#teller.settle(ref);
    }
  }

  /** Tells what was held back, and lets go of every session. */
  end(): void {
    this.#teller.flush();
    this.listen(false);
    this.#isOver = true;
    this.#living.clear();
  }

  *#everybody(): Iterable<Ref> {
    yield* this.#living;
    yield* this.#attached;
  }

  #hush(): void {
    this.#systems.close();
    this.#attached.clear();
    this.#teller.forget();
  }
}
