import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { parseAddress, targetOf } from '../../src/cli/address.js';
import { connect } from '../../src/cli/connect.js';
import { verdictOn } from '../../src/cli/failure.js';
import { serve } from '../../src/cli/serve.js';
import { endAll, run, start } from './command.js';

jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), 'roam-actors-address-'));
afterEach(endAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

const SCHEMES = 'ws://HOST:PORT, wss://HOST:PORT, tcp://HOST:PORT, unix:PATH, pipe:NAME or stdio:';

describe('an address', () => {
  test.each([
    ['ws://a:1/path?q', { scheme: 'ws', url: 'ws://a:1/path?q' }],
    ['tcp://127.0.0.1:9', { scheme: 'stream', where: { host: '127.0.0.1', port: 9 }, url: 'tcp://127.0.0.1:9' }],
    ['TCP://[::1]:9/', { scheme: 'stream', where: { host: '::1', port: 9 }, url: 'tcp://[::1]:9' }],
    ['unix:a/b', { scheme: 'stream', where: { path: 'a/b' }, url: 'unix:a/b' }],
    ['unix:///a/b', { scheme: 'stream', where: { path: '/a/b' }, url: 'unix:/a/b' }],
    [`unix:${'é'.repeat(50)}`, { scheme: 'stream', where: { path: 'é'.repeat(50) }, url: `unix:${'é'.repeat(50)}` }],
    ['stdio:', { scheme: 'stdio' }],
  ])('is read from %j', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test.each([
    ['127.0.0.1:9000', "'127.0.0.1:9000' has no scheme: did you mean ws://127.0.0.1:9000?"],
    ['[::1]:9000', "'[::1]:9000' has no scheme: did you mean ws://[::1]:9000?"],
    ['localhost:80', "'localhost:80' has no scheme: did you mean ws://localhost:80?"],
    ['9000', "'9000' has no scheme: did you mean ws://127.0.0.1:9000?"],
    ['localhost', "'localhost' has no scheme: did you mean ws://localhost:PORT?"],
    ['./a.sock', "'./a.sock' has no scheme: did you mean unix:./a.sock?"],
    ['', `this is no address, such as ${SCHEMES}`],
    ['me:secret@host', `no scheme 'me:', but ${SCHEMES}`],
    ['http://a', `no scheme 'http:', but ${SCHEMES}`],
    ['tcp:', 'tcp://HOST:PORT needs a host'],
    ['tcp://a', 'tcp://HOST:PORT needs a port'],
    ['tcp://a:70000', 'this is not tcp://HOST:PORT'],
    ['tcp://a:1/b', 'tcp://HOST:PORT has no user, path, query or fragment'],
    ['unix:', 'unix:PATH needs a path'],
    ['unix://host/a', 'unix://host/a has a host: a path is unix:PATH, or unix:///PATH'],
    ['unix:a\0b', 'the path of unix:PATH has a zero byte'],
    ['stdio:x', "stdio: has nothing behind it, not 'stdio:x'"],
    ['pipe:x', 'pipe: is a named pipe of Windows; here it is unix:PATH'],
  ])('is not %j', (text, line) => {
    let error: unknown;
    try {
      parseAddress(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(verdictOn(error)).toEqual({ status: 2, line });
  });

  test('has a path that fits a Unix socket', () => {
    const most = process.platform === 'linux' ? 107 : 103;
    expect(parseAddress(`unix:${'a'.repeat(most)}`)).toMatchObject({ where: { path: 'a'.repeat(most) } });
    expect(() => parseAddress(`unix:${'é'.repeat(most)}`)).toThrow(
      `the path of a Unix socket has at most ${most} bytes here, not ${2 * most}`,
    );
  });

  test('of stdio: needs a command', () => {
    expect(targetOf('stdio:', ['cat'])).toEqual({ address: { scheme: 'stdio' }, command: ['cat'] });
    expect(() => targetOf('stdio:', [])).toThrow('stdio: needs the command to run');
  });

  test('that is a file, a directory or nothing at all is told apart', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const lines = await Promise.all(
      [file, folder, join(folder, 'none')].map(async (path) => {
        const error: unknown = await connect.run([`unix:${path}`]).catch((reason: unknown) => reason);
        return verdictOn(error).line.replaceAll(folder, 'FOLDER');
      }),
    );
    expect(lines).toEqual([
      'cannot connect to unix:FOLDER/file: connect ECONNREFUSED FOLDER/file (FOLDER/file is a file, not a socket)',
      'cannot connect to unix:FOLDER: connect ECONNREFUSED FOLDER (FOLDER is a directory, not a socket)',
      'cannot connect to unix:FOLDER/none: connect ENOENT FOLDER/none',
    ]);
  });

  test('to listen on that is in use says by what', async () => {
    const file = join(folder, 'used');
    writeFileSync(file, '');
    const socket = join(folder, 'socket');
    const squatter = createServer().listen(socket);
    await new Promise((resolve) => squatter.once('listening', resolve));
    const lines = await Promise.all(
      [file, socket].map(async (path) => {
        const error: unknown = await serve.run([`unix:${path}`]).catch((reason: unknown) => reason);
        return verdictOn(error).line.replaceAll(folder, 'FOLDER');
      }),
    );
    await new Promise((resolve) => squatter.close(resolve));
    expect(lines).toEqual([
      'cannot listen on unix:FOLDER/used: the path is in use (FOLDER/used is a file, not a socket)',
      'cannot listen on unix:FOLDER/socket: the path is in use: remove it, unless a server is behind it',
    ]);
  });
});

describe.each(['msgpack', 'postcard'])('over a stream, in %s,', (codec) => {
  test.each([
    ['TCP', 'tcp://127.0.0.1:0'],
    ['a Unix socket', `unix:${join(folder, codec)}`],
  ])('serve, call, connect and conform speak over %s', async (_, where) => {
    const server = start(['serve', where, '--codec', codec]);
    const [, url = ''] = await server.printed(/^listening on (\S+),/m);
    const with_ = ['--codec', codec];
    const [echoed, summed, lines, judged] = await Promise.all([
      run(['call', url, 'echo', '"hi"', ...with_]),
      run(['call', url, 'sum', '--input', ...with_], '1\n2\n'),
      run(['connect', url, ...with_], 'one\ntwo\n'),
      run(['conform', url, '--filter', 'Ping', ...with_]),
    ]);
    expect(echoed).toEqual({ status: 0, stdout: '"hi"\n', stderr: '' });
    expect(summed).toEqual({ status: 0, stdout: '3\n', stderr: '' });
    expect(lines).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
    expect([judged.status, judged.stderr]).toEqual([0, '']);
    expect(judged.stdout).toMatch(/^\d+ cases: [1-9]\d* pass, \d+ non-strict, 0 fail,/m);
    server.child.kill('SIGTERM');
    expect((await server.ended).status).toBe(0);
  });
});
