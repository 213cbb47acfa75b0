// An echo over a WebSocket. Both ends run in this process. They could as well run in two.
import assert from 'node:assert/strict';
import { accept, type Connection, initiate } from 'roam-actors';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';

async function echo(connection: Connection): Promise<void> {
  for await (const { id, body } of connection) {
    if (body.type !== 'Call') continue;
    await connection.sendResponse(id, { channels: [], metadata: [], ret: body.args });
  }
}

const listener = await listenWebSocket({ port: 0 }, async (link) => {
  await accept(link, { onConnection: () => ({ type: 'accept', setup: (connection) => void echo(connection) }) });
});

const session = await initiate(await connectWebSocket(listener.url));
const connection = await session.open();
const args = new TextEncoder().encode('hello');
await connection.send({
  type: 'RequestMessage',
  id: 1, // odd, as our parity on this connection
  body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args },
});

for await (const { id, body } of connection) {
  assert(body.type === 'Response');
  console.log(`request ${id} returned ${new TextDecoder().decode(body.ret)}`);
  assert.deepEqual(body.ret, args);
  break; // leaving the loop closes the connection, with the next message
}

session.shutdown();
console.log(`the session ended: ${(await session.closed).cause}`);
await listener.close();
