import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { call } from '../../src/cli/call.js';
import { verdictOn } from '../../src/cli/failure.js';
import { serve as serveCommand } from '../../src/cli/serve.js';
import { endAll, run, start } from './command.js';

jest.setTimeout(120_000);

const MODULES = 'test/cli/modules';
const KINDS = `${MODULES}/kinds.ts`;
const POSTCARD = ['--codec', 'postcard'];

/** A server in a process of its own, on the wire of the official peers. */
async function served(...args: string[]): Promise<string> {
  const server = start(['serve', 'tcp://127.0.0.1:0', ...POSTCARD, ...args]);
  const [, url = ''] = await server.printed(/^listening on (\S+),/m);
  return url;
}

/** The output of a call, without what the module prints when it is loaded. */
async function called(url: string, args: readonly string[], input = '') {
  const { status, stdout, stderr } = await run(['call', url, ...args, ...POSTCARD], input);
  return { status, stdout: stdout.replace('loaded\nonce more\n', ''), stderr };
}

describe('a service of the user’s', () => {
  let url = '';
  beforeAll(async () => {
    url = await served('--service', `${KINDS}#handler`);
  });
  afterAll(endAll);

  test('is called on the root, with every kind of value', async () => {
    const value = {
      big: '18446744073709551615',
      small: -5,
      raw: '69b71d',
      shape: [{ tag: 'Circle', value: { radius: 1.5 } }, { tag: 'Scaled', value: [1, 2] }, { tag: 'Point' }],
      maybe: { some: null },
      names: { a: 1 },
      numbers: [[1, 'x']],
      ids: [1, 2],
      pair: [true, 'é'],
      size: 'NaN',
      result: { tag: 'Err', value: 'no' },
    };
    const ended = await called(url, ['echo', JSON.stringify(value), '--service', KINDS]);
    expect(ended).toEqual({ status: 0, stdout: `${JSON.stringify(value)}\n`, stderr: '' });
  });

  test('answers in each of the ways, with an exit status for each', async () => {
    const by = ['--service', `${KINDS}#Kinds`];
    const ended = await Promise.all([
      called(url, ['divide', '7', '2', ...by]),
      called(url, ['divide', '7', '0', ...by]),
      called(url, ['broken', ...by]),
      called(url, ['fail_hard', '--service', `${MODULES}/testbed.ts`]),
      called(url, ['total', '5', '--input', ...by], '1\n"2"\n'),
      called(url, ['total', '5', '--input', ...by], '1\n"x"\n'),
      called(url, ['divide', ' -7', '2', '--open', '--service', `${MODULES}/default.ts`]),
      called(url, ['divide', '7', '2', '--open=Other', ...by]),
    ]);
    expect(ended.map(({ status, stdout, stderr }) => [status, stdout, stderr])).toEqual([
      [0, '3\n', ''],
      [3, '', 'roam-actors: ApplicationError: the method answered with an error: {"tag":"DivisionByZero"}\n'],
      [6, '', 'roam-actors: Cancelled: the peer did not finish the call\n'],
      [4, '', 'roam-actors: UnknownMethod: the peer does not know the method Testbed.fail_hard\n'],
      [0, '8\n', ''],
      [1, '', expect.stringMatching(/^roam-actors: line 2 of stdin is no item: .*bigint.*\n$/)],
      [0, '-3\n', ''],
      [1, '', 'roam-actors: connection 1 for the service Other was rejected by the peer: unknown service\n'],
    ]);
  });
});

describe('the service of serve, on the wire of the official peers,', () => {
  afterEach(endAll);

  test('has the same methods, by types', async () => {
    const url = await served();
    const ended = await Promise.all([
      called(url, ['echo', '"hi"']),
      called(url, ['generate', '3', '--stream']),
      called(url, ['slow', '70000']),
      called(url, ['echo', '1']),
      called(url, ['echo', '"hi"', '--open']),
    ]);
    expect(ended.map(({ status, stdout, stderr }) => [status, stdout, stderr])).toEqual([
      [0, '"hi"\n', ''],
      [0, '1\n2\n3\n', ''],
      [3, '', expect.stringMatching(/^roam-actors: ApplicationError: .*from 0 to 60000/)],
      [2, '', expect.stringMatching(/^roam-actors: args\[0\] must be a string without lone surrogates, not 1/)],
      [0, '"hi"\n', ''],
    ]);
  });
});

