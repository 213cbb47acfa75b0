import type { Report } from '../../src/base/report.js';
import { connect } from '../../src/client/client-node.js';
import type { ConnectOptions } from '../../src/client/options.js';
import type { ReconnectingClient } from '../../src/client/reconnecting-client.js';
import type { Link } from '../../src/link/link.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import type { ServiceHandler } from '../../src/service/handler.js';
import { routes } from '../../src/service/routes.js';
import { accept } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';
import { VirtualClock } from '../support/clock.js';
import { settle } from '../support/settle.js';

/** A server in memory that a client dials, with a clock of its own. */
export class Stage {
  readonly clock = new VirtualClock();
  /** The sessions of the server, the newest last. */
  readonly sessions: Session[] = [];
  /** The client's ends of the links that were dialed. */
  readonly links: MemoryLink[] = [];
  /** The times of the attempts. */
  readonly dials: number[] = [];
  readonly reports: Report[] = [];
  isUp = true;
  /** What the server does with a link; by default it accepts a session. */
  onLink: (link: Link) => unknown;

  constructor(handlers: readonly ServiceHandler[] = [], options: StartOptions = {}) {
    this.onLink = async (link) => {
      const session = await accept(link, {
        clock: this.clock,
        onConnection: routes(handlers),
        onReport: (report) => void this.reports.push(report),
        ...options,
      });
      this.sessions.push(session);
    };
  }

  /** The target of a client. */
  readonly target = async (): Promise<Link> => {
    this.dials.push(this.clock.now());
    if (!this.isUp) throw new Error('refused');
    const [near, far] = memoryLinkPair();
    this.links.push(near);
    void (async () => this.onLink(far))().catch(() => {});
    return near;
  };

  client(
    options: ConnectOptions & { readonly random?: () => number } = {},
    to: Parameters<typeof connect>[0] = this.target,
  ) {
    const given = { clock: this.clock, random: () => 0.5, ...options };
    const client: ReconnectingClient = connect(to, given);
    return client;
  }

  /** Breaks the newest link, as a cable that is pulled. */
  cut(): void {
    this.links.at(-1)?.fail();
  }

  /** Closes a client, and checks that nothing is left of it. */
  async end(client: ReconnectingClient): Promise<readonly unknown[]> {
    const closed = client.close({ timeout: 0 });
    await settle();
    await this.clock.advance(1);
    await closed;
    for (const session of this.sessions) session.shutdown();
    await settle();
    await this.clock.advance(60_000);
    return [client.status.current.state, this.clock.size];
  }
}
