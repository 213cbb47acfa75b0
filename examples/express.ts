/**
 * Services beside an Express site, on one port.
 *
 *     npx tsx examples/express.ts
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createServer, method, service } from 'roam-actors';
import { connect } from 'roam-actors/client';
import { listenWebSocket } from 'roam-actors/websocket';

const Adder = service('Adder', { add: method<[a: number, b: number], number>() });
const server = createServer({ services: [Adder.handler({ add: (a, b) => a + b })] });

const app = express();
app.get('/', (_request, response) => void response.send('a page\n'));
app.get('/health', (_request, response) => void response.sendStatus(server.ready ? 200 : 503));

// The HTTP server, to which Express gives requests. WebSockets do not pass through its middleware.
const http = app.listen(0, '127.0.0.1');
await once(http, 'listening');
const listener = await server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));

const { port } = http.address() as AddressInfo;
const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
assert.deepEqual([await get('/'), await get('/health')], ['a page\n', 'OK']);

const client = connect(listener.url);
assert.equal(await client.use(Adder).add(3, 5), 8);
await client.close();
console.log('Express gave a page, and the service an answer, on one port');

// First the server of the services: that of HTTP waits for open WebSockets.
await server.close();
http.close();
http.closeAllConnections();
