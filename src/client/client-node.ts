import { connectWebSocket } from '../link/websocket-node.js';
import type { ConnectOptions, Targets } from './options.js';
import { ReconnectingClient } from './reconnecting-client.js';

export type { Credentials } from '../session/authentication.js';
export type { Attempt, ConnectOptions, Target, Targets } from './options.js';
export type { ClientActorRef, ReconnectingClient } from './reconnecting-client.js';
export type { ClientStatus } from './status.js';

/**
 * Makes a client that has a session whenever it can. Returns at once. It dials at the first call, or at once with
 * `lazy: false`. When its session ends it dials anew, with growing waits, and the services in use go on in the next session.
 *
 * @throws InvalidArgument when a target or an option is wrong, or credentials would travel unencrypted.
 *
 * @example
 * await using client = connect('wss://example.com/rpc', { credentials: async () => ({ token: await freshToken() }) });
 * await client.use(Adder).add(3, 5); // also through restarts of the server
 */
export function connect(to: Targets, options: ConnectOptions = {}): ReconnectingClient {
  return new ReconnectingClient(connectWebSocket, to, options);
}
