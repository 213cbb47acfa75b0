import type { Link } from '../../src/link/link.js';
import { Recorder } from '../../src/testing/link-recorder.js';

export { Recorder } from '../../src/testing/link-recorder.js';

/** Starts a link, and keeps what it tells. */
export function record(link: Link): Recorder {
  const recorder = new Recorder();
  link.start(recorder);
  return recorder;
}