describe('--service', () => {
  const verdict = async (command: typeof call, ...args: string[]) =>
    verdictOn(await command.run(args).catch((reason: unknown) => reason));
  const a = 'ws://127.0.0.1:1';

  // Without a process for each.
  test.each<[args: string[], line: string]>([
    [['x', '--service', 'none/here.js'], '--service: there is no file none/here.js'],
    [['x', '--service', 'here.mjs#x'], '--service: there is no file here.mjs'],
    [
      ['x', '--service', 'Other', ...POSTCARD],
      '--codec postcard goes by types: --service takes the module that has those of Other',
    ],
    [['x', ...POSTCARD], "Demo has no method 'x', but echo, sum, generate, slow"],
    [['toString', ...POSTCARD], "Demo has no method 'toString', but echo, sum, generate, slow"],
    [['echo', ...POSTCARD], 'echo takes 1 argument, not 0'],
    [['slow', '1', '2', ...POSTCARD], 'slow takes 1 argument, not 2'],
    [['sum', ...POSTCARD], 'sum takes a channel: it needs --input'],
    [['generate', '1', ...POSTCARD], 'generate takes a channel: it needs --stream'],
    [['echo', '"x"', '--stream', ...POSTCARD], '--stream: echo takes no such channel'],
  ])('finds fault with %j', async (args, line) => {
    expect(await verdict(call, a, ...args)).toEqual({ status: 2, line });
  });

  test('refuses a CommonJS module whose copy of the library is not the one that runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roam-common-'));
    const library = join(folder, 'node_modules', 'roam-actors');
    mkdirSync(library, { recursive: true });
    writeFileSync(join(library, 'package.json'), '{ "name": "roam-actors", "exports": "./index.js" }');
    writeFileSync(join(library, 'index.js'), 'exports.InvalidArgument = class InvalidArgument extends Error {};');
    const file = join(folder, 'common.cjs');
    writeFileSync(file, 'exports.Common = { name: "Common", methods: {}, client() {} };');
    try {
      const ended = await run(['call', a, 'echo', '--service', file, ...POSTCARD]);
      expect([ended.status, ended.stderr]).toEqual([2, expect.stringContaining(`${file} `)]);
      expect(ended.stderr).toContain('is CommonJS, and gets a copy of roam-actors of its own: name it .mts');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  // In processes of their own: they load modules.
  test.each<[file: string, status: number, line: string]>([
    [`${MODULES}/kinds.ts#Other`, 2, `--service: ${KINDS} has no export 'Other', but Kinds, handler`],
    [`${MODULES}/kinds.ts#handler`, 2, `--service: the export 'handler' of ${KINDS} is no service`],
    [
      `${MODULES}/others.ts`,
      2,
      `--service: ${MODULES}/others.ts exports Kinds, Testbed: say which, as ${MODULES}/others.ts#Kinds`,
    ],
    [`${MODULES}/others.ts#nothing`, 2, `--service: the export 'nothing' of ${MODULES}/others.ts is no service`],
    [`${MODULES}/failing.ts`, 1, `--service: ${MODULES}/failing.ts can't be loaded: the module fails in two lines`],
  ])('says what is wrong with %s', async (file, status, line) => {
    const ended = await run(['call', a, 'echo', '--service', file, ...POSTCARD]);
    const advice = status === 2 ? ' (see roam-actors call --help)' : '';
    expect([ended.status, ended.stderr]).toEqual([status, `roam-actors: ${line}${advice}\n`]);
  });

  afterEach(endAll);

  test('of serve takes a handler', async () => {
    const server = start(['serve', '--port', '0', '--service', KINDS]);
    await server.printed(/^listening on /m);
    const wrong = await run(['serve', '--port', '0', '--service', `${KINDS}#Kinds`]);
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      `roam-actors: --service: the export 'Kinds' of ${KINDS} is no handler, as the handler() of a service gives ` +
        '(see roam-actors serve --help)\n',
    ]);
    expect(await verdict(serveCommand, '--port', '0', '--service', 'none.js')).toEqual({
      status: 2,
      line: '--service: there is no file none.js',
    });
  });
});
