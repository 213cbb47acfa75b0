/** More turns than anything takes that ends by itself. */
const ENDLESS = 100_000;

/** Turns in a row in which nothing is left to do: one could be the turn before the last microtasks. */
const QUIET_TURNS = 2;

/** Where nobody says what is left to do: enough for what a peer in the same process answers. */
const BLIND_TURNS = 8;

interface Host {
  readonly process?: { getActiveResourcesInfo?(): string[] };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly setTimeout: (callback: () => void, time: number) => unknown;
}

// Read when they are needed, and never imported: a browser has neither of Node's two.
const host = globalThis as unknown as Host;

/**
 * Waits until nothing more can happen without time passing or the world answering: every microtask has run, and no
 * immediate is left. It never waits for a timer. In a browser, which does not tell what is left, it waits for eight turns.
 *
 * @throws Error when there is no end to it.
 */
export async function settle(): Promise<void> {
  const { process } = host;
  const isBusy = () => process?.getActiveResourcesInfo?.().includes('Immediate') ?? false;
  const turns = process?.getActiveResourcesInfo === undefined ? BLIND_TURNS : QUIET_TURNS;
  let quiet = 0;
  for (let turn = 0; quiet < turns; turn++) {
    if (turn === ENDLESS) throw new Error(`still at work after ${String(ENDLESS)} turns of the event loop`);
    await new Promise<void>((resolve) => {
      if (host.setImmediate === undefined) host.setTimeout(resolve, 0);
      else host.setImmediate(resolve);
    });
    quiet = isBusy() ? 0 : quiet + 1;
  }
}
