// A user's program that imports several entry points of the packed package: check-package.mjs runs it. What they share, they
// have once.
import assert from 'node:assert/strict';
import {
  accept,
  handle,
  InvalidArgument,
  initiate,
  LinkError,
  method,
  routes,
  service,
  sessionLogic,
} from 'roam-actors';
import { compile } from 'roam-actors/compile';
import { definitionOf, loadSvg, mermaid, svg } from 'roam-actors/diagram';
import { createInspector } from 'roam-actors/inspect';
import * as machines from 'roam-actors/machines';
import { memoryLinkPair } from 'roam-actors/memory';
import { postcard, postcardPayload, t } from 'roam-actors/postcard';
import { connectTcp } from 'roam-actors/tcp';
import { ControlledLink, paths } from 'roam-actors/testing';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';
import { createActor, createMachine } from 'xstate';

// Errors of every entry point are instances of the core's classes.
for (const wrong of [
  () => accept(0),
  () => createInspector({ url: 'nonsense' }),
  () => definitionOf(0),
  () => memoryLinkPair({ capacity: 0 }),
  () => new ControlledLink(),
  () => paths(0, {}),
  () => t.tuple(0),
  () => connectTcp({ port: -1 }),
  () => connectWebSocket('nonsense'),
]) {
  await assert.rejects(async () => wrong(), InvalidArgument, String(wrong));
}
await assert.rejects(connectWebSocket('ws://127.0.0.1:1'), LinkError);
await assert.rejects(connectTcp({ host: '127.0.0.1', port: 1 }), LinkError);

// The session runs the machine of `roam-actors/machines`, not another one like it.
assert.equal(sessionLogic.config, machines.sessionMachine.config);

// A machine of XState that knows nothing of roam.
const door = createMachine({ initial: 'open', states: { open: { on: { close: 'closed' } }, closed: {} } });
assert.notEqual(compile(door), door);
const compiled = createActor(compile(door)).start();
compiled.send({ type: 'close' });
assert.equal(compiled.getSnapshot().value, 'closed');

// `handle` finds a session through links, codecs and an inspector of other entry points.
const inspector = createInspector({ url: 'http://127.0.0.1:1/?token=none' });
const [near, far] = memoryLinkPair();
const Adder = service(
  'Adder',
  { add: method({ args: t.args(t.u32, t.u32), result: t.u32 }) },
  { codec: postcardPayload },
);
const onConnection = routes([Adder.handler({ add: (a, b) => a + b })]);
const accepted = accept(far, { codec: postcard, onConnection });
const input = { role: 'initiator', link: near, codec: postcard };
const actor = createActor(sessionLogic, { input, inspect: inspector.inspect }).start();
await accepted;
assert.equal(await (await handle(actor).open(Adder)).add(2, 3), 5);
handle(actor).shutdown();

// A typed service over a WebSocket.
const Greeter = service('Greeter', { greet: method() });
const listener = await listenWebSocket({ port: 0 }, (link) =>
  accept(link, { onConnection: routes([Greeter.handler({ greet: (name) => `hello ${name}` })]) }),
);
const session = await initiate(await connectWebSocket(listener.url));
assert.equal(await (await session.open(Greeter)).greet('you'), 'hello you');
session.shutdown();
await listener.close();

// Our own machines are drawn without Graphviz; others say how to get it.
for (const machine of Object.values(machines).filter(({ config }) => config !== undefined)) {
  const { viewBox } = /viewBox="(?<viewBox>[\d ]+)"/.exec(await svg(machine)).groups;
  assert.match(viewBox, /^0 0 [1-9]\d\d+ [1-9]\d\d+$/, machine.id);
  assert.match(mermaid(machine), /stateDiagram/);
}
const light = createMachine({ id: 'light', initial: 'red', states: { red: { on: { GO: 'green' } }, green: {} } });
const [, , graphviz] = process.argv;
if (graphviz === 'with') {
  assert.match(await svg(light), /data-source="red" data-target="green"/);
  assert.equal((await loadSvg())(light), await svg(light));
} else {
  await assert.rejects(svg(light), (error) => {
    assert(error instanceof InvalidArgument);
    assert.match(error.message, /npm install @viz-js\/viz/);
    return true;
  });
  await assert.rejects(loadSvg(), InvalidArgument);
}
