import type { ContenderName } from './contenders.js';
import { Worker } from './control.js';

/** The server's URL for callers, and its cost. */
export interface Served {
  readonly url: string;
  /** Milliseconds of processor time that this process and, if it is another one, the peer's have taken so far. */
  cpu(): Promise<number>;
}

/** A server in a process of its own. It ends with this one. */
export async function startPeer(contender: ContenderName): Promise<Served> {
  const worker = new Worker({ kind: 'peer', contender });
  const { url } = await worker.round(0);
  const cpu = async (): Promise<number> => Number((await worker.round(0))['cpu']) + ownCpu();
  return { url: String(url), cpu };
}

export function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
