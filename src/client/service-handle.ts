import { offAbort, onAbort } from '../base/abort.js';
import {
  Cancelled,
  ConnectionClosed,
  ConnectionRejected,
  errorOfCall,
  InvalidArgument,
  isLost,
  LimitExceeded,
  type Ran,
  SessionClosed,
  Unavailable,
} from '../base/errors.js';
import { QUEUED_MESSAGE_COST } from '../conduit/costs.js';
import { forgoArgs, passesChannel } from '../payload/ends.js';
import type { MethodCallOptions, Methods } from '../service/calls.js';
import { type Client, type ClientOptions, callerOf, takeOptions } from '../service/client.js';
import type { Service } from '../service/service.js';
import type { Caller } from '../session/connection.js';
import type { Session } from '../session/session.js';
import { isNotRun } from '../wire/metadata.js';

/** Times that a call is made, the first one included. */
const ATTEMPTS = 4;
const FIRST_DELAY = 100;
const MAX_DELAY = 2_000;

/**
 * The budget for repeats of calls that may have run. Each failure takes 1, each success gives 0.1. Below the half none is
 * repeated: a server that fails all the time does not get four times the calls.
 */
const BUDGET = 10;
const SUCCESS = 0.1;

/** Counts what repeats may cost, for all calls of a client. */
export class RetryBudget {
  #left = BUDGET;

  succeeded(): void {
    if (this.#left < BUDGET) this.#left = Math.min(BUDGET, this.#left + SUCCESS);
  }

  /** Counts a failure. Returns true if the call may be made again. */
  failed(): boolean {
    this.#left = Math.max(0, this.#left - 1);
    return this.#left >= BUDGET / 2;
  }
}

/** A session, as far as its calls need it. */
export interface OpenSession {
  readonly session: Session;
  /** Calls that have been made in it, and have no outcome yet. */
  begin(): void;
  finish(): void;
}

/** The client behind a service in use. */
export interface HandleOwner {
  /** The current session, if there is one. */
  readonly current: OpenSession | undefined;
  readonly waitTimeout: number;
  readonly budget: RetryBudget;
  /** The error of calls that are made now, if no call may wait. */
  refusal(): Error | undefined;
  /** Counts a call that waits. Returns the error if there is no room. */
  enter(bytes: number): LimitExceeded | undefined;
  leave(bytes: number): void;
  /** Tells why there is no session, for the text of an error. */
  readonly trouble: string;
  /** Asks for a session. */
  want(): void;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  now(): number;
  /** A call waits, also if no client of the service is left. */
  keep(handle: object): void;
  /** No client of the service is left. */
  forget(handle: object): void;
}

/** A caller that waits for a session. */
export interface Waiter {
  start(): void;
  fail(error: Error): void;
}

/** The history of one call. */
interface CallRecord {
  readonly name: string;
  readonly given: readonly unknown[];
  readonly options: MethodCallOptions;
  readonly startedAt: number;
  made: number;
  /** True if an attempt that failed may have run. */
  mayHaveRun: boolean;
}

type Call = (...given: readonly unknown[]) => Promise<unknown>;

/** The client of a service in a session. */
interface Ready {
  readonly open: OpenSession;
  readonly methods: Readonly<Record<string, Call>>;
  readonly caller: Caller;
  /** Counts a call that was answered. It serves all calls: a function of each call's own would cost as much as the rest. */
  readonly succeed: (value: unknown) => unknown;
}

/** One service in use: its client in the current session, and the calls that wait for one. */
export class ServiceHandle<M extends Methods> {
  readonly #owner: HandleOwner;
  readonly #service: Service<M>;
  readonly #options: ClientOptions<M>;
  readonly #isOnRoot: boolean;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiter>();
  /** Fail the calls that wait to be made again. */
  readonly #backingOff = new Set<(error: Error) => void>();
  #ready: Ready | undefined;
  /** The session in which the connection is being opened. */
  #opening: OpenSession | undefined;
  /** Clients that are not given back. */
  #shares = 0;

