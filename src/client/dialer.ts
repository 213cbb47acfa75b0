import type { Clock } from '../base/clock.js';
import { InvalidArgument } from '../base/errors.js';
import type { Link, LinkEvents } from '../link/link.js';
import { reliableLink } from '../reliable/link.js';

/** Opens a link to a URL: `connectWebSocket` of Node or of a browser. */
export type OpenUrl = (url: string | URL, options: { readonly signal: AbortSignal }) => Promise<Link>;

/** A link for a session to come. */
export interface DialedLink {
  readonly link: Link;
  /** Called when the link has no connection for now, and when it has one again. */
  onInterrupted: (isInterrupted: boolean) => void;
  /** Declares the peer lost. A link that outlives its connections dials anew; any other one fails with the error. */
  lose(error: Error): void;
  /** Tells that the handshake has succeeded on this link. */
  established(): void;
}

/** Hears the events of a link that a session will start. @throws InvalidArgument when `link` is none. */
export function heard(link: Link): DialedLink {
  if (typeof link?.start !== 'function') throw new InvalidArgument('a target must give a link');
  let events: LinkEvents | undefined;
  const dialed: DialedLink = {
    link,
    onInterrupted: () => {},
    lose: (error) => {
      link.abort();
      events?.failed(error);
    },
    established: () => {},
  };
  const start = link.start.bind(link);
  link.start = (given) => {
    events = given;
    start({
      message: (bytes) => given.message(bytes),
      drained: () => given.drained(),
      ended: () => given.ended(),
      failed: (error) => given.failed(error),
      interrupted: () => {
        given.interrupted?.();
        dialed.onInterrupted(true);
      },
      restored: () => {
        given.restored?.();
        dialed.onInterrupted(false);
      },
      frameLimit: given.frameLimit,
    });
  };
  return dialed;
}

/** The longest time between two attempts of a link to get another connection, in milliseconds. */
const LONGEST_BACKOFF = 3_000;

/** The time for the greeting of a reliable link, in milliseconds, where an attempt has time for another connection. */
const HELLO_TIMEOUT = 5_000;

/** Servers that are remembered, at most. Beyond them the oldest one is asked anew. */
const MOST_SERVERS = 100;

/** Opens links to URLs: such as outlive their connections, where a server has them. */
export class Dialer {
  readonly #openUrl: OpenUrl;
  readonly #resumes: boolean;
  readonly #clock: Clock | undefined;
  readonly #helloTimeout: number;
  /**
   * Servers that have greeted no reliable link, by their URLs without the query, which may be another one each time. `bare`: it
   * gets ordinary links. `unsure`: no session came about in that way either, so the two ways take turns, with one connection
   * an attempt.
   */
  readonly #servers = new Map<string, 'bare' | 'unsure'>();

  constructor(openUrl: OpenUrl, resumes: boolean, attemptTimeout: number, clock: Clock | undefined) {
    this.#openUrl = openUrl;
    this.#resumes = resumes;
    this.#clock = clock;
    this.#helloTimeout = Math.max(1, Math.min(HELLO_TIMEOUT, attemptTimeout / 2));
  }

  /** Opens a link. Rejects with LinkError when there is no connection. */
  async open(url: string | URL, signal: AbortSignal): Promise<DialedLink> {
    const place = placeOf(url);
    if (!this.#resumes || this.#servers.get(place) === 'bare') return this.#openBare(url, signal);
    let newest: DialedLink | undefined;
    try {
      const link = await reliableLink({
        connect: async (given) => {
          newest = heard(await this.#openUrl(url, { signal: given }));
          return newest.link;
        },
        signal,
        backoff: { most: LONGEST_BACKOFF },
        helloTimeout: this.#helloTimeout,
        ...(this.#clock === undefined ? {} : { clock: this.#clock }),
      });
      this.#servers.delete(place);
      return Object.assign(heard(link), { lose: (error: Error) => newest?.lose(error) });
    } catch (error) {
      // Without a connection nothing is known of the server.
      if (newest === undefined || signal.aborted) throw error;
      const isUnsure = this.#servers.has(place);
      this.#remember(place, 'bare');
      if (isUnsure) throw error;
      return this.#openBare(url, signal);
    }
  }

  async #openBare(url: string | URL, signal: AbortSignal): Promise<DialedLink> {
    const dialed = heard(await this.#openUrl(url, { signal }));
    if (!this.#resumes) return dialed;
    const place = placeOf(url);
    this.#remember(place, 'unsure');
    return Object.assign(dialed, { established: () => this.#remember(place, 'bare') });
  }

  #remember(place: string, kind: 'bare' | 'unsure'): void {
    this.#servers.set(place, kind);
    const [oldest = ''] = this.#servers.keys();
    if (this.#servers.size > MOST_SERVERS) this.#servers.delete(oldest);
  }
}

function placeOf(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
