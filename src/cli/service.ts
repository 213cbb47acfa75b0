import { setTimeout as delay } from 'node:timers/promises';
import {
  ChannelClosed,
  fail,
  type HandlerMiddleware,
  method,
  Rx,
  type ServiceHandler,
  type StandardSchema,
  service,
  Tx,
  withContext,
} from '../index.js';
import { postcardPayload } from '../payload/postcard/payload.js';
import { t } from '../payload/postcard/types.js';

/** The limits for one call: the caller is a stranger. */
export const MOST = {
  /** The count of numbers that `sum` adds up. */
  numbers: 10_000,
  /** The count of items that `generate` sends. */
  items: 100_000,
  /** The time that `slow` takes. Milliseconds. */
  milliseconds: 60_000,
} as const;

/** Returns a schema for exactly as many arguments as `tests`, each of which passes its test. */
function args<Args extends readonly unknown[]>(...tests: ((value: unknown) => boolean)[]): StandardSchema<Args> {
  const validate = (value: unknown) => {
    const given = value as readonly unknown[];
    if (given.length === tests.length && tests.every((test, index) => test(given[index])))
      return { value: value as Args };
    return { issues: [{ message: `not the ${tests.length} that it takes` }] };
  };
  return { '~standard': { version: 1, vendor: 'roam-actors', validate } };
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
// An end of a channel means something only to the connection that it came on.
const isPlain = (value: unknown): boolean => !holdsChannel(value);

/** The service that `roam-actors serve` offers beside its echo, and `roam-actors call` calls by default. */
export const Demo = service('Demo', {
  /** Returns the value. */
  echo: method<[value: unknown], unknown>({ args: args(isPlain) }),
  /** The sum of the numbers on the channel, once that is closed. */
  sum: method<[numbers: Rx<number>], number, string>({ args: args((value) => value instanceof Rx) }),
  /** Sends the numbers from 1 to `count` on the channel, as there is credit, and closes it. */
  generate: method<[count: number, numbers: Tx<number>], void, string>({
    args: args(isNumber, (value) => value instanceof Tx),
  }),
  /** Takes that many milliseconds, and returns them. */
  slow: method<[milliseconds: number], number, string>({ args: args(isNumber) }),
});

/** The same service on the wire of the official peers, which needs types. */
export const TypedDemo = service(
  'Demo',
  {
    echo: method({ args: t.args(t.string), result: t.string }),
    sum: method({ args: t.args(t.rx(t.f64)), result: t.f64, error: t.string }),
    generate: method({ args: t.args(t.u32, t.tx(t.f64)), error: t.string }),
    slow: method({ args: t.args(t.u32), result: t.u32, error: t.string }),
  },
  { codec: postcardPayload },
);

/** The methods that both services share. */
const COMMON = {
  sum: withContext(({ signal }, numbers: Rx<number>) => sum(numbers, signal)),
  generate: withContext(({ signal }, count: number, numbers: Tx<number>) => generate(count, numbers, signal)),
  slow: withContext(async ({ signal }, milliseconds: number) => {
    within('milliseconds', milliseconds, MOST.milliseconds);
    return delay(milliseconds, milliseconds, { signal });
  }),
};

/** Returns the handler of the service, with the interceptors around each call. */
export function demoHandler(interceptors: readonly HandlerMiddleware[] = []): ServiceHandler {
  return Demo.handler({ echo: (value) => value, ...COMMON }, { interceptors });
}

/** Returns the handler of the typed service. */
export function typedDemoHandler(): ServiceHandler {
  return TypedDemo.handler({ echo: (value) => value, ...COMMON });
}

function sum(numbers: Rx<number>, signal: AbortSignal): Promise<number> {
  return whileWanted(
    signal,
    () => numbers.reset(),
    async () => {
      let total = 0;
      let count = 0;
      for await (const number of numbers) {
        if (typeof number !== 'number') fail('sum adds numbers only');
        if (++count > MOST.numbers) fail(`sum adds ${MOST.numbers} numbers at most`);
        total += number;
      }
      return total;
    },
  );
}

function generate(count: number, numbers: Tx<number>, signal: AbortSignal): Promise<void> {
  return whileWanted(
    signal,
    () => numbers.abort(),
    async () => {
      within('count', count, MOST.items);
      for (let number = 1; number <= count; number++) await numbers.send(number);
      await numbers.close();
    },
  );
}

/**
 * Ends the channel that `work` waits on when the call is given up. Otherwise `work` might wait as long as the connection
 * lasts.
 */
async function whileWanted<T>(signal: AbortSignal, stop: () => void, work: () => Promise<T>): Promise<T> {
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // The caller may end its channel. That is no failure of ours, so the caller gets an application error.
    if (error instanceof ChannelClosed && error.by === 'peer') fail(error.message);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function within(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    fail(`${name} must be a whole number from 0 to ${most}, not ${value}`);
  }
}

function holdsChannel(value: unknown): boolean {
  if (value instanceof Rx || value instanceof Tx) return true;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return Object.values(value).some(holdsChannel);
}
