/**
 * Watches the actors that an inspector is shown, and has them reported. A process reports itself as process 0. The server
 * gives it its number. While no server listens, attached systems are not observed. Systems that report through the option
 * `inspect` send events even then, and the watcher only notes which actors live. A new server gets the state of all living
 * actors.
 */

import type { InspectionEvent } from 'xstate';
import { parentOf } from '../compile/internals.js';
import type { InspectionRecord } from './record.js';
import { RecordWriter, type RecordWriterOptions } from './record-writer.js';
import { actorsOf, type Ref, Systems } from './systems.js';

export interface WatcherOptions extends RecordWriterOptions {
  readonly filter: (event: InspectionEvent) => boolean;
}

export class Watcher {
  #isListening = false;
  #isOver = false;
  readonly #options: WatcherOptions;
  readonly #writer: RecordWriter;
  readonly #systems: Systems;
  /** The actors that run, in the order in which they began: parents come before their children. */
  readonly #living = new Set<Ref>();
  /** The running actors of attached systems. Empty while no server listens. */
  readonly #attached = new Set<Ref>();

  /** `hear` gets the events of attached systems. It passes them to {@link next} with `isAttached`. */
  constructor(
    options: WatcherOptions,
    tell: (record: InspectionRecord) => void,
    hear: (event: InspectionEvent) => void,
  ) {
    this.#options = options;
    this.#writer = new RecordWriter(options, tell, (ref) => {
      this.#living.delete(ref);
      this.#attached.delete(ref);
    });
    this.#systems = new Systems(hear);
  }

  /** True while records are wanted. */
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

  /** Watches the system of a root while a server listens. */
  attach(root: Ref): void {
    if (this.#isOver || !this.#systems.add(root) || !this.#isListening) return;
    for (const ref of actorsOf(root)) {
      this.#attached.add(ref);
      this.#writer.meet(ref);
    }
  }

  /** Takes an event of an attached system, or of one that reports through the option `inspect`. */
  next(event: InspectionEvent, isAttached = false): void {
    if (this.#isOver) return;
    const ref = event.actorRef as Ref;
    const living = isAttached ? this.#attached : this.#living;
    // Regardless of the filter: otherwise the watcher would miss an actor's start, or never forget it after its stop.
    if (event.type === '@xstate.event' && event.event.type === 'xstate.init') living.add(ref);
    else if (event.type === '@xstate.actor' && !isAttached && parentOf(ref) === undefined)
      this.#systems.exclude(ref.system);
    if (this.#isListening && this.#options.filter(event)) this.#writer.look(event, ref);
    if (event.type === '@xstate.snapshot' && event.snapshot.status !== 'active') living.delete(ref);
  }

  /** Reports all living actors to a new server. */
  tellAll(): void {
    this.#writer.forget();
    for (const ref of this.#everybody()) {
      this.#writer.meet(ref);
      this.#writer.settle(ref);
    }
  }

  /** Reports failures that cause no inspection event: those of actors without a parent. */
  tellFailures(): void {
    for (const ref of this.#everybody()) {
      if (parentOf(ref) === undefined) this.#writer.settle(ref);
    }
  }

  /** Reports the messages that were held back, and stops observing every session. */
  end(): void {
    this.#writer.flush();
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
    this.#writer.forget();
  }
}
