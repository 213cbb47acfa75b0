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

/** Opens links to URLs: such as outlive their connections, where a server has them. */
export class Dialer {
  readonly #openUrl: OpenUrl;
  readonly #resumes: boolean;
  readonly #clock: Clock | undefined;
  /**
   * URLs whose server has greeted no reliable link. `bare`: it gets ordinary links. `unsure`: no session came about in that
   * way either, so the two ways take turns, with one connection an attempt.
   */
  readonly #servers = new Map<string, 'bare' | 'unsure'>();

  constructor(openUrl: OpenUrl, resumes: boolean, clock: Clock | undefined) {
    this.#openUrl = openUrl;
    this.#resumes = resumes;
    this.#clock = clock;
  }

  /** Opens a link. Rejects with LinkError when there is no connection. */
  async open(url: string | URL, signal: AbortSignal): Promise<DialedLink> {
    const place = String(url);
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
        ...(this.#clock === undefined ? {} : { clock: this.#clock }),
      });
      this.#servers.delete(place);
      return Object.assign(heard(link), { lose: (error: Error) => newest?.lose(error) });
    } catch (error) {
      // Without a connection nothing is known of the server.
      if (newest === undefined || signal.aborted) throw error;
      const isUnsure = this.#servers.has(place);
      this.#servers.set(place, 'bare');
      if (isUnsure) throw error;
      return this.#openBare(url, signal);
    }
  }

  async #openBare(url: string | URL, signal: AbortSignal): Promise<DialedLink> {
    const dialed = heard(await this.#openUrl(url, { signal }));
    if (!this.#resumes) return dialed;
    const place = String(url);
    this.#servers.set(place, 'unsure');
    return Object.assign(dialed, { established: () => void this.#servers.set(place, 'bare') });
  }
}