  constructor(owner: HandleOwner, service: Service<M>, options: ClientOptions<M>, isOnRoot: boolean) {
    this.#owner = owner;
    this.#service = service;
    this.#options = options;
    this.#isOnRoot = isOnRoot;
  }

  /** Makes a client. When all clients are given back, so is the connection. */
  share(): Client<M> {
    this.#shares++;
    let isReleased = false;
    const client: Record<string, unknown> = {};
    for (const name of Object.keys(this.#service.methods)) {
      client[name] = (...given: unknown[]): Promise<unknown> => {
        if (!isReleased) return this.#call(name, given);
        return this.#settled(given, Promise.reject(errorOfCall(new InvalidArgument('the client was released'), 'no')));
      };
    }
    if (Symbol.dispose !== undefined) {
      Object.defineProperty(client, Symbol.dispose, {
        value: () => {
          if (!isReleased) this.#release();
          isReleased = true;
        },
      });
    }
    return client as Client<M>;
  }

  /** Lets the waiting calls leave. Called when there is a new session. */
  sessionOpened(): void {
    if (this.#waiting.size > 0) this.#prepare();
  }

  /** True if a call waits for a session, or to be made again. */
  get isWaiting(): boolean {
    return this.#waiting.size + this.#backingOff.size > 0;
  }

  /** Fails the waiting calls. */
  fail(error: Error): void {
    for (const waiter of this.#waiting) waiter.fail(error);
    for (const fail of this.#backingOff) fail(error);
  }

  #call(name: string, given: unknown[]): Promise<unknown> {
    const ready = this.#readyClient();
    // The clock is read only for what may be a timeout.
    const last = given.at(-1);
    const isTimed = typeof last === 'object' && last !== null && 'timeout' in last;
    const startedAt = isTimed ? this.#owner.now() : 0;
    if (ready !== undefined) return this.#attempt(ready, name, given, startedAt, undefined);
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return this.#settled(given, Promise.reject(errorOfCall(refusal, 'no')));
    let record: CallRecord;
    let bytes: number;
    try {
      record = this.#recordOf(name, given, startedAt);
      // Encoded to check the arguments at once, and to count them.
      bytes = this.#costOf(record);
    } catch (error) {
      return this.#settled(given, Promise.reject(errorOfCall(error as Error, 'no')));
    }
    return this.#settled(given, this.#wait(record, bytes));
  }

  /** If the call fails before it leaves, its channels end with the error. So a call with channels need not be awaited. */
  #settled(given: readonly unknown[], promise: Promise<unknown>): Promise<unknown> {
    if (passesChannel(given)) promise.catch((error: Error) => forgoArgs(given, error));
    return promise;
  }

  #readyClient() {
    const ready = this.#ready;
    if (ready === undefined || this.#waiting.size > 0) return undefined;
    return ready.open === this.#owner.current && ready.caller.connection.isConnected ? ready : undefined;
  }

  #recordOf(name: string, given: readonly unknown[], startedAt: number): CallRecord {
    const options = takeOptions([...given]) ?? {};
    return { name, given, options, startedAt, made: 0, mayHaveRun: false };
  }

  /** Makes the call once in a session. Without a record it is the first time, in a session that was there already. */
  #attempt(
    { open, methods, succeed }: Ready,
    name: string,
    given: readonly unknown[],
    startedAt: number,
    record: CallRecord | undefined,
  ): Promise<unknown> {
    open.begin();
    const answered: Promise<unknown> = (methods[name] as Call)(...given).then(succeed, (error: Error) => {
      open.finish();
      // Its channels report the failure, too, so the application may not await the call yet.
      if (passesChannel(given)) answered.catch(() => {});
      return this.#failed(error, record ?? this.#recordOf(name, given, startedAt));
    });
    return answered;
  }

