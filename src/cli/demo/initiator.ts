import { setTimeout as pause } from 'node:timers/promises';
import {
  type Acceptance,
  type Connection,
  ConnectionRejected,
  initiate,
  NO_PROPAGATE,
  type OpenRequest,
  type Rejection,
  type Session,
} from '../../index.js';
import { connectWebSocket } from '../../link/websocket-node.js';
import { entry, formatMetadata } from '../metadata.js';
import type { Called, Facts } from './demo-event.js';
import {
  bytes,
  Desks,
  ECHO,
  FAREWELL,
  greeting,
  type Part,
  play,
  REJECTION,
  serviceOf,
  text,
  WORDS,
} from './script.js';
import { callService } from './service.js';
import { Talk } from './talk.js';

/** Plays the process that connects. The other process follows its lead. */
export async function playInitiator(part: Part, url: string): Promise<Facts> {
  await part.scene('Two processes shake hands');
  const initiator = new Initiator();
  const session = await initiate(await connectWebSocket(url, { closeTimeout: 1_000 }), {
    ...part.options,
    keepalive: part.keepalive,
    metadata: greeting('initiator'),
    onConnection: (open) => initiator.answer(open),
    inspect: part.inspect,
  });
  const facts = await play(session, part, initiator.desks, () => initiator.run(session, part));
  const { rejection, proxied, behindProxy, called } = initiator;
  return { ...facts, rejection, proxied, behindProxy, ...(called === undefined ? {} : { called }) };
}

class Initiator {
  readonly desks = new Desks();
  rejection = '';
  proxied: string[] = [];
  called: Called | undefined;
  /** The metadata of the Calls that came through the proxy. */
  readonly behindProxy: string[] = [];
  #backend: Connection | undefined;

  async run(session: Session, { keepalive, scene, hold }: Part): Promise<void> {
    const lease = session.root.caller();
    await scene('Keepalive: each asks the other for a sign of life, from here on');
    // The next scene is not to begin before the first Pong.
    await pause(keepalive.pingInterval);

    await scene('Each side opens a connection; a third open is rejected');
    const ours = await this.desks.open(session);
    const theirs = await this.desks.theirsOpened;
    this.rejection = await rejectionOf(session);

    await scene('Requests travel both ways');
    await Promise.all([ours.sendWords(), theirs.answered(WORDS.length)]);

    await scene('Items travel both ways on channels, as there is credit for them');
    await Promise.all([ours.sendItems(), theirs.answered(WORDS.length + 1)]);

    await scene('The acceptor forwards what comes on connection 5 to connection 4, which leads back here');
    this.proxied = await callThroughProxy(session);
    await this.#backend?.closed;

    await scene('A typed service on connection 7: a call, one that is cancelled, and a stream that waits for credit');
    this.called = await callService(session);

    await hold();
    await scene('The last caller of the root is gone: the session ends with its last connection');
    lease.release();
    await ours.talk.connection.close({ metadata: FAREWELL.initiator });
    await session.closed;
  }

  answer(open: OpenRequest): Acceptance | Rejection {
    switch (serviceOf(open)) {
      case 'desk':
        return { type: 'accept', setup: this.desks.accept };
      case 'backend':
        return { type: 'accept', setup: (connection) => this.#serve(connection) };
      default:
        return { type: 'reject', metadata: REJECTION };
    }
  }

  /** Serves the connection that the proxy forwards to. */
  #serve(connection: Connection): void {
    this.#backend = connection;
    new Talk(connection, ({ args, metadata }) => {
      this.behindProxy.push(formatMetadata(metadata));
      return bytes(text(args).toUpperCase());
    });
  }
}

async function rejectionOf(session: Session): Promise<string> {
  try {
    await session.open({ metadata: [entry('to', 'moon')] });
    return 'accepted';
  } catch (error) {
    if (error instanceof ConnectionRejected) return formatMetadata(error.metadata);
    throw error;
  }
}

async function callThroughProxy(session: Session): Promise<string[]> {
  const connection = await session.open({ metadata: [entry('to', 'proxy')] });
  const talk = new Talk(connection, ({ args }) => args);
  const metadata = [entry('trace', 'a1'), { key: 'hop', value: 'private', flags: NO_PROPAGATE }];
  const answers = await Promise.all(WORDS.map((word) => talk.call(ECHO, bytes(word), { metadata })));
  await connection.close();
  return answers.map(text);
}
