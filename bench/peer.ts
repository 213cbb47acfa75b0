import { Worker } from './control.js';
import type { Peer, Side } from './traffic.js';

/** A server in a process of its own. It ends with this one. */
export async function startPeer(side: Side): Promise<Peer> {
  const worker = new Worker({ kind: 'peer', side });
  const { url } = await worker.round(0);
  return { url: String(url), close: () => Promise.resolve(worker.stop()) };
}
