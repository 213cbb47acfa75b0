import type { ConnectionRequest } from '../../machines/events.js';
import { type SettingsOptions, settingsOf } from '../base/check.js';
import { InvalidArgument, LimitExceeded } from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import { isThenable } from '../base/promise.js';
import type { Report } from '../base/report.js';
import type { Codec } from '../codec/codec.js';
import { metadataOf } from '../codec/metadata.js';
import { type ConnectionId, opposite } from '../wire/id.js';
import type { ConnectionSettings } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Connection } from './connection.js';

/** A connection that the peer wants to open. */
export interface OpenRequest {
  readonly id: ConnectionId;
  readonly peerSettings: ConnectionSettings;
  readonly metadata: Metadata;
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
export type OnConnection = (request: OpenRequest) => Acceptance | Rejection | Promise<Acceptance | Rejection>;

type Answer = Extract<ConnectionRequest, { type: 'app.accept' | 'app.reject' }>;

interface Decision {
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
  readonly #decision: Decision;

  constructor(decision: Decision, metadata: Metadata) {
    this.id = decision.id;
    this.peerSettings = decision.peerSettings;
    this.metadata = metadata;
    this.#decision = decision;
  }

  get signal(): AbortSignal {
    const decision = this.#decision;
    if (decision.controller === undefined) {
      decision.controller = new AbortController();
      // A late reader of `signal` also sees the abort.
      if (decision.moot !== undefined) decision.controller.abort(decision.moot.reason);
    }
    return decision.controller.signal;
  }
}

export interface AcceptorHost {
  readonly codec: Codec;
  readonly limits: Limits;
  /** True if a rejection leaves without its metadata. */
  readonly emptyRejects: boolean;
  /**
   * Takes an answer in its turn. `make` is called only then, and returns undefined if the answer has become moot. An
   * answer that onConnection gave at once (`isPrompt`) belongs to the step of the peer's open: no input that waits
   * comes in between.
   */
  answer(make: () => Answer | undefined, isPrompt: boolean): void;
  /** Milliseconds. */
  now(): number;
  report(report: Report): void;
}

/** The decisions that the application has not made yet, in the order in which they were asked for. */
export class Acceptor {
  readonly #onConnection: OnConnection | undefined;
  readonly #host: AcceptorHost;
  readonly #decisions = new Map<ConnectionId, Decision>();
  /** True while onConnection runs. */
  #isAsking = false;

  constructor(onConnection: OnConnection | undefined, host: AcceptorHost) {
    this.#onConnection = onConnection;
    this.#host = host;
  }

  get isAccepting(): boolean {
    return this.#onConnection !== undefined;
  }

  // r[rpc.virtual-connection.accept]
  /** Asks the application. Never throws: an onConnection that throws has rejected the open. */
  decide(id: ConnectionId, peerSettings: ConnectionSettings, metadata: Metadata): void {
    const deadline = this.#host.now() + this.#host.limits.acceptTimeout;
    const decision: Decision = { id, peerSettings, deadline };
    this.#decisions.set(id, decision);
    this.#isAsking = true;
    try {
      const answer = this.#onConnection?.(new Question(decision, metadata));
      if (isThenable(answer)) {
        answer.then(
          (value) => this.#answer(decision, value),
          (error: unknown) => this.#fail(decision, error),
        );
      } else {
        this.#answer(decision, answer);
      }
    } catch (error) {
      this.#fail(decision, error);
    }
    this.#isAsking = false;
  }

  /** Returns the `setup` of an accepted connection, once. */
  takeSetup(id: ConnectionId): ((connection: Connection) => unknown) | undefined {
    const setup = this.#decisions.get(id)?.setup;
    this.#decisions.delete(id);
    return setup;
  }

  /** Forgets a question that has become moot, and aborts its signal. */
  drop(id: ConnectionId, reason: unknown): void {
    const decision = this.#decisions.get(id);
    this.#decisions.delete(id);
    if (decision !== undefined) abort(decision, reason);
  }

  dropAll(reason: unknown): void {
    for (const id of [...this.#decisions.keys()]) this.drop(id, reason);
  }

  /**
   * Rejects the opens that have waited too long. The oldest comes first, so the first one with time left ends the
   * search.
   */
  sweep(): void {
    const now = this.#host.now();
    for (const decision of this.#decisions.values()) {
      if (decision.deadline > now) return;
      const { acceptTimeout } = this.#host.limits;
      const error = new LimitExceeded('acceptTimeout', `onConnection did not answer within ${acceptTimeout} ms`);
      this.#fail(decision, error);
      abort(decision, error);
    }
  }

  #answer(decision: Decision, answer: unknown): void {
    const { id } = decision;
    try {
      const { codec, limits, emptyRejects } = this.#host;
      const { type, settings, metadata, setup } = (answer ?? {}) as Partial<Acceptance>;
      if (type !== 'accept' && type !== ('reject' as string)) {
        throw new InvalidArgument("onConnection must answer with { type: 'accept' } or { type: 'reject' }");
      }
      const checked = metadataOf(metadata, codec, limits);
      if (type !== 'accept') {
        this.#settle(decision, { type: 'app.reject', id, metadata: emptyRejects ? [] : checked });
        return;
      }
      if (setup !== undefined && typeof setup !== 'function') throw new InvalidArgument('setup must be a function');
      const parity = opposite(decision.peerSettings.parity);
      const ours = settingsOf(settings ?? {}, parity);
      if (ours.parity !== parity) {
        throw new InvalidArgument(`an acceptance's parity must be the opposite of the opener's: ${parity}`);
      }
      decision.setup = setup;
      this.#settle(decision, { type: 'app.accept', id, settings: ours, metadata: checked });
    } catch (error) {
      this.#fail(decision, error);
    }
  }

  #fail(decision: Decision, error: unknown): void {
    if (this.#isMoot(decision)) return;
    const { id } = decision;
    this.#host.report({ kind: 'acceptor-failed', id, message: `onConnection failed for connection ${id}`, error });
    this.#settle(decision, { type: 'app.reject', id, metadata: [] });
  }

  #settle(decision: Decision, answer: Answer): void {
    this.#host.answer(() => {
      if (this.#isMoot(decision)) return undefined;
      // An acceptance keeps its entry until the connection is set up.
      if (answer.type === 'app.reject') this.#decisions.delete(decision.id);
      return answer;
    }, this.#isAsking);
  }

  #isMoot(decision: Decision): boolean {
    return this.#decisions.get(decision.id) !== decision;
  }
}

function abort(decision: Decision, reason: unknown): void {
  decision.moot = { reason };
  decision.controller?.abort(reason);
}
