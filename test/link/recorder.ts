import type { Duplex } from 'node:stream';
import type { Link } from '../../src/link/link.js';
import { Recorder } from '../../src/testing/link-recorder.js';

export { Recorder } from '../../src/testing/link-recorder.js';

/** Starts a link, and keeps what it tells. */
export function record(link: Link): Recorder {
  const recorder = new Recorder();
  link.start(recorder);
  return recorder;
}

/** Two functions for `onLink` that fail, each with its way of doing so. */
export const BROKEN_HANDLERS: readonly (readonly [how: string, handler: () => never | Promise<never>])[] = [
  [
    'throws',
    () => {
      throw new Error('broken handler');
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken handler'))],
];

/** Waits until the link reports `drained` no more, while the peer reads nothing. Returns how often it has reported it. */
export async function drainsAtRest(events: Recorder): Promise<number> {
  let drains = -1;
  for (let looks = 0; drains !== events.drains && looks < 20; looks++) {
    drains = events.drains;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return drains;
}

/** Reads some 8 MiB from a peer's end, and then no more. */
export function readSome(peer: Duplex): void {
  let read = 0;
  peer.on('data', (chunk: Uint8Array) => {
    read += chunk.length;
    if (read > 8 * 2 ** 20) peer.pause();
  });
  peer.resume();
}
