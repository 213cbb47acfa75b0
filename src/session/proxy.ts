import { InvalidArgument } from '../base/errors.js';
import { ROOT } from '../wire/id.js';
import type { DataMessage } from '../wire/message.js';
import { propagated } from '../wire/metadata.js';
import { Connection } from './connection.js';

/**
 * Forwards every request and channel message between two connections, both ways, until either is closed or can't send.
 * Then it releases both: a virtual connection is closed, a root closed internally. Payloads are not decoded. Request
 * and channel ids stay as they are. Entries marked NO_PROPAGATE are left out. The proxy is the one reader of both
 * connections.
 *
 * @throws InvalidArgument (the promise rejects) when the ids can't be kept: the ids that one side allocates must be
 * those that the other side's peer allocates, so the two parities must differ. Also when a message is over the other
 * side's `limits.frame`.
 */
export async function proxyConnections(left: Connection, right: Connection): Promise<void> {
  for (const [name, side] of Object.entries({ left, right })) {
    if (!(side instanceof Connection)) throw new InvalidArgument(`${name} must be a connection, such as session.root`);
  }
  if (left === right) throw new InvalidArgument('a connection cannot be proxied to itself');
  if (left.parity === right.parity) {
    throw new InvalidArgument(`request ids can't be kept: both connections have ${left.parity} parity on our side`);
  }
  for (const { hasReader, id } of [left, right]) {
    if (hasReader) throw new InvalidArgument(`connection ${id} has a reader already`);
  }
  // Run each direction on its own, so that neither waits for the other's peer.
  try {
    await Promise.race([forward(left, right), forward(right, left)]);
  } finally {
    left.release();
    right.release();
  }
  await Promise.all([left, right].map(async (side) => side.id === ROOT || side.closed));
}

/**
 * Resolves when `from` has ended or `to` takes no more messages. Rejects with the error of a message that can't be sent
 * on. Reading goes on all the same: a root is only closed internally, and an unread root would stop all reading of its
 * session.
 */
function forward(from: Connection, to: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const pump = async () => {
      for await (const message of from) {
        try {
          await to.forward(stripped(message));
        } catch (error) {
          if (error instanceof InvalidArgument) reject(error);
          else resolve();
        }
      }
      resolve();
    };
    void pump();
  });
}

// 9b.15: r[rpc.metadata.flags.no-propagate]
function stripped(message: DataMessage): DataMessage {
  const { body } = message;
  if (!('metadata' in body)) return message;
  const metadata = propagated(body.metadata);
  return metadata === body.metadata ? message : ({ ...message, body: { ...body, metadata } } as DataMessage);
}
