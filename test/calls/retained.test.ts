import { expect, test } from '@jest/globals';
import { accept, type Caller, type Connection, initiate } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { settle } from '../support/settle.js';
import { bytes } from '../support/traffic.js';

// A handler at work holds its connection open. These tests have a session at either end.

/** Each side's handler waits for the end of the connection, and each side has called the other and released its caller. */
async function waitingForEachOther() {
  const [near, far] = memoryLinkPair();
  const accepted: Connection[] = [];
  const sessions = await Promise.all([
    initiate(near),
    accept(far, { onConnection: () => ({ type: 'accept', setup: (connection) => accepted.push(connection) }) }),
  ]);
  const opened = await sessions[0].open();
  await settle();
  const connections = [opened, ...accepted];
  const calls = connections.map((connection) => {
    connection.serve(async () => {
      await connection.closed;
      return bytes();
    });
    return connection.caller();
  });
  const outcomes = calls.map((caller: Caller) => {
    const call = caller.call(1n, bytes()).catch((error: Error) => error.name);
    caller.release();
    return call;
  });
  await settle();
  return { sessions, connections, outcomes };
}

// r[rpc.caller.liveness.refcounted]
test('two handlers that wait for each other’s end keep their connection, until one side closes it', async () => {
  const { sessions, connections, outcomes } = await waitingForEachOther();
  await settle();
  expect(connections.map(({ isConnected }) => isConnected)).toEqual([true, true]);
  await connections[0]?.close();
  await settle();
  expect(connections.map(({ isConnected }) => isConnected)).toEqual([false, false]);
  expect(await Promise.all(outcomes)).toEqual(['ConnectionClosed', 'ConnectionClosed']);
  for (const session of sessions) session.shutdown();
  await Promise.all(sessions.map(({ closed }) => closed));
});

test('two handlers that wait for each other’s end keep their session, until one side shuts it down', async () => {
  const { sessions, outcomes } = await waitingForEachOther();
  sessions[1].shutdown();
  expect((await sessions[0].closed).cause).toBe('peer');
  expect(await Promise.all(outcomes)).toEqual(['ConnectionClosed', 'ConnectionClosed']);
});
