import { errorOfCall, InvalidArgument } from '../base/errors.js';
import type { CallOptions, CallResult } from '../calls/outgoing-call.js';

/** A connection that makes calls, and stays open for them. */
interface Callable {
  readonly driver: { call(methodId: bigint, args: Uint8Array, options?: CallOptions): Promise<CallResult> };
  unhold(): void;
}

/** A share in a connection, which makes calls on it. */
export class CallerOf<Connection extends Callable> {
  /** `using` releases it. */
  declare readonly [Symbol.dispose]: () => void;

  readonly connection: Connection;
  #isReleased = false;

  /** @internal */
  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Calls a method of the peer. The call waits for its turn while as many calls are in flight as the peer allows. Then
   * it waits for its answer. `[rpc.request]`
   *
   * It rejects with {@link Cancelled} when its signal gives it up. It rejects with LimitExceeded when it takes longer
   * than its timeout, when the peer takes no requests at all, and when more bytes of calls wait for their turn than
   * `limits.waitingBytes`. It rejects with ConnectionClosed or SessionClosed when the connection ends before the answer
   * is here. `ran` of each of these errors says if the peer's handler has run.
   *
   * @param methodId - an unsigned integer of 64 bits
   * @param args - opaque to this library; not to be changed before the call is under way
   * @throws InvalidArgument when an argument is wrong, this caller was released, or something else reads the
   * connection.
   */
  call(methodId: bigint, args: Uint8Array, options?: CallOptions): Promise<CallResult> {
    try {
      if (this.#isReleased) throw new InvalidArgument('the caller was released');
      return this.connection.driver.call(methodId, args, options);
    } catch (error) {
      throw errorOfCall(error as Error, 'no');
    }
  }

  /** Gives the share back. A second `release` has no effect. Calls that are under way keep the connection open. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.connection.unhold();
  }

  static {
    // A browser may not have the symbol yet. No code can use it there either.
    if (Symbol.dispose !== undefined) {
      Object.defineProperty(CallerOf.prototype, Symbol.dispose, {
        value(this: CallerOf<Callable>): void {
          this.release();
        },
      });
    }
  }
}
