import { channel, initiate, isLost } from '../../../src/index.js';
import { messagePortLink, workerLink } from '../../../src/link/ports.js';
import { testLink } from '../../../src/testing/index.js';
import { Echo } from '../../link/port-service.js';

// The page of ports.browser.ts. Each function runs in the browser, and returns what the test compares.

const start = () => new Worker('ports-worker.js', { type: 'module' });

/** Runs the suite for links. Returns the cases that failed, and the number of all. */
async function suite(window: number): Promise<{ failed: string[]; cases: number }> {
  const cases = testLink({
    connect: () => {
      const { port1, port2 } = new MessageChannel();
      return { left: messagePortLink(port1, { window }), right: messagePortLink(port2, { window }) };
    },
  });
  const failed: string[] = [];
  for (const { name, run } of cases) await run().catch((error: unknown) => failed.push(`${name}: ${String(error)}`));
  return { failed, cases: cases.length };
}

async function worker(): Promise<unknown> {
  const made = start();
  const heard = new Promise((resolve) => made.addEventListener('message', ({ data }) => resolve(data)));
  made.postMessage('hello');
  const session = await initiate(workerLink(made));
  const echo = await session.open(Echo);
  const [tx, rx] = channel<Uint8Array>();
  const size = echo.size(rx);
  for (let count = 0; count < 500; count++) await tx.send(new Uint8Array(20_000));
  await tx.close();
  const results = [await heard, await echo.echo('a'), await size];
  session.shutdown();
  results.push((await session.closed).cause);
  made.terminate();
  return results;
}

/** Ends a worker in the middle of a call. Returns how the session ended, and what became of the call. */
async function terminated(): Promise<unknown> {
  const made = start();
  const session = await initiate(workerLink(made), { keepalive: { pingInterval: 200, pongTimeout: 500 } });
  const echo = await session.open(Echo);
  const call = echo.never().catch((error: unknown) => error);
  made.terminate();
  const { error } = await session.closed;
  return { code: error?.code, isLost: isLost(await call) };
}

Object.assign(globalThis, { ports: { suite, worker, terminated } });
