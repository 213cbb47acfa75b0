import type { ConnectionRequest } from '../../machines/events.js';
import { type SettingsOptions, settingsOf } from '../base/check.js';
import { InvalidArgument, LimitExceeded } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import { metadataOf } from '../codec/metadata.js';
import type { Conduit } from '../conduit/conduit.js';
import { type ConnectionId, opposite } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Connection } from './connection.js';

/** A connection that the peer wants to open. `P` is the type of its principal. */
export interface OpenRequest<P = unknown> {
  readonly id: ConnectionId;
  readonly peerSettings: ConnectionSettings;
  readonly metadata: Metadata;
  /** The value that `authenticate` has given for the peer; undefined without it. */
  readonly principal: P;
  /** Aborted when the answer no longer matters: the peer withdrew, the time passed, or the session ended. */
  readonly signal: AbortSignal;
}

/** The answer that accepts an open. */
export interface Acceptance {
  readonly type: 'accept';
  /** Our settings. The parity is the opposite of the opener's. Another parity is an InvalidArgument. */
  readonly settings?: SettingsOptions;
  readonly metadata?: Metadata;
  /**
   * Gets the connection once it is active, in the same step in which the peer is told. If `setup` throws, or the
   * promise that it returns rejects, the error is reported and the connection closed.
   */
  readonly setup?: (connection: Connection) => unknown;
}

/** The answer that rejects an open. */
export interface Rejection {
  readonly type: 'reject';
  readonly metadata?: Metadata;
}

/** Decides on an open of the peer, at once or by a promise. Throwing rejects the open. */
export type OnConnection<P = unknown> = (
  request: OpenRequest<P>,
) => Acceptance | Rejection | Promise<Acceptance | Rejection>;

type Answer = Extract<ConnectionRequest, { type: 'app.accept' | 'app.reject' }>;

/** An open for which the application has not decided, or whose connection is not set up yet. */
interface PendingOpen {
  readonly id: ConnectionId;
  readonly peerSettings: ConnectionSettings;
  /** Made when the application first reads the signal, which is rare. */
  controller?: AbortController;
  /** The reason for which the answer no longer matters, once it does not. */
  moot?: { readonly reason: unknown };
  readonly deadline: number;
  setup?: ((connection: Connection) => unknown) | undefined;
}

/** The request as the application sees it. */
class Question implements OpenRequest {
  readonly id: ConnectionId;
  readonly peerSettings: ConnectionSettings;
  readonly metadata: Metadata;
  readonly #open: PendingOpen;
  readonly #principal: unknown;

  constructor(open: PendingOpen, metadata: Metadata, principal: unknown) {
    this.id = open.id;
    this.peerSettings = open.peerSettings;
    this.metadata = metadata;
    this.#open = open;
    this.#principal = principal;
  }

  get principal(): unknown {
    return this.#principal;
  }

  get signal(): AbortSignal {
    const open = this.#open;
    if (open.controller === undefined) {
      open.controller = new AbortController();
      // A late reader of `signal` also sees the abort.
      if (open.moot !== undefined) open.controller.abort(open.moot.reason);
    }
    return open.controller.signal;
  }
}

/** The decisions that the application has not made yet, in the order in which they were asked for. */
export class IncomingOpens {
  readonly #onConnection: OnConnection | undefined;
  readonly #conduit: Conduit;
  readonly #emptyRejects: boolean;
  readonly #principalOf: () => unknown;
  readonly #pending = new Map<ConnectionId, PendingOpen>();
  /** True while onConnection runs. */
  #isAsking = false;

  /** If `emptyRejects` is true, rejections leave without their metadata. */
  constructor(
    onConnection: OnConnection | undefined,
    conduit: Conduit,
    emptyRejects: boolean,
    principalOf: () => unknown,
  ) {
    this.#principalOf = principalOf;
    this.#onConnection = onConnection;
    this.#conduit = conduit;
    this.#emptyRejects = emptyRejects;
  }

