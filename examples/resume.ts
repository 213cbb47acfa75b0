// A session that outlives its sockets: calls and streams go through a proxy that cuts the connection every second, and
// nothing is lost, doubled or out of order.
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { accept, channel, initiate, method, type Rx, routes, service, type Tx } from 'roam-actors';
import { reliableAcceptor, reliableLink } from 'roam-actors/reliable';
import { connectTcp, listenTcp } from 'roam-actors/tcp';

const Counter = service('Counter', {
  next: method<[step: number], number>(),
  double: method<[from: Rx<number>, to: Tx<number>], number>({ credit: 8 }),
});

let total = 0;
const handler = Counter.handler({
  // Not idempotent: a call that ran twice would show.
  next: async (step) => {
    total += step;
    return total;
  },
  double: async (from, to) => {
    let count = 0;
    for await (const number of from) {
      await to.send(2 * number);
      count++;
    }
    await to.close();
    return count;
  },
});

const acceptor = reliableAcceptor({
  onLink: async (link) => void (await accept(link, { onConnection: routes([handler]) })),
});
await using listener = await listenTcp({ port: 0 }, (link, socket) => acceptor.take(link, socket));

// The proxy cuts every connection a second after it was made.
let cuts = 0;
const sockets = new Set<Socket>();
const proxy = createServer((client) => {
  const server = connect({ port: listener.port, host: '127.0.0.1' });
  for (const socket of [client, server]) {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  }
  client.pipe(server);
  server.pipe(client);
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const { port } = proxy.address() as AddressInfo;
const cutting = setInterval(() => {
  cuts++;
  for (const socket of sockets) socket.resetAndDestroy();
}, 1000);

const link = await reliableLink({ connect: (signal) => connectTcp({ port, signal }) });
const session = await initiate(link);
const counter = await session.open(Counter);

const [up, from] = channel<number>();
const [to, down] = channel<number>();
const doubled = counter.double(from, to);
let isOver = false;
let sent = 0;
const sending = (async () => {
  while (!isOver) await up.send(sent++);
  await up.close();
})();
let taken = 0;
const taking = (async () => {
  for await (const number of down) assert.equal(number, 2 * taken++);
})();

let calls = 0;
while (cuts < 5) {
  assert.equal(await counter.next(1), ++calls);
}
clearInterval(cutting);
isOver = true;
await Promise.all([sending, taking]);

assert.equal(await doubled, sent);
assert.equal(taken, sent);
assert.equal(total, calls);
console.log(`${cuts} cuts, ${link.state.epoch} connections`);
console.log(`${calls} calls: each was executed once; ${sent} numbers went up, and as many came back, in order`);
console.log('nothing was lost');

session.shutdown();
await session.closed;
acceptor.close();
proxy.close();
