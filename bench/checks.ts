import { constants, PerformanceObserver } from 'node:perf_hooks';
import type { Caller } from './contender.js';
import { CONTENDERS } from './contenders.js';
import type { Job, Round } from './control.js';
import { Items } from './traffic.js';
import { used } from './used.js';

/** The length of one of the rounds that follow each other while collections are counted, in milliseconds. */
const STEP_MS = 100;

/** Milliseconds without another item until a stream counts as having stopped. */
const QUIET_MS = 300;

/** Measures the number of items that a stream takes from its sender while the receiver reads none. */
export async function unread({ contender, size, credit }: Extract<Job, { kind: 'unread' }>): Promise<Round> {
  const { serve, connect } = await CONTENDERS[contender].load();
  return async (most) => {
    const items = new Items();
    const peer = await serve(items);
    const caller = await connect(peer.url, size);
    if (caller.ignore === undefined) throw new Error(`${contender} has no streams`);
    await caller.ignore({ count: most, size, credit });
    let before = -1;
    while (items.taken === 0 || items.taken > before) {
      before = items.taken;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
    const taken = items.taken - items.held;
    await caller.close();
    await peer.close();
    return { value: taken };
  };
}

/** Measures the growth of the heap, in bytes, after `amount` calls or streams of one item. */
export async function heap({ contender, of, size, inFlight }: Extract<Job, { kind: 'heap' }>): Promise<Round> {
  const { serve, connect } = await CONTENDERS[contender].load();
  const { url } = await serve(new Items());
  const caller = await connect(url, size);
  return async (amount) => {
    const before = await used();
    if (of === 'calls') await caller.echo(amount, inFlight);
    else await streams(caller, amount, size, inFlight);
    return { value: (await used()) - before };
  };
}

async function streams({ stream }: Caller, amount: number, size: number, inFlight: number): Promise<void> {
  let begun = 0;
  const next = async (): Promise<void> => {
    while (begun++ < amount) await stream?.({ count: 1, size, credit: 16 });
  };
  await Promise.all(Array.from({ length: inFlight }, next));
}

/** Counts the collections of the whole heap, V8's mark-compacts, in rounds of `run`. */
export function collections(run: Round): Round {
  return async (milliseconds) => {
    let value = 0;
    const count = (entries: PerformanceEntry[]): void => {
      for (const { detail } of entries as (PerformanceEntry & { detail?: { kind?: number } })[]) {
        if (detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR) value++;
      }
    };
    const observer = new PerformanceObserver((list) => count(list.getEntries()));
    observer.observe({ entryTypes: ['gc'] });
    const end = performance.now() + milliseconds;
    while (performance.now() < end) await run(STEP_MS);
    count(observer.takeRecords());
    observer.disconnect();
    return { value };
  };
}