  #failed(error: Error, record: CallRecord): Promise<unknown> {
    record.made++;
    const ran = (error as { ran?: Ran }).ran ?? 'maybe';
    const mayRepeat = this.#mayRepeat(error, ran, record);
    if (ran === 'maybe') record.mayHaveRun = true;
    // If an earlier attempt may have run, the call may have run.
    const failure = record.mayHaveRun && ran === 'no' ? errorOfCall(error, 'maybe') : error;
    // A client that is closed makes no call again.
    if (!mayRepeat || this.#owner.refusal() !== undefined) throw failure;
    const delay = Math.min(MAX_DELAY, FIRST_DELAY * 2 ** (record.made - 1));
    const { signal, timeout } = record.options;
    if (timeout !== undefined && this.#owner.now() + delay - record.startedAt >= timeout) throw failure;
    return new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#owner.clearTimeout(timer);
        this.#backingOff.delete(fail);
        if (this.#shares === 0) this.#owner.forget(this);
        if (signal != null) offAbort(signal, abort);
      };
      const timer = this.#owner.setTimeout(() => {
        end();
        resolve();
      }, delay);
      const fail = (why: Error): void => {
        end();
        reject(errorOfCall(why, record.mayHaveRun ? 'maybe' : 'no'));
      };
      const abort = (): void => {
        end();
        reject(abortedAs(signal, record));
      };
      this.#backingOff.add(fail);
      this.#owner.keep(this);
      if (signal != null) onAbort(signal, abort);
    }).then(() => {
      const ready = this.#readyClient();
      if (ready !== undefined) return this.#attempt(ready, record.name, this.#again(record), record.startedAt, record);
      const refusal = this.#owner.refusal();
      if (refusal !== undefined) throw errorOfCall(refusal, record.mayHaveRun ? 'maybe' : 'no');
      return this.#wait(record, this.#costOf(record));
    });
  }

  /** The bytes that a call counts while it waits. @throws InvalidArgument when its arguments can't be sent. */
  #costOf({ name, given }: CallRecord): number {
    const args = [...given];
    takeOptions(args);
    return this.#service.encodeArgs(name, args).length + QUEUED_MESSAGE_COST;
  }

  /** The rule for repeats; see docs/client.md. */
  #mayRepeat(error: Error, ran: Ran, { name, given, options, made }: CallRecord): boolean {
    // The peer has said that nothing has run: it has too much to do, or takes no more calls in this session.
    const isPeers = (error instanceof Cancelled && error.by === 'peer') || error instanceof Unavailable;
    const hasNotRun = isPeers && ran === 'no';
    if (!(isLost(error) || hasNotRun)) return false;
    if (ran === 'maybe' && !(this.#service.methods[name]?.idempotent && this.#owner.budget.failed())) return false;
    return made < ATTEMPTS && options.retry !== false && !options.signal?.aborted && !passesChannel(given);
  }

  /** The arguments and options of the next time: the timeout is that of the whole call. */
  #again({ given, options, startedAt }: CallRecord): readonly unknown[] {
    const { timeout } = options;
    if (timeout === undefined) return given;
    const left = Math.max(0, timeout - (this.#owner.now() - startedAt));
    return [...given.slice(0, -1), { ...options, timeout: left }];
  }

  #wait(record: CallRecord, bytes: number): Promise<unknown> {
    const owner = this.#owner;
    const { signal, timeout } = record.options;
    const ran = record.mayHaveRun ? 'maybe' : 'no';
    if (signal?.aborted) return Promise.reject(abortedAs(signal, record));
    const full = owner.enter(bytes);
    if (full !== undefined) return Promise.reject(errorOfCall(full, ran));
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (): boolean => {
        if (isOver) return false;
        isOver = true;
        owner.clearTimeout(timer);
        if (signal != null) offAbort(signal, abort);
        owner.leave(bytes);
        this.#waiting.delete(waiter);
        if (this.#shares === 0 && this.#waiting.size === 0) this.#owner.forget(this);
        return true;
      };
      const fail = (error: Error): void => {
        if (end()) reject(errorOfCall(error, ran));
      };
      const abort = (): void => {
        if (end()) reject(abortedAs(signal, record));
      };
      const left = timeout === undefined ? Number.POSITIVE_INFINITY : timeout - (owner.now() - record.startedAt);
      const timer = owner.setTimeout(
        () => {
          fail(
            left < owner.waitTimeout
              ? new LimitExceeded('timeout', `the call was not answered within ${timeout} ms`)
              : new LimitExceeded('waitTimeout', `no session within ${owner.waitTimeout} ms${owner.trouble}`),
          );
        },
        Math.max(0, Math.min(left, owner.waitTimeout)),
      );
      if (signal != null) onAbort(signal, abort);
      const waiter: Waiter = {
        fail,
        start: () => {
          const ready = this.#ready;
          if (ready === undefined || !end()) return;
          resolve(this.#attempt(ready, record.name, this.#again(record), record.startedAt, record));
        },
      };
      this.#waiting.add(waiter);
      owner.keep(this);
      if (owner.current === undefined) owner.want();
      else this.#prepare();
    });
  }

  /** Opens the service in the current session. Then the waiting calls leave. */
  #prepare(): void {
    const open = this.#owner.current;
    if (open === undefined) {
      if (this.#waiting.size > 0) this.#owner.want();
      return;
    }
    if (this.#opening === open) return;
    const ready = this.#ready;
    if (ready?.open === open && ready.caller.connection.isConnected) {
      this.#flush();
      return;
    }
    if (this.#isOnRoot) {
      this.#use(open, () => this.#service.client(open.session.root, this.#options));
      return;
    }
    this.#opening = open;
    open.session.open(this.#service, this.#options).then(
      (client) => {
        if (this.#opening === open) this.#opening = undefined;
        this.#use(open, () => client);
      },
      (error: Error) => {
        if (this.#opening === open) this.#opening = undefined;
        this.#refused(open, error);
      },
    );
  }

  #use(open: OpenSession, make: () => Client<M>): void {
    try {
      const client = make();
      if (this.#owner.current !== open) {
        // The next session has its turn already.
        callerOf(client).release();
        this.#prepare();
        return;
      }
      const { budget } = this.#owner;
      this.#ready = {
        open,
        methods: client as unknown as Readonly<Record<string, Call>>,
        caller: callerOf(client),
        succeed: (value) => {
          open.finish();
          budget.succeeded();
          return value;
        },
      };
    } catch (error) {
      this.#refused(open, error as Error);
      return;
    }
    this.#flush();
  }

  #refused(open: OpenSession, error: Error): void {
    const isSessionOver =
      error instanceof SessionClosed ||
      (error instanceof ConnectionClosed && error.by === 'session') ||
      error instanceof Unavailable ||
      (error instanceof ConnectionRejected && isNotRun(error.metadata));
    if (this.#owner.current !== open) this.#prepare();
    // Otherwise the session is over, or is being drained, and the calls wait for the next one.
    else if (!isSessionOver) this.fail(error);
  }

  #flush(): void {
    for (const waiter of this.#waiting) waiter.start();
    if (this.#shares === 0) this.#giveBack();
  }

  #release(): void {
    this.#shares--;
    if (this.#shares > 0) return;
    this.#owner.forget(this);
    // Calls that wait still leave. They hold their connection open.
    if (this.#waiting.size === 0) this.#giveBack();
  }

  #giveBack(): void {
    this.#ready?.caller.release();
    this.#ready = undefined;
    this.#owner.forget(this);
  }
}

function abortedAs(signal: AbortSignal | null | undefined, { mayHaveRun }: CallRecord): Error {
  return errorOfCall(new Cancelled('local', 'the call was aborted', signal?.reason), mayHaveRun ? 'maybe' : 'no');
}
