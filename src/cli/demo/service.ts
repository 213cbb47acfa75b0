import { setTimeout as pause } from 'node:timers/promises';
import { callerOf, channel, type HandlerMiddleware, type OnConnection, routes, type Session } from '../../index.js';
import { Demo, demoHandler } from '../service.js';
import { WORDS } from './script.js';
import type { Called } from './told.js';

// The typed service of roam-actors serve, and what both processes say of it.

/** Several times what a sender may send unasked. */
export const STREAMED = 40;

/** For as long as a call may take that is cancelled before; and until it is. */
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

/** The acceptor's side, and why it was told to stop. */
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
