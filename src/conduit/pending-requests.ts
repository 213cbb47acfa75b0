import type { RequestNumber } from '../../machines/events.js';
import { offAbort, onAbort } from '../base/abort.js';
import type { ConnectionId } from '../wire/id.js';

/** A local request that waits for its outcome. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly signal: AbortSignal | undefined;
  readonly service: string | undefined;
  stopListening?: () => void;
}

/** An open that waits for the peer's answer. */
interface Open {
  readonly id: ConnectionId;
  deadline: number;
}

/** The promises of local requests. Each settles once, and then stops listening to its signal. */
export class PendingRequests {
  // Made when they are first needed: an empty map takes 200 bytes, and an idle session needs none.
  #waiting: Map<RequestNumber, Waiting> | undefined;
  /** The opens among the requests that have their id, oldest first. */
  #opens: Map<RequestNumber, Open> | undefined;
  #last: RequestNumber = 0;

  /**
   * Adds a request. Returns its number, and the promise of its outcome. `service` is the service that an open is for.
   */
  add<T>(signal?: AbortSignal, service?: string): { request: RequestNumber; promise: Promise<T> } {
    const request = ++this.#last;
    this.#waiting ??= new Map();
    const waiting = this.#waiting;
    const promise = new Promise<T>((resolve, reject) => {
      waiting.set(request, { resolve: resolve as (value: unknown) => void, reject, signal, service });
    });
    return { request, promise };
  }

  /** Notes the id of an open. `abandon` is called once if the open's signal aborts. */
  pend(request: RequestNumber, id: ConnectionId, deadline: number, abandon: () => void): void {
    this.#opens ??= new Map();
    this.#opens.set(request, { id, deadline });
    const waiting = this.#waiting?.get(request);
    if (waiting?.signal === undefined) return;
    const { signal } = waiting;
    if (signal.aborted) {
      abandon();
      return;
    }
    onAbort(signal, abandon);
    waiting.stopListening = () => offAbort(signal, abandon);
  }

  /** Returns the abort reason of a request's signal. */
  reasonOf(request: RequestNumber): unknown {
    return this.#waiting?.get(request)?.signal?.reason;
  }

  /** Returns the service that an open is for, if it is for one. */
  serviceOf(request: RequestNumber): string | undefined {
    return this.#waiting?.get(request)?.service;
  }

  /**
   * Returns the ids of the opens whose deadline has come. All opens get the same time, so the first one with time left
   * ends the search.
   */
  expired(now: number): ConnectionId[] {
    const ids: ConnectionId[] = [];
    if (this.#opens === undefined) return ids;
    for (const { id, deadline } of this.#opens.values()) {
      if (deadline > now) break;
      ids.push(id);
    }
    return ids;
  }

  /** Gives the opens of before another deadline: the peer could not answer them yet. */
  postpone(deadline: number): void {
    for (const open of this.#opens?.values() ?? []) open.deadline = deadline;
  }

  resolve(request: RequestNumber, value: unknown): void {
    this.#take(request)?.resolve(value);
  }

  reject(request: RequestNumber, error: unknown): void {
    this.#take(request)?.reject(error);
  }

  rejectAll(makeError: () => Error): void {
    for (const request of [...(this.#waiting?.keys() ?? [])]) this.reject(request, makeError());
  }

  #take(request: RequestNumber): Waiting | undefined {
    const waiting = this.#waiting?.get(request);
    this.#waiting?.delete(request);
    this.#opens?.delete(request);
    waiting?.stopListening?.();
    return waiting;
  }
}
