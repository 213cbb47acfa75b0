import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createActor, createMachine } from 'xstate';
import type { InspectionRecord } from '../../src/inspect/record.js';
import { Watcher } from '../../src/inspect/watcher.js';
import { endAll, startProgram } from '../cli/command.js';

afterEach(endAll);

async function withServer(onConnection: Parameters<typeof createServer>[1], use: (port: number) => Promise<void>) {
  const server: Server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  if (onConnection === undefined) server.close();
  try {
    await use(port);
  } finally {
    server.close();
  }
}

describe('a process with an inspector', () => {
  test.each([
    ['there is no listener', undefined],
    ['a listener never answers', () => {}],
  ] as const)('ends by itself, and says nothing, where %s', async (_, onConnection) => {
    await withServer(onConnection, async (port) => {
      const program = startProgram('test/inspect/unheard.ts', `http://127.0.0.1:${port}/?token=t`);
      expect(await program.ended).toEqual({ status: 0, stdout: 'closed\n', stderr: '' });
    });
  });
});

describe('a watcher without a listener', () => {
  const machine = createMachine({ initial: 'on', states: { on: { on: { end: 'off' } }, off: { type: 'final' } } });

  test('makes nothing of anything, and knows who lives', () => {
    const told: InspectionRecord[] = [];
    let asked = 0;
    const filter = () => {
      asked++;
      return true;
    };
    const watcher = new Watcher(
      { messages: 'all', filter, now: () => 1 },
      (record) => told.push(record),
      () => {},
    );
    const inspect = (event: Parameters<Watcher['next']>[0]) => watcher.next(event);
    const [one, other] = [createActor(machine, { inspect }).start(), createActor(machine, { inspect }).start()];
    one.send({ type: 'end' });
    expect([told, asked]).toEqual([[], 0]);
    watcher.listen(true);
    watcher.tellAll();
    expect(told.map((record) => (record.kind === 'actor' ? record.actor : record.kind))).toEqual([
      'definition',
      `0/${other.sessionId}`,
    ]);
    other.stop();
  });
});
