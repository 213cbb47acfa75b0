export { settle } from '../../src/testing/settle.js';

/** Counts the real timers and immediates that keep the process alive. */
export function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate').length;
}
