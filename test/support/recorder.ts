import type * as Spec from '../../spec/rows/vocabulary.js';
import type { Handled } from '../../spec/rows/vocabulary-calls.js';
import type {
  Connection,
  ConnectionClosedReason,
  ConnectionId,
  DataMessage,
  Metadata,
  RequestId,
  SessionClosedReason,
} from '../../src/index.js';

/** The result of a promise that has settled. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

/** A connection by its name. */
export interface Named {
  readonly name: Spec.ConnectionName;
  readonly connection: Connection;
  /** Present once `closed` has resolved. */
  closed?: ConnectionClosedReason;
}

/** The messages that one `read` took. */
export class Messages {
  readonly list: DataMessage[] = [];
}

/** The results of one step, as the application sees them. */
export class Observed {
  readonly settled = new Map<string, Settled>();
  readonly closed = new Map<Spec.ConnectionName, ConnectionClosedReason>();
  readonly ended: SessionClosedReason[] = [];
  readonly identified: Metadata[] = [];
  unidentified = false;
  readonly asked: Spec.Asked[] = [];
  readonly aborted: ConnectionId[] = [];
  readonly setup: Connection[] = [];
  readonly reports: Spec.Report[] = [];
  readonly handled: Handled[] = [];
  readonly givenUp: RequestId[] = [];
}

/** Notes the results that an application sees, step by step. */
export class Recorder {
  /** The results since the last {@link take}. */
  now = new Observed();
  /** Every connection that ever had a name; the latest bearer of one comes last. */
  readonly connections: Named[] = [];
  /** The names of the promises that have not settled. */
  readonly pending = new Set<string>();

  /** Returns the results since the last call. */
  take(): Observed {
    const observed = this.now;
    this.now = new Observed();
    return observed;
  }

  /** Notes how the promise that `call` gives settles; a call that throws counts as one that rejects. */
  track(name: string, call: () => Promise<unknown>): void {
    this.pending.add(name);
    let promise: Promise<unknown>;
    try {
      promise = call();
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (value) => {
        this.pending.delete(name);
        if (isConnection(value)) this.name(name, value);
        this.now.settled.set(name, { value });
      },
      (error: unknown) => {
        this.pending.delete(name);
        this.now.settled.set(name, { error });
      },
    );
  }

  /** Gives a connection its name, unless it has one, and notes when it is closed. */
  name(name: Spec.ConnectionName, connection: Connection): void {
    if (this.connections.some((named) => named.connection === connection)) return;
    const named: Named = { name, connection };
    this.connections.push(named);
    void connection.closed.then((reason) => {
      named.closed = reason;
      this.now.closed.set(name, reason);
    });
  }

  named(name: Spec.ConnectionName): Connection {
    const connection = this.connections.findLast((named) => named.name === name)?.connection;
    if (connection === undefined) throw new Error(`no connection is named ${name}`);
    return connection;
  }
}

function isConnection(value: unknown): value is Connection {
  return typeof value === 'object' && value !== null && 'peerSettings' in value;
}
