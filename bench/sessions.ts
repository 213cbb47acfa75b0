import { type AcceptOptions, accept, type Session } from 'roam-actors';
import { listenWebSocket } from 'roam-actors/websocket';
import type { Peer } from './contender.js';

/** Listens on a free port, and accepts a session over each WebSocket. `began` gets each session. */
export async function serveSessions(options: AcceptOptions, began = (_: Session): void => {}): Promise<Peer> {
  const sessions = new Set<Session>();
  const listener = await listenWebSocket({ port: 0 }, async (link) => {
    const session = await accept(link, options);
    began(session);
    sessions.add(session);
    await session.closed;
    sessions.delete(session);
  });
  const close = async (): Promise<void> => {
    await Promise.all([...sessions].map(end));
    await listener.close();
  };
  return { url: listener.url, close };
}

/** Shuts a session down, and waits for its end. */
export async function end(session: Session): Promise<void> {
  session.shutdown();
  await session.closed;
}
