export { settle } from '../../src/testing/settle.js';

/** How many real timers and immediates keep the process alive. */
export function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate').length;
}
