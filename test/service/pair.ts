import type { Report } from '../../src/base/report.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { ServiceHandler } from '../../src/service/handler.js';
import { routes } from '../../src/service/routes.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';

/** Two sessions over a pair of links in memory, strict on both sides; the second one serves. */
export interface Pair {
  readonly session: Session;
  readonly server: Session;
  /** The reports of the serving side, by kind and message. */
  readonly reports: Report[];
  end(): Promise<void>;
}

export async function pairOf(handlers: readonly ServiceHandler[], options: StartOptions = {}): Promise<Pair> {
  const [link, peerLink] = memoryLinkPair();
  const reports: Report[] = [];
  const unexpected = (report: Report): void => {
    throw new Error(report.message, { cause: report.error });
  };
  const [session, server] = await Promise.all([
    initiate(link, { conformance: 'strict', onReport: unexpected, ...options }),
    accept(peerLink, {
      conformance: 'strict',
      onReport: (report) => void reports.push(report),
      onConnection: routes(handlers),
      ...options,
    }),
  ]);
  const end = async (): Promise<void> => {
    session.shutdown();
    await Promise.all([session.closed, server.closed]);
  };
  return { session, server, reports, end };
}

/** Returns the error that a promise rejects with. Rejects if the promise resolves. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it resolved');
    },
    (error: unknown) => error,
  );
}
