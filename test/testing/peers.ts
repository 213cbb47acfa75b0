import {
  accept,
  type Connection,
  type ConnectionHandler,
  initiate,
  refuse,
  type Session,
  type StartOptions,
} from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { ConformanceOptions } from '../../src/testing/index.js';

/** The options of our peers in these tests: short times, so that tests take no long waits, and a keepalive. */
const KEEPALIVE = { pingInterval: 40, pongTimeout: 40 };
const HANDSHAKE_TIMEOUT = 100;
export const LIMITS = { frame: 64 * 1024, metadataEntries: 8, metadataBytes: 256, connections: 4, undecided: 3 };

/** A peer under test, with everything that the suite asks for. */
export interface Subject {
  connect(): Link;
  readonly options: ConformanceOptions;
  /** Sessions that have not ended. */
  readonly alive: ReadonlySet<Session>;
}

/**
 * Returns a peer that is our own session, or one that `wrap` has broken, with all controls. With a handler it answers calls on
 * all of its connections.
 */
export function ours(
  role: 'acceptor' | 'initiator',
  options: StartOptions = {},
  wrap: (link: Link) => Link = (link) => link,
  handler?: ConnectionHandler,
): Subject {
  const serve = (connection: Connection | undefined): void => {
    // The case may have ended the session already.
    if (handler !== undefined && connection?.isConnected) connection.serve(handler);
  };
  const alive = new Set<Session>();
  let current: Promise<Session> | undefined;
  let isRejecting = false;
  let isDeferring = false;
  let isRefusing = false;
  const authenticate = (): void => {
    if (isRefusing) refuse('unauthenticated', 'please log in');
  };
  return {
    alive,
    connect() {
      const [near, far] = memoryLinkPair();
      isRejecting = false;
      isDeferring = false;
      isRefusing = false;
      const common: StartOptions = {
        onConnection: () => {
          if (isDeferring) return new Promise<never>(() => {});
          const type = isRejecting ? 'reject' : 'accept';
          isRejecting = false;
          return type === 'reject' ? { type } : { type, setup: serve };
        },
        keepalive: KEEPALIVE,
        onReport: () => {},
        limits: { handshakeTimeout: HANDSHAKE_TIMEOUT, ...LIMITS },
        ...options,
      };
      current = role === 'acceptor' ? accept(wrap(near), { ...common, authenticate }) : initiate(wrap(near), common);
      current.then(
        (session) => {
          alive.add(session);
          serve(session.root);
          void session.closed.then(() => alive.delete(session));
        },
        () => {},
      );
      return far;
    },
    options: {
      role,
      keepalive: KEEPALIVE,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      limits: LIMITS,
      control: {
        open: async () => serve(await (await current)?.open()),
        close: async (id) => (await current)?.close(id),
        shutdown: async () => (await current)?.shutdown(),
        rejectNext: () => {
          isRejecting = true;
        },
        defer: () => {
          isDeferring = true;
        },
        refuseNext: () => {
          isRefusing = true;
        },
        // After a failed handshake the session counts as ended.
        ended: () =>
          current?.then(
            ({ closed }) => closed,
            () => {},
          ),
      },
    },
  };
}
