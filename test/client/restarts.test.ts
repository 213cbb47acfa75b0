import { expect, test } from '@jest/globals';
import { connect } from '../../src/client/client-node.js';
import { listenWebSocket } from '../../src/link/websocket-node.js';
import { createServer, type Server } from '../../src/server/server.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';

/** Not idempotent: a call that may have run is never made again. */
const Ledger = service('Ledger', { book: method<[entry: string], string>() });

const CALLERS = 64;
const RESTARTS = 10;

/** Resolves after so many milliseconds of real time. */
const pass = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

/** A server that restarts on the same port. Its processes share one log of the entries that were booked. */
class Restarting {
  readonly booked: string[] = [];
  /** The sessions of all processes. */
  sessions = 0;
  url = '';
  #port = 0;
  #server: Server | undefined;

  async start(): Promise<void> {
    const handler = Ledger.handler({
      book: async (entry) => {
        this.booked.push(entry);
        // Some calls are at work while the server drains.
        await pass(Number(entry.length % 3) * 5);
        return `${entry} is booked`;
      },
    });
    const onSession = (): void => {
      this.sessions++;
    };
    const server = createServer({ services: [handler], onSession });
    const listener = await server.listen((onLink) => listenWebSocket({ port: this.#port }, onLink));
    this.url = listener.url;
    this.#port = Number(new URL(listener.url).port);
    this.#server = server;
  }

  /** Drains the server. The successor has the port at once, while the sessions still end, or comes `late` milliseconds later. */
  async restart(late: number): Promise<void> {
    const server = this.#server as Server;
    const drained = server.drain({ spread: 50 });
    if (late > 0) await pass(late);
    for (;;) {
      try {
        await this.start();
        break;
      } catch {
        // The predecessor is about to close its listener.
        await pass(1);
      }
    }
    const { cancelled, channels } = await drained;
    expect([cancelled, channels]).toEqual([0, 0]);
  }

  async end(): Promise<void> {
    await this.#server?.close();
  }
}

// D5: the log of the handlers against that of the callers.
test.each([
  ['at once', 0],
  ['2 s late', 2_000],
])(
  'calls of 64 callers are all answered, and run once each, through ten restarts with the successor %s',
  async (_, late) => {
    const server = new Restarting();
    await server.start();
    const client = connect(server.url, { backoff: { first: 50, max: 200 } });
    const ledger = client.use(Ledger);
    let isOver = false;
    const failed: unknown[] = [];
    const answered: string[] = [];
    const caller = async (name: number): Promise<void> => {
      for (let at = 0; !isOver; at++) {
        const entry = `${name}.${at}`;
        try {
          expect(await ledger.book(entry)).toBe(`${entry} is booked`);
          answered.push(entry);
        } catch (error) {
          failed.push([entry, error]);
        }
        await pass(2);
      }
    };
    const callers = Array.from({ length: CALLERS }, (__, name) => caller(name));
    for (let count = 0; count < RESTARTS; count++) {
      // All callers are at work between two restarts.
      const before = answered.length;
      while (answered.length < before + 2 * CALLERS) await pass(5);
      await server.restart(late);
    }
    isOver = true;
    await Promise.all(callers);
    await client.close();
    await server.end();
    expect(failed).toEqual([]);
    // Each once: the two logs have the same entries, and none of them twice.
    expect(server.booked.toSorted()).toEqual(answered.toSorted());
    expect(new Set(server.booked).size).toBe(server.booked.length);
    expect(answered.length).toBeGreaterThan(2 * CALLERS * RESTARTS);
    expect(server.sessions).toBeGreaterThan(RESTARTS);
  },
  60_000,
);
