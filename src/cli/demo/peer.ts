import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { InspectionEvent } from 'xstate';
import { createInspector } from '../../inspect/inspect-node.js';
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

/** In the environment, not among the arguments, which everybody on the machine can see: the URL has a token. */
export const VIEWER_URL = 'ROAM_ACTORS_DEMO_VIEWER';

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
  const url = process.env[VIEWER_URL];
  const viewer = url === undefined ? undefined : createInspector({ url, name: role });
  const recorder = new Recorder(role, tell);
  const part: Part = {
    ...options,
    recorder,
    inspect: (event: InspectionEvent) => {
      recorder.inspect(event);
      viewer?.inspect(event);
    },
    scene: async (title) => {
      await pause(LULL_MS);
      tell({ kind: 'scene', at: now(), title });
      await pause(BEAT_MS);
    },
    hold: async () => {
      tell({ kind: 'holding' });
      await word();
    },
  };
  try {
    const facts =
      role === 'initiator'
        ? await playInitiator(part, await word())
        : await playAcceptor(part, (url) => tell({ kind: 'listening', url }));
    await viewer?.stop();
    tell({ kind: 'result', facts });
  } catch (error) {
    tell({ kind: 'failed', message: verdictOn(error).line });
    process.exitCode = 1;
  }
}

/** What the process that shows this says next: the acceptor's URL, whose port is the system's choice, or to go on. */
async function word(): Promise<string> {
  process.channel?.ref();
  const [text] = (await once(process, 'message')) as [string];
  process.channel?.unref();
  return text;
}
