/** The number of turns after which work counts as endless. */
const ENDLESS = 100_000;

/** The number of quiet turns in a row to wait for: a single one could come before the last microtasks. */
const QUIET_TURNS = 2;

/**
 * The number of turns in an environment that does not report pending work: enough for the answer of a peer in the same
 * process.
 */
const BLIND_TURNS = 8;

interface Host {
  readonly process?: { getActiveResourcesInfo?(): string[] };
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly setTimeout: (callback: () => void, time: number) => unknown;
}

// The two functions of Node are read when needed, and never imported: a browser has neither.
const host = globalThis as unknown as Host;

/**
 * Waits until nothing more can happen without a timer or an event from outside: every microtask has run, and no immediate is
 * left. It never waits for a timer. A browser does not report pending work, so it waits for eight turns there.
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
