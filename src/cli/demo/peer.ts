import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { UsageError, verdictOn } from '../failure.js';
import { playAcceptor } from './acceptor.js';
import { playInitiator } from './initiator.js';
import { now, Recorder } from './recorder.js';
import type { Part } from './script.js';
import type { Told } from './told.js';

/** For what is under way in the other process, and still belongs to the scene before. */
const LULL_MS = 40;

/** How long a scene's title stands before anything happens. */
const BEAT_MS = 160;

/** One of the demo's two processes: plays its part, tells what happens, and ends when nothing is left to do. */
export async function playPeer(role: string, options: Pick<Part, 'keepalive' | 'options'>): Promise<void> {
  if ((role !== 'initiator' && role !== 'acceptor') || process.send === undefined) {
    throw new UsageError('--as is for the processes that the demo starts');
  }
  // Whoever shows this has gone; and listening for that must not keep us alive.
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
  // A channel that has just been closed is told of by the event, not by an error.
  const tell = (told: Told) => void process.send?.(told, undefined, undefined, () => {});
  const part: Part = {
    ...options,
    recorder: new Recorder(role, tell),
    scene: async (title) => {
      await pause(LULL_MS);
      tell({ kind: 'scene', at: now(), title });
      await pause(BEAT_MS);
    },
  };
  try {
    const facts =
      role === 'initiator'
        ? await playInitiator(part, await urlOfAcceptor())
        : await playAcceptor(part, (url) => tell({ kind: 'listening', url }));
    tell({ kind: 'result', facts });
  } catch (error) {
    tell({ kind: 'failed', message: verdictOn(error).line });
    process.exitCode = 1;
  }
}

/** Both processes start at the same time, and the port is the system's choice. */
async function urlOfAcceptor(): Promise<string> {
  process.channel?.ref();
  const [url] = (await once(process, 'message')) as [string];
  process.channel?.unref();
  return url;
}
