/**
 * Services beside a site, on one server of node:http: pages and calls share a port.
 *
 *     npx tsx examples/http.ts
 */
import assert from 'node:assert/strict';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, initiate, method, service } from 'roam-actors';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';

const Adder = service('Adder', { add: method<[a: number, b: number], number>() });
const server = createServer({ services: [Adder.handler({ add: (a, b) => a + b })] });

const http = createHttp((request, response) => {
  if (request.url === '/health') response.writeHead(server.ready ? 200 : 503).end();
  else response.end('a page\n');
});
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
const listener = await server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));

const { port } = http.address() as AddressInfo;
assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'a page\n');

const session = await initiate(await connectWebSocket(listener.url));
const adder = await session.open(Adder);
assert.equal(await adder.add(3, 5), 8);
console.log('a page and a call came from one port');

await server.close();
http.close();
http.closeAllConnections();
