import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { call } from '../../src/cli/call.js';
import { conform } from '../../src/cli/conform.js';
import { connect } from '../../src/cli/connect.js';
import { demo } from '../../src/cli/demo/stage.js';
import { diagram } from '../../src/cli/diagram.js';
import { generate } from '../../src/cli/generate/command.js';
import { inspect } from '../../src/cli/inspect/command.js';
import { serve } from '../../src/cli/serve.js';
import { endAll, serve as serveHere } from './command.js';

jest.setTimeout(240_000);

const COMMANDS = { serve, call, connect, conform, demo, diagram, generate, inspect };
const DOCUMENT = readFileSync('docs/command.md', 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'roam-actors-document-'));
afterEach(endAll);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The commands of a section's example, each with what it prints. */
function examplesOf(section: string): [command: string, output: string][] {
  const [, text = ''] = new RegExp(`^## ${section}\n\n\`\`\`console\n(.*?)^\`\`\``, 'ms').exec(DOCUMENT) ?? [];
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((each) => [each.slice(0, each.indexOf('\n')), each.slice(each.indexOf('\n') + 1)]);
}

// A `roam-actors` that runs from the sources. The file is written only once, since a running program cannot be written to.
const root = resolve('.');
const shim = join(folder, 'roam-actors');
writeFileSync(shim, `#!/bin/sh\ncd '${root}' && exec '${process.execPath}' --import tsx src/cli/main.ts "$@"\n`);
chmodSync(shim, 0o755);

/** Runs a command of the document in the folder of the sources. */
async function outputOf(command: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1', PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
  const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  await new Promise((done) => child.once('close', done));
  return text;
}

describe('docs/command.md', () => {
  test.each(Object.entries(COMMANDS))('has the help of %s as it is', (name, { help, summary }) => {
    expect(DOCUMENT).toContain(`\`\`\`text\n${help}\n\`\`\``);
    const [, told] = new RegExp(`^\\| \`${name}\` +\\| (.*?) +\\|$`, 'm').exec(DOCUMENT) ?? [];
    expect(told).toBe(summary);
  });

  test('has examples that print what it says', async () => {
    const { url } = await serveHere();
    expect(examplesOf('serve')).toEqual([
      ['roam-actors serve --port 9000', 'listening on ws://127.0.0.1:9000, until SIGINT or SIGTERM\n'],
    ]);
    const examples = ['call', 'connect', 'conform', 'diagram', 'generate'].flatMap(examplesOf);
    expect(examples.length).toBe(8);
    const runs = examples.map(async ([command, output]) => {
      const here = command
        .replaceAll('ws://127.0.0.1:9000', url)
        .replaceAll('testbed.ts', 'test/cli/modules/testbed.ts');
      return [command, await outputOf(here), output];
    });
    for (const [command, printed, output] of await Promise.all(runs)) {
      expect([command, printed]).toEqual([command, output]);
    }
  });

  test('has a module that has a service and its handler', async () => {
    const [, module = ''] = /^```ts\n(.*?)^```/ms.exec(DOCUMENT) ?? [];
    const file = join('test/cli/modules', `document-${process.pid}.ts`);
    const sources = {
      'roam-actors/postcard': '../../../src/payload/postcard/index.js',
      'roam-actors': '../../../src/index.js',
    };
    let text = module;
    for (const [name, path] of Object.entries(sources)) text = text.replaceAll(`'${name}'`, `'${path}'`);
    writeFileSync(join(folder, 'module.ts'), text);
    try {
      copyFileSync(join(folder, 'module.ts'), file);
      const settings = `--codec postcard --service ${file}`;
      const server = `roam-actors serve stdio: ${settings}#handler`;
      expect(await outputOf(`roam-actors call stdio: divide 7 2 ${settings} -- ${server}`)).toBe('3\n');
    } finally {
      rmSync(file, { force: true });
    }
  });
});
