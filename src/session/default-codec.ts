/** Sessions that speak MessagePack, unless the application names another codec. */
import type { Codec } from '../codec/codec.js';
import { messagePack } from '../codec/msgpack/msgpack.js';
import type { Link } from '../link/link.js';
import * as core from './logic.js';
import * as sessions from './session.js';

/** Returns the options with a codec. Options that are wrong are returned as they are: the session names the mistake. */
function withCodec<Options extends { readonly codec?: Codec }>(options: Options): Options {
  if (typeof options !== 'object' || options === null || options.codec !== undefined) return options;
  return Object.assign({}, options, { codec: messagePack });
}

/**
 * Starts a session as its initiator: sends Hello, and resolves when the peer has answered it. `[session.handshake]`
 *
 * @throws HandshakeError when there is no session, and the link is closed then; InvalidArgument when an option is wrong.
 *
 * @example
 * const session = await initiate(await connectWebSocket('ws://127.0.0.1:9000'));
 * const connection = await session.open();
 */
export function initiate(link: Link, options: sessions.StartOptions = {}): Promise<sessions.Session<undefined>> {
  return sessions.initiate(link, withCodec(options));
}

/**
 * Starts a session as its acceptor: waits for the peer's Hello, and answers it. With `authenticate` there is no session before
 * it has said who the peer is. `[session.handshake]`
 *
 * @throws HandshakeError when there is no session, and the link is closed then; its cause is Refused when the peer is refused.
 * InvalidArgument when an option is wrong.
 */
export function accept<P>(link: Link, options: sessions.AcceptOptions<P> = {}): Promise<sessions.Session<P>> {
  return sessions.accept(link, withCodec(options));
}

/**
 * The logic of a session actor, with its effects, its connections and its fast path built in. An XState user invokes or
 * spawns it. Its input is checked when the actor is created. An error in the input is the actor's error.
 */
export const sessionLogic: core.SessionLogic = Object.assign(Object.create(core.sessionLogic) as core.SessionLogic, {
  getInitialSnapshot: (
    scope: Parameters<core.SessionLogic['getInitialSnapshot']>[0],
    input: Parameters<core.SessionLogic['getInitialSnapshot']>[1],
  ) => core.sessionLogic.getInitialSnapshot(scope, withCodec(input)),
  provide: () => sessionLogic,
});
