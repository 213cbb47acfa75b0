import { InvalidArgument } from '../base/errors.js';
import type { CallOptions, CallResult } from '../calls/outgoing-call.js';

/** What makes the calls, and what stays open for them. */
interface Callable {
  readonly driver: { call(methodId: bigint, args: Uint8Array, options?: CallOptions): Promise<CallResult> };
  unhold(): void;
}

/** A share in a connection, and what makes calls on it. */
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
   * Calls a method of the peer's. The call waits its turn while as many are in flight as the peer allows, then for its
   * answer. `[rpc.request]`
   *
   * It rejects with {@link Cancelled} when it is given up by its signal, with LimitExceeded when it takes longer than its
   * timeout, when the peer takes no requests at all, and when more wait for their turn than `limits.waitingBytes`; with
   * ConnectionClosed or SessionClosed when the connection ends before the answer is here.
   *
   * @param methodId - an unsigned integer of 64 bits
   * @param args - opaque to this library; not to be changed before the call is under way
   * @throws InvalidArgument when an argument is wrong, this caller was released, or something else reads the connection.
   */
  call(methodId: bigint, args: Uint8Array, options?: CallOptions): Promise<CallResult> {
    if (this.#isReleased) throw new InvalidArgument('the caller was released');
    return this.connection.driver.call(methodId, args, options);
  }

  /** Gives the share back; once, however often it is called. Calls that are under way keep the connection open. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.connection.unhold();
  }

  static {
    // A browser may not have the symbol yet, and then nobody can use it either.
    if (Symbol.dispose !== undefined) {
      Object.defineProperty(CallerOf.prototype, Symbol.dispose, {
        value(this: CallerOf<Callable>): void {
          this.release();
        },
      });
    }
  }
}
