import type { Link, LinkCertificate, LinkFacts } from './link.js';

/** The members that facts are read from, of any of Node's sockets. */
interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  /** True for a TLS socket whose peer has a valid certificate. */
  readonly authorized?: boolean;
  getPeerCertificate?(): Partial<LinkCertificate> | null;
}

interface PeerRequest {
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a socket shows of its peer, and the HTTP request that came first. It keeps both out of JSON and out of logs. */
export class SocketFacts implements LinkFacts {
  readonly remoteAddress: string | undefined;
  readonly #socket: PeerSocket;
  readonly #url: string | undefined;
  readonly #headers: PeerRequest['headers'];

  constructor(socket: PeerSocket, request?: PeerRequest) {
    // Read now: a socket that has ended has no address any more.
    this.remoteAddress = socket.remoteAddress;
    this.#socket = socket;
    this.#url = request?.url;
    this.#headers = request?.headers ?? {};
  }

  get url(): string | undefined {
    return this.#url;
  }

  get certificate(): LinkCertificate | undefined {
    const found = this.#socket.authorized === true ? this.#socket.getPeerCertificate?.() : undefined;
    // Without a certificate of the peer, Node gives an empty object.
    return found?.fingerprint256 === undefined ? undefined : (found as LinkCertificate);
  }

  header(name: string): string | undefined {
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#headers, key) ? this.#headers[key] : undefined;
    return typeof value === 'object' ? value.join(', ') : value;
  }

  toJSON(): object {
    return { remoteAddress: this.remoteAddress };
  }
}

/** Who the peers of links are, once a session knows it. Links that outlive their connections ask for it when a peer comes back. */
const principals = new WeakMap<Link, unknown>();

export function notePrincipal(link: Link, principal: unknown): void {
  principals.set(link, principal);
}

export function principalOf(link: Link): unknown {
  return principals.get(link);
}
