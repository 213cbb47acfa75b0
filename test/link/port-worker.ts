import { parentPort } from 'node:worker_threads';
import { accept, routes } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { parentLink } from '../../src/link/ports.js';
import { Echo } from './port-service.js';

// A worker with two links. By `relay` the first one sends back each message that comes.

const handler = Echo.handler({
  echo: (text) => text,
  size: async (pieces) => {
    let size = 0;
    for await (const piece of pieces) size += piece.length;
    return size;
  },
  never: () => new Promise(() => {}),
  exit: () => process.exit(3),
  fail: () => {
    setImmediate(() => {
      throw new Error('a worker that throws');
    });
  },
});

function relay(link: Link): void {
  const end = (): void => {};
  link.start({ message: (bytes) => link.send(bytes), drained: end, ended: end, failed: end });
}

async function serve(): Promise<void> {
  const link = await parentLink();
  if (isRelay) relay(link);
  else await accept(link, { onConnection: routes([handler]) });
}

let isRelay = false;
const onMessage = (message: unknown): void => {
  if (message === 'relay') isRelay = true;
  if (message === 'hello') parentPort?.postMessage('the worker heard hello');
  if (message === 'stop') parentPort?.off('message', onMessage);
};
parentPort?.on('message', onMessage);
void Promise.all([serve(), serve()]);
