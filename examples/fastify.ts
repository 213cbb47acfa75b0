/**
 * Services beside a Fastify site, on one port.
 *
 *     npx tsx examples/fastify.ts
 */
import assert from 'node:assert/strict';
import fastify from 'fastify';
import { createServer, method, service } from 'roam-actors';
import { connect } from 'roam-actors/client';
import { listenWebSocket } from 'roam-actors/websocket';

const Adder = service('Adder', { add: method<[a: number, b: number], number>() });
const server = createServer({ services: [Adder.handler({ add: (a, b) => a + b })] });

const app = fastify({ forceCloseConnections: true });
app.get('/', async () => 'a page\n');
app.get('/health', (_request, reply) => reply.code(server.ready ? 200 : 503).send());
// `app.close()` waits for open WebSockets, so the services close before.
app.addHook('preClose', () => server.close());

const url = await app.listen({ port: 0, host: '127.0.0.1' });
const listener = await server.listen((onLink) => listenWebSocket({ server: app.server, path: '/rpc' }, onLink));

assert.equal(await (await fetch(url)).text(), 'a page\n');
assert.equal((await fetch(`${url}/health`)).status, 200);

const client = connect(listener.url);
assert.equal(await client.use(Adder).add(3, 5), 8);
await client.close();
console.log('Fastify gave a page, and the service an answer, on one port');

await app.close();
