// A proxy between two sessions: client ⇄ proxy ⇄ server. It reads neither Calls nor Responses, and passes their ids on as
// they are; that is why its parity must differ between the two connections.
import assert from 'node:assert/strict';
import { accept, type Connection, initiate, type Metadata, NO_PROPAGATE, proxyConnections } from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';

const [clientEnd, proxyFront] = memoryLinkPair();
const [proxyBack, serverEnd] = memoryLinkPair();

/** What the server gets to see of a Call's metadata. */
const seen: Metadata[] = [];

async function serve(connection: Connection): Promise<void> {
  for await (const { id, body } of connection) {
    if (body.type !== 'Call') continue;
    seen.push(body.metadata);
    const ret = Buffer.from(Buffer.from(body.args).toString().toUpperCase());
    await connection.sendResponse(id, { channels: [], metadata: [], ret });
  }
}

// The server accepts whatever the proxy opens.
const accepting = accept(serverEnd, {
  onConnection: () => ({ type: 'accept', setup: (connection) => void serve(connection) }),
});
const upstream = await initiate(proxyBack);

// For each connection that a client opens, the proxy opens one to the server. The client has odd ids on its connection, so
// the proxy is even there, and has to be odd on the other one.
const front = accept(proxyFront, {
  onConnection: async ({ peerSettings, metadata }) => {
    const back = await upstream.open({ parity: peerSettings.parity, metadata });
    return { type: 'accept', setup: (connection) => void proxyConnections(connection, back) };
  },
});

const client = await initiate(clientEnd);
const connection = await client.open();
await connection.send({
  type: 'RequestMessage',
  id: 41,
  body: {
    type: 'Call',
    methodId: 1n,
    channels: [],
    metadata: [
      { key: 'trace', value: 'a1', flags: 0n },
      { key: 'credentials', value: 'for the proxy only', flags: NO_PROPAGATE },
    ],
    args: Buffer.from('hello'),
  },
});

for await (const { id, body } of connection) {
  assert(body.type === 'Response');
  const answer = Buffer.from(body.ret).toString();
  console.log(`request ${id} returned ${answer}`);
  assert.deepEqual([id, answer], [41, 'HELLO']);
  break;
}
console.log('the server saw', seen);
assert.deepEqual(seen, [[{ key: 'trace', value: 'a1', flags: 0n }]]);

// Closing one leg closes the other.
const server = await accepting;
const leg = server.connection(1);
await connection.close();
const reason = await leg?.closed;
console.log(`the server's leg was closed by ${reason?.by}`);
assert.equal(reason?.by, 'peer');

for (const session of [client, upstream]) session.shutdown();
await Promise.all([(await front).closed, server.closed]);
