import type { Connection } from '../index.js';

/** What an echo has returned. */
export interface Echoed {
  calls: number;
  items: number;
}

/**
 * Returns what comes on a connection, to its end: a Call's args as its Response, an Item as an Item. It waits for room
 * before it reads on, so that a peer that asks and does not read costs a bounded amount of memory.
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
    // Closed between a question and its answer: that is the end, too.
  }
  return echoed;
}
