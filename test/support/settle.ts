/** More turns than anything takes that ends by itself. */
const ENDLESS = 100_000;

/** Turns in a row in which nothing is left to do: one could be the turn before the last microtasks. */
const QUIET_TURNS = 2;

/**
 * Waits until nothing more can happen without time passing or the world answering: every microtask has run, and no
 * immediate is left. It never waits for a timer.
 */
export async function settle(): Promise<void> {
  let quiet = 0;
  for (let turn = 0; quiet < QUIET_TURNS; turn++) {
    if (turn === ENDLESS) throw new Error(`still at work after ${String(ENDLESS)} turns of the event loop`);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    quiet = process.getActiveResourcesInfo().includes('Immediate') ? 0 : quiet + 1;
  }
}

/** How many real timers and immediates keep the process alive. */
export function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate').length;
}
