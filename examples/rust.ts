// Calls a service of a Rust program, typed, over TCP; then serves it here, and a Rust program calls it.
//
//   node --import tsx examples/rust.ts                  builds and starts the Rust programs itself, by cargo
//   node --import tsx examples/rust.ts 127.0.0.1:9000   calls a server that runs there
//
// The trait is Testbed in test/reference/peer/src/service.rs. `roam-actors generate` made rust/testbed.ts from it:
// docs/rust.md.
import assert from 'node:assert/strict';
import { accept, channel, fail, initiate, service } from 'roam-actors';
import { postcard, postcardPayload } from 'roam-actors/postcard';
import { connectTcp, listenTcp } from 'roam-actors/tcp';
import { hasCargo, rustClient, rustServer } from './rust/peer.js';
import { Testbed } from './rust/testbed.js';

async function callRust(address: string): Promise<void> {
  const { hostname: host, port } = new URL(`tcp://${address}`);
  const session = await initiate(await connectTcp({ host, port: Number(port) }), {
    codec: postcard,
    peer: 'roam-rust-7',
  });
  // A Rust program serves on the root connection.
  const testbed = Testbed.client(session.root);

  console.log(`echo_point returned ${JSON.stringify(await testbed.echoPoint({ x: 3, y: -4 }))}`);
  const person = await testbed.lookup(1);
  console.log(`lookup returned ${person.name}, ${person.email ?? 'without an address'}`);
  assert.deepEqual(person, { name: 'Alice', age: 30, email: 'alice@example.com' });

  // An i64 is a bigint. What Rust returns as Err is an ApplicationError, and its value has the type of the trait.
  assert.equal(await testbed.divide(-7n, 2n), -3n);
  const error: unknown = await testbed.divide(1n, 0n).catch((reason: unknown) => reason);
  assert(Testbed.isErrorOf('divide', error));
  console.log(`divide failed with ${error.error.tag}`);

  // The handler has the Rx of the trait, and we keep the Tx.
  const [numbers, input] = channel<number>();
  const sum = testbed.sum(input);
  for (let number = 1; number <= 100; number++) await numbers.send(number);
  await numbers.close();
  console.log(`sum returned ${await sum}`);
  assert.equal(await sum, 5050n);

  const [output, items] = channel<number>();
  const done = testbed.generate(20, output);
  let count = 0;
  for await (const item of items) assert.equal(item, count++);
  await done;
  console.log(`generate sent ${count} items`);
  assert.equal(count, 20);

  session.shutdown();
  await session.closed;
}

/** A part of the service. A call of any other method is answered with UnknownMethod. */
const { echo, divide, sum, generate } = Testbed.methods;
const Part = service('Testbed', { echo, divide, sum, generate }, { codec: postcardPayload });

const handler = Part.handler({
  echo: (message) => message,
  divide: (dividend, divisor) => (divisor === 0n ? fail({ tag: 'DivisionByZero' }) : dividend / divisor),
  sum: async (numbers) => {
    let sum = 0n;
    for await (const number of numbers) sum += BigInt(number);
    return sum;
  },
  generate: async (count, output) => {
    for (let number = 0; number < count; number++) await output.send(number);
    await output.close();
  },
});

async function serveRust(): Promise<void> {
  const listener = await listenTcp({ port: 0 }, async (link) => {
    const session = await accept(link, { codec: postcard, peer: 'roam-rust-7' });
    session.root.serve(handler);
  });
  const seen: unknown[][] = [];
  const calls = rustClient(`127.0.0.1:${listener.port}`, 'echo:hi', 'sum:100', 'generate:3');
  for await (const [call, saw] of calls) {
    console.log(`Rust called ${call} and saw ${JSON.stringify(saw)}`);
    seen.push(saw);
  }
  assert.deepEqual(seen, [['Ok("hi")'], ['Ok(-4950)'], ['Ok(())', [0, 1, 2]]]);
  await listener.close();
}

const [, , address] = process.argv;
if (address !== undefined) {
  await callRust(address);
} else if (hasCargo()) {
  const server = await rustServer();
  await callRust(server.address).finally(() => server.stop());
  await serveRust();
} else {
  console.log('Without cargo (https://rustup.rs) there is no Rust program to call: give the address of one that runs.');
}
