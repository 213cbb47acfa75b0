import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { InspectionEvent } from 'xstate';
import { createInspector } from '../../inspect/inspect-node.js';
import { UsageError, verdictOn } from '../failure.js';
import { playAcceptor } from './acceptor.js';
import type { DemoEvent } from './demo-event.js';
import { playInitiator } from './initiator.js';
import { now, Recorder } from './recorder.js';
import type { Part } from './script.js';

/** The pause before a scene: messages of the scene before may still be under way in the other process. Milliseconds. */
const LULL_MS = 40;

/** The time between a scene's title and its first event. Milliseconds. */
const BEAT_MS = 160;

/** The environment variable with the viewer's URL. Every user of the machine can see arguments, and the URL has a token. */
export const VIEWER_URL = 'ROAM_ACTORS_DEMO_VIEWER';

/** Runs one of the demo's two processes: plays its part, reports its events, and ends when nothing is left to do. */
export async function playPeer(role: string, options: Pick<Part, 'keepalive' | 'options'>): Promise<void> {
  if ((role !== 'initiator' && role !== 'acceptor') || process.send === undefined) {
    throw new UsageError('--as is for the processes that the demo starts');
  }
  // The parent process has gone. The channel to it must not keep this process alive, hence `unref`.
  process.on('disconnect', () => process.exit(1));
  // It went while this process was starting: the event has passed.
  if (!process.connected) process.exit(1);
  process.channel?.unref();
  // The empty callback ignores errors of `send`: the `disconnect` event reports a closed channel.
  const tell = (told: DemoEvent) => void process.send?.(told, undefined, undefined, () => {});
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

/**
 * Waits for the next text from the parent process: the acceptor's URL, whose port the system chooses, or the word to go on.
 */
async function word(): Promise<string> {
  process.channel?.ref();
  const [text] = (await once(process, 'message')) as [string];
  process.channel?.unref();
  return text;
}
