// Many connections of one session, and what one of them leaves behind for the garbage collector.
import { method, service } from 'roam-actors';
import { pairs } from './connections.js';
import type { Opener, Round } from './control.js';
import { median } from './median.js';
import { ownCpu } from './peer.js';

const Bench = service('Bench', { echo: method<[Uint8Array], Uint8Array>() });
const handler = Bench.handler({ echo: (bytes) => bytes });

/** Something to open many of, over one WebSocket. */
interface Opening {
  open(): Promise<unknown>;
  close(): Promise<void>;
}

/** Measures the processor time that an open takes among many that are made at once, both ends together, in microseconds. */
export async function openMany(who: Opener): Promise<Round> {
  const begin = await beginner(who);
  return async (count) => {
    const { open, close } = await begin();
    globalThis.gc?.();
    const before = ownCpu();
    const opened = await Promise.all(Array.from({ length: count }, open));
    const cpu = ((ownCpu() - before) * 1000) / count;
    if (opened.length !== count) throw new Error('not all were opened');
    await close();
    return { cpu };
  };
}

async function beginner(who: Opener): Promise<() => Promise<Opening>> {
  if (who === 'rsocket') return (await import('./rsocket.js')).streams();
  const makePair = await pairs('websocket', who === 'typed' ? handler : undefined);
  return async () => {
    const { initiator, close } = await makePair();
    return { open: () => (who === 'typed' ? initiator.open(Bench) : initiator.open()), close };
  };
}

/** The opens and closes of one sample of garbage: few enough that most samples see no collection. */
const A_SAMPLE = 5;

/** Measures the bytes that an open and its close allocate, both ends together, over memory. The median passes over collections. */
export async function garbage(): Promise<Round> {
  const { initiator, accepted } = await (await pairs('memory'))();
  const openAndClose = async (): Promise<void> => {
    const connection = await initiator.open();
    const peer = accepted.pop();
    await connection.close();
    await peer?.closed;
  };
  return async (count) => {
    const samples: number[] = [];
    while (samples.length < count) {
      const before = process.memoryUsage().heapUsed;
      for (let made = 0; made < A_SAMPLE; made++) await openAndClose();
      samples.push((process.memoryUsage().heapUsed - before) / A_SAMPLE);
    }
    return { bytes: median(samples) };
  };
}
