import {
  type Acceptance,
  accept,
  type Link,
  type OnConnection,
  type OpenRequest,
  proxyConnections,
  type Session,
} from '../../index.js';
import { listenWebSocket } from '../../link/websocket-node.js';
import { entry } from '../metadata.js';
import type { Facts } from './demo-event.js';
import { Desks, FAREWELL, greeting, type Part, play, REJECTION, serviceOf, WORDS } from './script.js';
import { Offered } from './service.js';

/** Plays the process that listens. It follows the lead of the initiator. */
export async function playAcceptor(part: Part, listening: (url: string) => void): Promise<Facts> {
  let take: (link: Link) => void = () => {};
  const arrival = new Promise<Link>((resolve) => {
    take = resolve;
  });
  const listener = await listenWebSocket({ port: 0, closeTimeout: 1_000 }, (link) => take(link));
  listening(listener.url);
  const acceptor = new Acceptor();
  const session = await accept(await arrival, {
    ...part.options,
    keepalive: part.keepalive,
    metadata: greeting('acceptor'),
    onConnection: (open) => acceptor.answer(open),
    inspect: part.inspect,
  });
  const facts = await play(session, part, acceptor.desks, () => acceptor.run(session));
  await listener.close();
  return { ...facts, stopped: acceptor.offered.stopped };
}

class Acceptor {
  readonly desks = new Desks();
  readonly offered = new Offered();
  #session: Session | undefined;

  async run(session: Session): Promise<void> {
    this.#session = session;
    const theirs = await this.desks.theirsOpened;
    const ours = await this.desks.open(session);
    await theirs.asked(1);
    await ours.sendWords();
    await theirs.asked(WORDS.length + 1);
    await ours.sendItems();
    await theirs.talk.connection.closed;
    await ours.talk.connection.close({ metadata: FAREWELL.acceptor });
    await session.closed;
  }

  answer(open: OpenRequest): ReturnType<OnConnection> {
    switch (serviceOf(open)) {
      case 'desk':
        return { type: 'accept', setup: this.desks.accept };
      case 'proxy':
        return this.#proxy();
      case undefined:
        return this.offered.accept(open);
      default:
        return { type: 'reject', metadata: REJECTION };
    }
  }

  /**
   * Opens the connection to the backend. A proxy passes request ids on unchanged: the initiator's ids on its connection
   * become ours on the connection to the backend. They are odd, so our parity there must be odd, though our session's is
   * even.
   */
  async #proxy(): Promise<Acceptance> {
    const backend = await this.#session?.open({ parity: 'odd', metadata: [entry('to', 'backend')] });
    if (backend === undefined) throw new Error('the handshake is not over yet');
    return { type: 'accept', setup: (connection) => void proxyConnections(connection, backend) };
  }
}
