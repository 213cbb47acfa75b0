import { afterEach, describe, expect, test } from '@jest/globals';
import { accept, type Connection, type DataMessage, type StartOptions } from '../../src/index.js';
import { listenWebSocket, type WebSocketListener } from '../../src/link/websocket-node.js';
import { endAll, run, serve, start } from './command.js';

let listener: WebSocketListener | undefined;
afterEach(async () => {
  await endAll();
  await listener?.close();
  listener = undefined;
});

/** Starts a server in this process. The test decides what it does with a connection. */
async function serverThat(
  setup: (connection: Connection) => void | Promise<void>,
  settings: { maxConcurrentRequests?: number } = {},
): Promise<string> {
  const options: StartOptions = {
    onConnection: () => ({ type: 'accept', settings, setup: (connection) => void setup(connection) }),
  };
  listener = await listenWebSocket({ port: 0, closeTimeout: 500 }, async (link) => {
    await accept(link, options);
  });
  return listener.url;
}

async function take(connection: Connection, count: number): Promise<DataMessage[]> {
  const messages: DataMessage[] = [];
  for await (const message of connection) if (messages.push(message) === count) break;
  return messages;
}

function answer(connection: Connection, { id, body }: DataMessage): Promise<void> {
  const ret = body.type === 'Call' ? body.args : new Uint8Array();
  return connection.sendResponse(id, { channels: [], metadata: [], ret });
}

describe('roam-actors connect', () => {
  test('prints what returns in the order of its lines, though it comes in another', async () => {
    const url = await serverThat(async (connection) => {
      const reader = connection[Symbol.asyncIterator]();
      const calls: DataMessage[] = [];
      while (calls.length < 3) calls.push((await reader.next()).value as DataMessage);
      for (const call of calls.reverse()) await answer(connection, call);
    });
    expect(await run(['connect', url], 'first\n\nzuletzt: ü')).toEqual({
      status: 0,
      stdout: 'first\n\nzuletzt: ü\n',
      stderr: '',
    });
  });

  test('has no more Calls in flight than the peer allows', async () => {
    let inFlight = 0;
    let most = 0;
    const url = await serverThat(
      async (connection) => {
        for await (const call of connection) {
          inFlight++;
          most = Math.max(most, inFlight);
          setTimeout(() => {
            inFlight--;
            void answer(connection, call);
          }, 2);
        }
      },
      { maxConcurrentRequests: 5 },
    );
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join('');
    expect(await run(['connect', url], lines)).toEqual({ status: 0, stdout: lines, stderr: '' });
    expect(most).toBe(5);
  });

  test('gives up on a peer that takes no requests', async () => {
    const url = await serverThat(() => {}, { maxConcurrentRequests: 0 });
    const stderr = 'roam-actors: the peer takes no requests on this connection\n';
    expect(await run(['connect', url], 'x')).toEqual({ status: 1, stdout: '', stderr });
  });

  test('says who closed the connection, and with which words, after printing what came before', async () => {
    const url = await serverThat(async (connection) => {
      const reader = connection[Symbol.asyncIterator]();
      await answer(connection, (await reader.next()).value as DataMessage);
      await connection.close({ metadata: [{ key: 'bye', value: 'now', flags: 0n }] });
    });
    const client = start(['connect', url]);
    client.child.stdin?.write('hello\n');
    expect(await client.ended).toEqual({
      status: 1,
      stdout: 'hello\n',
      stderr: 'roam-actors: the connection was closed by the peer {bye: "now"}\n',
    });
  });

  test('does not send a line that fits no frame', async () => {
    const url = await serverThat(async (connection) => {
      await take(connection, 1);
    });
    const { status, stderr } = await run(['connect', url], 'x'.repeat(2 ** 21));
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^roam-actors: cannot send line 1: .*frame.*\n$/)]);
  });

  test('says that there is no answer at the address', async () => {
    const url = await serverThat(() => {});
    await listener?.close();
    const { status, stderr } = await run(['connect', url]);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^roam-actors: cannot connect to .*: .*ECONNREFUSED.*\n$/),
    ]);
  });

  test('says that the handshake failed', async () => {
    listener = await listenWebSocket({ port: 0, closeTimeout: 500 }, (link) => {
      link.start({ message: () => link.close(), drained: () => {}, ended: () => {}, failed: () => {} });
    });
    const stderr = 'roam-actors: peer closed during handshake\n';
    expect(await run(['connect', listener.url])).toEqual({ status: 1, stdout: '', stderr });
  });

  test('says that the session ended before its open was answered', async () => {
    listener = await listenWebSocket({ port: 0, closeTimeout: 500 }, async (link) => {
      const session = await accept(link, { onConnection: () => new Promise(() => session.shutdown()) });
    });
    const stderr = 'roam-actors: the peer ended the session\n';
    expect(await run(['connect', listener.url])).toEqual({ status: 1, stdout: '', stderr });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('says at %s what it has sent, and what was answered', async (signal) => {
    const url = await serverThat(async (connection) => {
      const reader = connection[Symbol.asyncIterator]();
      const [{ value: first }] = [await reader.next(), await reader.next()];
      await answer(connection, first as DataMessage);
    });
    const client = start(['connect', url]);
    client.child.stdin?.write('one\ntwo\n');
    await client.printed(/one/);
    client.child.kill(signal);
    expect(await client.ended).toEqual({
      status: 1,
      stdout: 'one\n',
      stderr: 'roam-actors: interrupted: 2 lines were sent, 1 answered\n',
    });
  });

  test('notices by its keepalive that the peer has gone silent', async () => {
    const { server, url } = await serve();
    const client = start(['connect', url, '--keepalive', '50']);
    client.child.stdin?.write('hello\n');
    await client.printed(/hello/);
    server.child.kill('SIGSTOP');
    expect(await client.ended).toEqual({
      status: 1,
      stdout: 'hello\n',
      stderr: 'roam-actors: the session ended: the peer did not answer a Ping within 2000 ms\n',
    });
  });
});
