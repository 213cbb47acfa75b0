import { setTimeout as delay } from 'node:timers/promises';
import {
  type Connection,
  type ConnectionHandler,
  type ConnectionId,
  callerOf,
  fail,
  type IncomingRequest,
  type OnConnection,
  type Report,
  SENSITIVE,
  withContext,
} from '../../../src/index.js';
import { simple } from '../../service/testbed.js';
import { EVERYTHING, EVERYTHING_IN_RUST } from './everything.js';
import { Testbed, Types } from './services.js';

/** The service that the Rust peer calls. It answers as the Rust peer answers us. */
export class OurService {
  /** The arguments that came for each method of `Types`, in order. */
  readonly came = new Map<string, unknown[]>();
  /** Calls of `slow` at work, and those that were given up. */
  slow = 0;
  givenUp = 0;
  /** No call of `slow` is answered before this settles. */
  held: Promise<void> | undefined;
  /** The last connection whose open has no answer yet, and the number of such opens that are over. */
  undecided: ConnectionId | undefined;
  moot = 0;
  /** The number of items that were sent and received on channels of `sum` and `generate`. */
  items = 0;
  readonly reports: Report[] = [];
  /** The connections that the peer has opened. */
  readonly connections: Connection[] = [];

  readonly onReport = (report: Report): void => {
    this.reports.push(report);
  };

  readonly #testbed = Testbed.handler({
    echo: (message) => message,
    ...simple,
    reverse: (message) => [...message].reverse().join(''),
    divide: (dividend, divisor) => {
      if (divisor === 0n) fail({ tag: 'DivisionByZero' as const });
      const quotient = dividend / divisor;
      if (quotient >= 2n ** 63n) fail({ tag: 'Overflow' as const });
      return quotient;
    },
    lookup: (id) => {
      if (id === 1) return { name: 'Alice', age: 30, email: 'alice@example.com' };
      if (id === 2) return { name: 'Bob', age: 25, email: null };
      return fail({ tag: id === 403 ? ('AccessDenied' as const) : ('NotFound' as const) });
    },
    sum: async (numbers) => {
      let total = 0n;
      for await (const number of numbers) {
        total += BigInt(number);
        this.items++;
      }
      return total;
    },
    generate: async (count, output) => {
      for (let number = 0; number < count; number++) {
        await output.send(number);
        this.items++;
      }
      await output.close();
    },
    slow: withContext(async ({ signal }, millis) => {
      this.slow++;
      try {
        await delay(Number(millis), undefined, { signal });
        await this.held;
      } catch (error) {
        this.givenUp++;
        throw error;
      } finally {
        this.slow--;
      }
      return millis;
    }),
    dropTx: async (count, output) => {
      for (let number = 0; number < count; number++) await output.send(number);
      output.abort();
    },
    lateTx: (count, output) => {
      void (async () => {
        await delay(60);
        for (let number = 0; number < count; number++) await output.send(number);
        await output.close();
      })();
      return count;
    },
    sumLate: async (wait, numbers) => {
      await delay(Number(wait));
      let count = 0n;
      let total = 0n;
      for await (const number of numbers) {
        count++;
        total += BigInt(number);
      }
      return [count, total];
    },
    sumNone: async (numbers) => {
      let total = 0n;
      numbers.grant(1);
      for await (const number of numbers) {
        total += BigInt(number);
        numbers.grant(1);
      }
      return total;
    },
    sumNarrow: async (numbers) => {
      let total = 0n;
      for await (const number of numbers) total += BigInt(number);
      return total;
    },
    streamBytes: async (count, size, output) => {
      for (let number = 0; number < count; number++) await output.send(new Uint8Array(size).fill(number));
      await output.close();
    },
    sinkBytes: async (input) => {
      let count = 0n;
      for await (const _ of input) count++;
      return count;
    },
    openBack: () => [],
  });

  readonly #types = Types.handler(this.#echoes());

  /** Both services on one connection. */
  readonly handler: ConnectionHandler = Object.assign(
    (request: IncomingRequest, connection: Connection) =>
      TYPE_IDS.has(request.methodId) ? this.#types(request, connection) : this.#testbed(request, connection),
    { refusals: this.#testbed.refusals, credit: this.#testbed.credit },
  );

  /** Accepts the peer's opens, unless a key of their metadata asks for another answer, as virtual_connection.rs does. */
  readonly onConnection: OnConnection = ({ id, metadata, signal }) => {
    const has = (key: string) => metadata.some((entry) => entry.key === key);
    if (has('reject-empty')) return { type: 'reject' };
    if (has('reject')) {
      return {
        type: 'reject',
        metadata: [
          { key: 'reason', value: 'no', flags: 0n },
          { key: 'code', value: 7n, flags: SENSITIVE },
          { key: 'raw', value: Uint8Array.of(1, 2, 3), flags: 0n },
        ],
      };
    }
    if (has('undecided')) {
      this.undecided = id;
      signal.addEventListener('abort', () => this.moot++);
      return new Promise(() => {});
    }
    return {
      type: 'accept',
      metadata: [{ key: 'accepted', value: 1n, flags: 0n }],
      setup: (connection) => {
        this.connections.push(connection);
        connection.serve(this.handler);
        const client = Testbed.client(connection);
        if (has('close-after')) setTimeout(() => callerOf(client).release(), 50);
      },
    };
  };

  /** Returns a method for each method of `Types` that takes one value. It notes the value, and returns it. */
  #echoes(): Parameters<typeof Types.handler>[0] {
    const note = (name: string, value: unknown): void => {
      const values = this.came.get(name) ?? [];
      values.push(structuredClone(value));
      this.came.set(name, values);
    };
    const echoes = Object.fromEntries(
      Object.keys(Types.methods).map((name) => [
        name,
        (value: unknown) => {
          note(name, value);
          return value;
        },
      ]),
    );
    const others = {
      tNone: () => 7,
      tTwo: (a: number, b: string) => a + Buffer.byteLength(b),
      getHTTP2Value: () => 2,
      describe: (value: unknown) => {
        note('describe', value);
        return EVERYTHING_IN_RUST;
      },
      everything: () => EVERYTHING,
    };
    return { ...echoes, ...others } as Parameters<typeof Types.handler>[0];
  }
}

const TYPE_IDS: ReadonlySet<bigint> = new Set(Object.values(Types.ids));
