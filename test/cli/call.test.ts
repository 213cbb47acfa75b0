import { afterEach, describe, expect, test } from '@jest/globals';
import { call } from '../../src/cli/call.js';
import { verdictOn } from '../../src/cli/failure.js';
import { demoHandler } from '../../src/cli/service.js';
import {
  accept,
  channel,
  fail,
  type HandlerMiddleware,
  type Metadata,
  method,
  type Rx,
  routes,
  type ServiceHandler,
  service,
  type Tx,
  withContext,
} from '../../src/index.js';
import { listenWebSocket, type WebSocketListener } from '../../src/link/websocket-node.js';
import { endAll, run, serve, start } from './command.js';

const open: Tx<number>[] = [];

let listener: WebSocketListener | undefined;
afterEach(async () => {
  await endAll();
  await listener?.close();
  listener = undefined;
});

/** A server in this process. */
async function serverOf(...handlers: ServiceHandler[]): Promise<string> {
  listener = await listenWebSocket({ port: 0, closeTimeout: 500 }, async (link) => {
    await accept(link, { onConnection: routes(handlers), onReport: () => {} });
  });
  return listener.url;
}

/** Returns the command's verdict on a call that fails, without starting a process. */
async function verdictOnCall(...args: string[]): Promise<{ line: string; status: number }> {
  const error: unknown = await call.run(args).catch((reason: unknown) => reason);
  return verdictOn(error);
}

const Odd = service('Odd', {
  transform: method<[Rx<string>, Tx<string>], number>(),
  open: method<[], Rx<unknown>>(),
  endless: method<[], Rx<number>>(),
  terse: method<[], void>(),
  rude: method<[], string, unknown>(),
  slow: method<[], void>(),
  never: method<[Tx<number>], void>(),
});

function oddHandler(interceptors: HandlerMiddleware[] = [], aborted: (reason: unknown) => void = () => {}) {
  return Odd.handler(
    {
      transform: async (from, to) => {
        let count = 0;
        for await (const item of from) {
          count++;
          await to.send(item.toUpperCase());
        }
        await to.close();
        return count;
      },
      open: () => {
        const [tx, rx] = channel<unknown>();
        void tx.send([1n, 2n ** 64n - 1n, Uint8Array.of(255)]);
        void tx.send(undefined);
        void tx.close();
        return rx;
      },
      endless: () => {
        const [tx, rx] = channel<number>();
        tx.send(1).catch(() => {});
        // The channel stays open: `open` keeps the sender from garbage collection.
        open.push(tx);
        return rx;
      },
      terse: () => {},
      rude: () => fail({ why: '\u009b2J', code: 7 }),
      slow: withContext(({ signal }) => waitFor(signal, aborted)),
      never: withContext(async ({ signal }, items) => {
        await items.send(1);
        await waitFor(signal, aborted);
      }),
    },
    { interceptors },
  );
}

function waitFor(signal: AbortSignal, aborted: (reason: unknown) => void): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      aborted(signal.reason);
      reject(signal.reason as Error);
    });
  });
}

