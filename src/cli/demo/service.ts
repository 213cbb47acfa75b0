import { setTimeout as pause } from 'node:timers/promises';
import { callerOf, channel, type HandlerMiddleware, type OnConnection, routes, type Session } from '../../index.js';
import { Demo, demoHandler } from '../service.js';
import type { Called } from './demo-event.js';
import { WORDS } from './script.js';

// The typed service of `roam-actors serve`, with both parts of the demo that use it.

/** The number of items to stream: several times the initial credit. */
export const STREAMED = 40;

/** LONG_MS is the duration of the call that is cancelled, PATIENCE_MS the time until the cancel. */
const LONG_MS = 10_000;
const PATIENCE_MS = 60;

export async function callService(session: Session): Promise<Called> {
  const client = await session.open(Demo);
  const echoed = await client.echo(WORDS, undefined);
  const controller = new AbortController();
  const slow = client.slow(LONG_MS, { signal: controller.signal }).then(String, codeOf);
  await pause(PATIENCE_MS);
  controller.abort();
  const cancelled = await slow;
  const [tx, rx] = channel<number>();
  const generated = client.generate(STREAMED, tx);
  const streamed: number[] = [];
  for await (const number of rx) streamed.push(number);
  await generated;
  await callerOf(client).connection.close();
  return { echoed, cancelled, streamed };
}

/** The acceptor's side of the service. It records the calls that it was told to stop, and why. */
export class Offered {
  readonly stopped: string[] = [];
  readonly accept: OnConnection = routes([demoHandler([this.#watch()])]);

  #watch(): HandlerMiddleware {
    return (call, next) => {
      const { signal } = call;
      signal.addEventListener('abort', () => this.stopped.push(`${call.method}: ${codeOf(signal.reason)}`));
      return next(call);
    };
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code);
}