  // r[rpc.virtual-connection.accept]
  /** Asks the application. Never throws: an onConnection that throws has rejected the open. */
  decide(id: ConnectionId, peerSettings: ConnectionSettings, metadata: Metadata): void {
    const { clock, limits } = this.#conduit;
    const deadline = clock.now() + limits.acceptTimeout;
    const open: PendingOpen = { id, peerSettings, deadline };
    this.#pending.set(id, open);
    this.#isAsking = true;
    try {
      const answer = this.#onConnection?.(new Question(open, metadata, this.#principalOf()));
      if (isThenable(answer)) {
        answer.then(
          (value) => this.#answer(open, value),
          (error: unknown) => this.#fail(open, error),
        );
      } else {
        this.#answer(open, answer);
      }
    } catch (error) {
      this.#fail(open, error);
    }
    this.#isAsking = false;
  }

  /** Returns the `setup` of an accepted connection, once. */
  takeSetup(id: ConnectionId): ((connection: Connection) => unknown) | undefined {
    const setup = this.#pending.get(id)?.setup;
    this.#pending.delete(id);
    return setup;
  }

  /** Forgets a question that has become moot, and aborts its signal. */
  drop(id: ConnectionId, reason: unknown): void {
    const open = this.#pending.get(id);
    this.#pending.delete(id);
    if (open !== undefined) abort(open, reason);
  }

  dropAll(makeReason: () => unknown): void {
    for (const id of [...this.#pending.keys()]) this.drop(id, makeReason());
  }

  /** Forgets a question that the application did not answer in time, reports that, and aborts its signal. */
  expire(id: ConnectionId): void {
    const { acceptTimeout } = this.#conduit.limits;
    const error = new LimitExceeded('acceptTimeout', `onConnection did not answer within ${acceptTimeout} ms`);
    this.#reportFailure(id, error);
    this.drop(id, error);
  }

  /**
   * Tells the chart of the opens that have waited too long. The oldest comes first, so the first one with time left ends
   * the search.
   */
  sweep(): void {
    const now = this.#conduit.clock.now();
    for (const open of this.#pending.values()) {
      if (open.deadline > now) return;
      const { id } = open;
      this.#conduit.push(() => (this.#isMoot(open) ? undefined : { type: 'deadline.passed', id }));
    }
  }

  #answer(open: PendingOpen, answer: unknown): void {
    const { id } = open;
    try {
      const { codec, limits } = this.#conduit;
      const { type, settings, metadata, setup } = (answer ?? {}) as Partial<Acceptance>;
      if (type !== 'accept' && type !== ('reject' as string)) {
        throw new InvalidArgument("onConnection must answer with { type: 'accept' } or { type: 'reject' }");
      }
      const checked = metadataOf(metadata, codec, limits);
      if (type !== 'accept') {
        this.#settle(open, { type: 'app.reject', id, metadata: this.#emptyRejects ? [] : checked });
        return;
      }
      if (setup !== undefined && typeof setup !== 'function') throw new InvalidArgument('setup must be a function');
      const parity = opposite(open.peerSettings.parity);
      const ours = settingsOf(settings ?? {}, parity);
      if (ours.parity !== parity) {
        throw new InvalidArgument(`an acceptance's parity must be the opposite of the opener's: ${parity}`);
      }
      open.setup = setup;
      this.#settle(open, { type: 'app.accept', id, settings: ours, metadata: checked });
    } catch (error) {
      this.#fail(open, error);
    }
  }

  #fail(open: PendingOpen, error: unknown): void {
    if (this.#isMoot(open)) return;
    const { id } = open;
    this.#reportFailure(id, error);
    this.#settle(open, { type: 'app.reject', id, metadata: [] });
  }

  #reportFailure(id: ConnectionId, error: unknown): void {
    this.#conduit.report({ kind: 'acceptor-failed', id, message: `onConnection failed for connection ${id}`, error });
  }

  /** Takes the answer in its turn. It has no effect if it has become moot by then. */
  #settle(open: PendingOpen, answer: Answer): void {
    const input = (): Answer | undefined => {
      if (this.#isMoot(open)) return undefined;
      // An acceptance keeps its entry until the connection is set up.
      if (answer.type === 'app.reject') this.#pending.delete(open.id);
      return answer;
    };
    // An answer that onConnection gave at once belongs to the step of the peer's open: no input that waits comes in
    // between.
    if (this.#isAsking) this.#conduit.inputs.pushNext(input);
    else this.#conduit.push(input);
  }

  #isMoot(open: PendingOpen): boolean {
    return this.#pending.get(open.id) !== open;
  }
}

function abort(open: PendingOpen, reason: unknown): void {
  open.moot = { reason };
  open.controller?.abort(reason);
}
