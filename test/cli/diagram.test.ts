import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { keepaliveMachine, sessionMachine } from '../../machines/index.js';
import { diagram } from '../../src/cli/diagram.js';
import { verdictOn } from '../../src/cli/failure.js';
import { definitionOf, mermaid, svg } from '../../src/diagram/index.js';
import { run } from './command.js';

let folder = '';
/** The URL of XState for a user's modules: they cannot resolve it from a temporary folder. */
const xstate = pathToFileURL(createRequire(import.meta.url).resolve('xstate')).href;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roam-actors-diagram-'));
  const head = `import xstate from ${JSON.stringify(xstate)};\nconst { createMachine } = xstate;\n`;
  const light = `createMachine({ id: 'light', initial: 'red', states: { red: { on: { GO: 'green' } }, green: {} } })`;
  writeFileSync(join(folder, 'one.mjs'), `${head}export const light = ${light};\nexport const other = 1;\n`);
  writeFileSync(join(folder, 'two.mjs'), `${head}export const light = ${light};\nexport default light;\n`);
  writeFileSync(join(folder, 'none.mjs'), 'export const machine = { config: {} };\n');
});

afterAll(() => rm(folder, { recursive: true }));

/** Returns the output of the command, without starting a process. */
async function printed(...args: string[]): Promise<string> {
  let text = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await diagram.run(args);
  } finally {
    write.mockRestore();
  }
  return text;
}

describe('roam-actors diagram', () => {
  test('prints the session as Mermaid unless it is told otherwise', async () => {
    expect(await run(['diagram'])).toEqual({ status: 0, stdout: mermaid(sessionMachine), stderr: '' });
  });

  test('prints a machine as SVG, which is the one in diagrams/', async () => {
    expect(await printed('keepalive', '--format', 'svg')).toBe(await svg(keepaliveMachine));
  });

  test('prints a machine of a user by its file and name, as JSON', async () => {
    const definition = JSON.parse(await printed('--machine', `${join(folder, 'two.mjs')}#light`, '--format', 'json'));
    expect(definition).toEqual({
      id: 'light',
      initial: 'red',
      states: { red: { on: { GO: [{ target: 'green' }] } }, green: {} },
    });
    expect(definitionOf(definition)).toEqual(definition);
  });

  test('needs no name where a file exports one machine', async () => {
    expect(await printed('--machine', join(folder, 'one.mjs'))).toContain('red --> green : GO');
  });

  test.each<[args: string[], status: number, line: string | RegExp]>([
    [['toaster'], 2, /^there is no machine 'toaster', but .*session/],
    [['session', 'keepalive'], 2, 'diagram draws one machine, not 2'],
    [['--format', 'png'], 2, "--format takes 'mermaid', 'svg' or 'json', not 'png'"],
    [['session', '--machine', 'x.js'], 2, 'a machine has a name or a place, not both'],
    [['--machine', '#x'], 2, "--machine takes FILE#NAME, not '#x'"],
    [['--machine', 'there/is/none.js'], 1, /^cannot import there\/is\/none\.js: /],
  ])('finds fault with %j', async (args, status, line) => {
    const error: unknown = await diagram.run(args).catch((reason: unknown) => reason);
    const verdict = verdictOn(error);
    expect(verdict).toEqual({ status, line: typeof line === 'string' ? line : expect.stringMatching(line) });
  });

  test.each([
    ['none.mjs', 'exports no XState 5 machine'],
    ['two.mjs', 'exports default, light: say which'],
    ['one.mjs#other', "exports no machine 'other', but light"],
  ])('says what %s exports instead', async (name, line) => {
    const error: unknown = await diagram.run(['--machine', join(folder, name)]).catch((reason: unknown) => reason);
    expect(verdictOn(error)).toEqual({ status: 1, line: `${join(folder, name.replace(/#.*/, ''))} ${line}` });
  });
});
