import { expect, jest, test } from '@jest/globals';
import { createMachine } from 'xstate';
import { InvalidArgument } from '../../src/base/errors.js';

const missing = new Error("Cannot find package '@viz-js/viz'");

test('a drawing without Graphviz says how to get it, with the reason as its cause', async () => {
  jest.unstable_mockModule('@viz-js/viz', () => {
    throw missing;
  });
  const { loadSvg, svg } = await import('../../src/diagram/index.js');
  const light = createMachine({ id: 'light', initial: 'red', states: { red: { on: { GO: 'green' } }, green: {} } });

  for (const drawing of [svg(light), loadSvg()]) {
    const error: unknown = await drawing.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidArgument);
    expect(error).toMatchObject({ message: expect.stringContaining('npm install @viz-js/viz'), cause: missing });
  }
});
