import type { Connection } from '../index.js';

/** The number of messages that an echo has returned. */
export interface Echoed {
  calls: number;
  items: number;
}

/**
 * Sends each message of a connection back until the connection ends: a Call's args as its Response, an Item as an Item. It
 * waits for room before it reads on, so a peer that sends and does not read costs a bounded amount of memory.
 */
export async function echo(connection: Connection): Promise<Echoed> {
  const echoed: Echoed = { calls: 0, items: 0 };
  try {
    for await (const { id, body } of connection) {
      if (body.type === 'Call') {
        echoed.calls++;
        await connection.sendResponse(id, { channels: [], metadata: [], ret: body.args });
      } else if (body.type === 'Item') {
        echoed.items++;
        await connection.send({ type: 'ChannelMessage', id, body });
      }
    }
  } catch {
    // The connection has closed between a Call and its Response. That is a normal end too.
  }
  return echoed;
}
