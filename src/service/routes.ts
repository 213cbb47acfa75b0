import { arrayOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import type { OnConnection, OpenRequest, Rejection } from '../session/incoming-opens.js';
import { type Metadata, REASON, SERVICE } from '../wire/metadata.js';
import type { ServiceHandler } from './handler.js';

/** The most characters of a service's name that a Reject repeats. */
const NAME_SHOWN = 100;

/**
 * Accepts connections for these services: an `onConnection`. It finds the service by its name in the Open's metadata, where
 * `session.open(Service)` puts it. Connections for other services are rejected, with `reason` and `service` in the metadata.
 * `[rpc.one-service-per-connection]`
 *
 * @throws InvalidArgument when two handlers are of the same service.
 *
 * @example
 * accept(link, { onConnection: routes([Adder.handler(adder), Clock.handler(clock)]) });
 */
// r[rpc.one-service-per-connection]
export function routes<P = unknown>(handlers: readonly ServiceHandler<P>[]): OnConnection<P> {
  arrayOf(handlers, 'handlers');
  const byName = new Map<string, ServiceHandler<P>>();
  for (const handler of handlers) {
    if (typeof handler !== 'function' || typeof handler.service !== 'string') {
      throw new InvalidArgument('routes takes what the handler() of services gives');
    }
    if (byName.has(handler.service)) throw new InvalidArgument(`two handlers of the service ${handler.service}`);
    byName.set(handler.service, handler);
  }
  return ({ metadata }: OpenRequest<P>) => {
    const name = metadata.find(({ key }) => key === SERVICE)?.value;
    const handler = typeof name === 'string' ? byName.get(name) : undefined;
    if (handler !== undefined) return { type: 'accept', setup: (connection) => connection.serve(handler) };
    return typeof name === 'string' ? rejection('unknown service', name) : rejection('no service named');
  };
}

function rejection(reason: string, name?: string): Rejection {
  const metadata: Metadata = [{ key: REASON, value: reason, flags: 0n }];
  if (name === undefined) return { type: 'reject', metadata };
  // The cut may leave half of a character, which metadata can't represent.
  const shown = name.slice(0, NAME_SHOWN).replace(/[\ud800-\udbff]$/, '');
  return { type: 'reject', metadata: [...metadata, { key: SERVICE, value: shown, flags: 0n }] };
}
