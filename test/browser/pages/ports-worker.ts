import { accept, routes } from '../../../src/index.js';
import { parentLink } from '../../../src/link/ports.js';
import { Echo } from '../../link/port-service.js';

const linking = parentLink();
addEventListener('message', ({ data }) => {
  if (data === 'hello') postMessage('the worker heard hello');
});
await accept(await linking, {
  onConnection: routes([
    Echo.handler({
      echo: (text) => text,
      size: async (pieces) => {
        let size = 0;
        for await (const piece of pieces) size += piece.length;
        return size;
      },
      never: () => new Promise(() => {}),
      exit: () => close(),
      fail: () => {},
    }),
  ]),
});
