/**
 * A new version of a server takes over while a client calls. The client logs in anew, no call fails, and none runs twice.
 *
 *     npx tsx examples/restart.ts
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthRequest, createServer, method, refuse, type Server, service, withContext } from 'roam-actors';
import { connect } from 'roam-actors/client';
import { listenWebSocket } from 'roam-actors/websocket';

// Not idempotent: a call that may have run is never made again.
const Ledger = service('Ledger', { book: method<[entry: number], string>() });

/** The log of all versions. */
const booked: number[] = [];

/** Gives the name of a user, who is the principal in handlers. */
function userOf({ metadata }: AuthRequest): string {
  const token = metadata.find(({ key }) => key === 'token')?.value;
  return typeof token === 'object' && 'reveal' in token && token.reveal() === 'a-token'
    ? 'Ada'
    : refuse('unauthenticated', 'please log in');
}

async function start(version: number, port: number): Promise<{ server: Server<string>; port: number }> {
  const server = createServer({
    authenticate: userOf,
    services: [
      Ledger.handler<string>({
        book: withContext(async ({ principal }, entry) => {
          booked.push(entry);
          await sleep(20);
          return `version ${version} booked ${entry} for ${principal}`;
        }),
      }),
    ],
  });
  const listener = await server.listen((onLink) => listenWebSocket({ port }, onLink));
  return { server, port: listener.port };
}

let { server, port } = await start(1, 0);
const client = connect(`ws://127.0.0.1:${port}`, { credentials: () => ({ token: 'a-token' }) });
const ledger = client.use(Ledger);

let isOver = false;
let last = 0;
const answers: string[] = [];
const callers = Array.from({ length: 8 }, async () => {
  while (!isOver) answers.push(await ledger.book(last++));
});

/** Resolves when this version has answered some calls. */
async function answersOf(version: number): Promise<void> {
  while (answers.filter((answer) => answer.startsWith(`version ${version} booked`)).length < 20) await sleep(10);
}

await answersOf(1);
for (const version of [2, 3]) {
  // The port is free at once. Calls at work are answered meanwhile, and the client goes to the successor.
  const drained = server.drain({ spread: 0 });
  await sleep(10);
  ({ server } = await start(version, port));
  const { answered, refused, cancelled } = await drained;
  assert.equal(cancelled, 0);
  console.log(`version ${version - 1} answered ${answered} calls that were at work, and refused ${refused}`);
  await answersOf(version);
}
isOver = true;
await Promise.all(callers);
await client.close();
await server.close();

assert.equal(new Set(booked).size, booked.length);
assert.equal(answers.length, booked.length);
console.log('each entry was booked once, and each call was answered');