describe('roam-actors call', () => {
  test('prints what roam-actors serve returns, and the server tells of it', async () => {
    const { server, url } = await serve();
    expect(await run(['call', url, 'echo', '{"a":[1,"\u009b",null],"timeout":1}'])).toEqual({
      status: 0,
      stdout: '{"a":[1,"\\u009b",null],"timeout":1}\n',
      stderr: '',
    });
    await server.printed(/session 1: connection 1 opened \{service: "Demo"\}\n/);
    await server.printed(/session 1: connection 1 closed by the peer after 1 call\n/);
  });

  test('prints the items of a channel as they come, each in a line', async () => {
    const { url } = await serve();
    const stdout = Array.from({ length: 40 }, (_, index) => `${index + 1}\n`).join('');
    expect(await run(['call', url, 'generate', '40', '--stream'])).toEqual({ status: 0, stdout, stderr: '' });
  });

  test('sends the lines of stdin on a channel, past the initial credit', async () => {
    const { url } = await serve();
    const input = Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join('');
    expect(await run(['call', url, 'sum', '--input'], input)).toEqual({ status: 0, stdout: '5050\n', stderr: '' });
  });

  test('passes a channel for what it reads before one for what it prints, and prints the result last', async () => {
    const url = await serverOf(oddHandler());
    const args = ['call', url, 'transform', '--service', 'Odd', '--input', '--stream'];
    expect(await run(args, '"a"\n"b"')).toEqual({ status: 0, stdout: '"A"\n"B"\n2\n', stderr: '' });
  });

  test('prints the items of a channel that is returned, and what JSON has no words for', async () => {
    const url = await serverOf(oddHandler());
    expect(await run(['call', url, 'open', '--service', 'Odd'])).toEqual({
      status: 0,
      stdout: '[1,"18446744073709551615","ff"]\nnull\n',
      stderr: '',
    });
  });

  test('takes the answer of a method that has heard enough, though stdin goes on', async () => {
    const { url } = await serve();
    const client = start(['call', url, 'sum', '--input']);
    client.child.stdin?.write('"no number"\n');
    expect(await client.ended).toEqual({
      status: 3,
      stdout: '',
      stderr: 'roam-actors: ApplicationError: the method answered with an error: "sum adds numbers only"\n',
    });
  });

  test('cancels the call, and says which line it was, when stdin is no JSON', async () => {
    let cancelled = (_: unknown): void => {};
    const reason = new Promise((resolve) => {
      cancelled = resolve;
    });
    const url = await serverOf(oddHandler([], cancelled));
    expect(await run(['call', url, 'slow', '--service', 'Odd', '--input'], '1\nx\n')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'roam-actors: line 2 of stdin is not JSON\n',
    });
    expect(await reason).toMatchObject({ code: 'cancelled', by: 'peer' });
  });

  test('cancels the call at SIGINT, after what was printed', async () => {
    let cancelled = (_: unknown): void => {};
    const reason = new Promise((resolve) => {
      cancelled = resolve;
    });
    const url = await serverOf(oddHandler([], cancelled));
    const client = start(['call', url, 'never', '--service', 'Odd', '--stream']);
    await client.printed(/^1\n/);
    client.child.kill('SIGINT');
    expect(await client.ended).toEqual({ status: 1, stdout: '1\n', stderr: 'roam-actors: interrupted\n' });
    expect(await reason).toMatchObject({ code: 'cancelled', by: 'peer' });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'ends within 2 s at %s, though the server does not end the session',
    async (signal) => {
      const { server, url } = await serve();
      const client = start(['call', url, 'generate', '100000', '--stream']);
      await client.printed(/^1\n/);
      server.child.kill('SIGSTOP');
      const began = performance.now();
      client.child.kill(signal);
      expect(await client.ended).toMatchObject({ status: 1, stderr: 'roam-actors: interrupted\n' });
      expect(performance.now() - began).toBeLessThan(6_000);
    },
  );

  test('gives up what is streamed when its time has passed, though the method has returned', async () => {
    const url = await serverOf(oddHandler());
    expect(await run(['call', url, 'endless', '--service', 'Odd', '--timeout', '300'])).toEqual({
      status: 1,
      stdout: '1\n',
      stderr: 'roam-actors: the items had not all come within 300 ms\n',
    });
  });

  test('takes no more items than are read', async () => {
    const { server, url } = await serve();
    const client = start(['call', url, 'generate', '100000', '--stream']);
    await client.printed(/^1\n2\n/);
    client.child.stdout?.destroy();
    expect(await client.ended).toMatchObject({ status: 128 + 13, stderr: '' });
    await server.printed(/session 1: ended/);
    expect(server.stderr).toBe('');
  });

  test('tells the server its metadata and its deadline', async () => {
    const seen: Metadata[] = [];
    const watch: HandlerMiddleware = (incoming, next) => {
      seen.push(incoming.metadata);
      return next(incoming);
    };
    const url = await serverOf(oddHandler([watch]));
    expect(await verdictOnCall(url, 'rude', '--service', 'Odd', '--metadata', 'a=b', '--timeout', '5000')).toEqual({
      status: 3,
      line: 'ApplicationError: the method answered with an error: {"why":"\\u009b2J","code":7}',
    });
    expect(seen).toEqual([
      [
        { key: 'a', value: 'b', flags: 0n },
        { key: 'request-deadline', value: expect.any(BigInt), flags: 0n },
      ],
    ]);
  });

  test.each<[args: string[], status: number, line: string]>([
    [['nothing'], 4, 'UnknownMethod: the peer does not know the method Demo.nothing'],
    [['echo'], 5, 'InvalidPayload: the peer could not make sense of the arguments'],
    [['generate', '5'], 5, 'InvalidPayload: the peer could not make sense of the arguments'],
    [
      ['generate', '--stream', '--', '-5'],
      3,
      'ApplicationError: the method answered with an error: "count must be a whole number from 0 to 100000, not -5"',
    ],
    [['slow', '60000', '--timeout', '20'], 1, 'the call was not answered within 20 ms'],
    [
      ['echo', '1', '--service', 'Other'],
      1,
      'connection 1 for the service Other was rejected by the peer: unknown service',
    ],
  ])('says in one line why there is no result of %j', async (args, status, line) => {
    const url = await serverOf(demoHandler());
    expect(await verdictOnCall(url, ...args)).toEqual({ status, line });
  });

  test.each<[args: string[], line: string]>([
    [[], 'call needs an address, such as ws://127.0.0.1:9000'],
    [['ws://a'], 'call needs the name of a method'],
    [['ws://a', 'echo', 'hello'], "an argument is JSON, such as '\"text\"', not 'hello'"],
    [['ws://a', 'echo', '1', '--timeout', '0'], "--timeout takes a whole number from 1 to 2147483647, not '0'"],
    [['ws://a', 'echo', '1', '--metadata', 'a'], "--metadata takes key=value, not 'a'"],
    [['ws://a', 'echo', '1', '--service', ''], 'a service needs a name'],
    [['ws://a', 'then'], "a method can't be named then"],
  ])('finds fault with %j', async (args, line) => {
    expect(await verdictOnCall(...args)).toEqual({ status: 2, line });
  });
});
