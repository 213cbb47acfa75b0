// A proxy between two sessions: client ⇄ proxy ⇄ server. Calls and streams pass through it undecoded, at the pace of their
// receiver. They keep their ids, so the proxy's parity must differ between the two connections.
import assert from 'node:assert/strict';
import {
  accept,
  callerOf,
  channel,
  initiate,
  type Metadata,
  method,
  NO_PROPAGATE,
  proxyConnections,
  type Rx,
  routes,
  service,
  type Tx,
  withContext,
} from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';

const Shout = service('Shout', {
  shout: method<[text: string], string>(),
  all: method<[texts: Rx<string>, shouted: Tx<string>], void>(),
});

const [clientEnd, proxyFront] = memoryLinkPair();
const [proxyBack, serverEnd] = memoryLinkPair();

/** The metadata of the calls that reach the server. */
const seen: Metadata[] = [];

const handler = Shout.handler({
  shout: withContext(({ metadata }, text) => {
    seen.push(metadata);
    return text.toUpperCase();
  }),
  all: async (texts, shouted) => {
    for await (const text of texts) await shouted.send(text.toUpperCase());
    await shouted.close();
  },
});
const accepting = accept(serverEnd, { onConnection: routes([handler]) });
const upstream = await initiate(proxyBack);

// For each connection that a client opens, the proxy opens one to the server, for the same service: its name is in the
// metadata. The client has odd ids on its connection, so the proxy is even there, and has to be odd on the other one.
const front = accept(proxyFront, {
  onConnection: async ({ peerSettings, metadata }) => {
    const back = await upstream.open({ parity: peerSettings.parity, metadata });
    return { type: 'accept', setup: (connection) => void proxyConnections(connection, back) };
  },
});

const client = await initiate(clientEnd);
const shouter = await client.open(Shout);
const answer = await shouter.shout('hello', {
  metadata: [
    { key: 'trace', value: 'a1', flags: 0n },
    { key: 'credentials', value: 'for the proxy only', flags: NO_PROPAGATE },
  ],
});
console.log(`the call returned ${answer}, and the server saw`, seen);
assert.equal(answer, 'HELLO');
assert.deepEqual(seen, [[{ key: 'trace', value: 'a1', flags: 0n }]]);

// Two channels, one each way. They carry more items than the initial credit allows.
const [texts, sent] = channel<string>();
const [received, shouted] = channel<string>();
const streamed = shouter.all(sent, received);
const sending = (async () => {
  for (let number = 1; number <= 100; number++) await texts.send(`text ${number}`);
  await texts.close();
})();
let last = '';
for await (const text of shouted) last = text;
await Promise.all([streamed, sending]);
console.log(`the last item of the stream was ${last}`);
assert.equal(last, 'TEXT 100');

// Closing one leg closes the other.
const server = await accepting;
const leg = server.connection(1);
await callerOf(shouter).connection.close();
const reason = await leg?.closed;
console.log(`the server's leg was closed by ${reason?.by}`);
assert.equal(reason?.by, 'peer');

for (const session of [client, upstream]) session.shutdown();
await Promise.all([(await front).closed, server.closed]);
