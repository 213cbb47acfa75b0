import { describe, expect, test } from '@jest/globals';
import { connect } from '../../src/cli/connect.js';
import { demo } from '../../src/cli/demo/stage.js';
import { verdictOn } from '../../src/cli/failure.js';
import { serve } from '../../src/cli/serve.js';
import { run } from './command.js';

const COMMANDS = { connect, demo, serve };

describe('the command line', () => {
  test.each<[args: string[], message: string]>([
    [
      [],
      'a command is needed: demo, serve, call, connect, conform, diagram, generate, inspect (see roam-actors --help)',
    ],
    [['toString'], "unknown command 'toString' (see roam-actors --help)"],
    [['--verbose'], "unknown option '--verbose' (see roam-actors --help)"],
    [['serve', '--prot', '1'], "unknown option '--prot' (see roam-actors serve --help)"],
    [
      ['connect', '127.0.0.1:9000'],
      "'127.0.0.1:9000' has no scheme: did you mean ws://127.0.0.1:9000? (see roam-actors connect --help)",
    ],
    [['demo', '--as', 'acceptor'], '--as is for the processes that the demo starts (see roam-actors demo --help)'],
  ])('says in one line what is wrong with %j, and exits with status 2', async (args, message) => {
    expect(await run(args)).toEqual({ status: 2, stdout: '', stderr: `roam-actors: ${message}\n` });
  });

  // Without a process for each: that takes half a second.
  test.each<[command: keyof typeof COMMANDS, args: string[], line: string]>([
    ['serve', [], 'serve needs an address, such as ws://127.0.0.1:9000, or --port'],
    ['serve', ['--port'], "option '--port <value>' argument missing"],
    ['serve', ['--port', '-1'], "option '--port' argument is ambiguous"],
    ['serve', ['--port', 'http'], "--port takes a whole number from 0 to 65535, not 'http'"],
    ['serve', ['--port', '65536'], "--port takes a whole number from 0 to 65535, not '65536'"],
    ['serve', ['--port', '0', '--host', ''], '--host must be an address or a name'],
    ['serve', ['--port', '0', 'ws://a'], 'serve takes an address, or --port and --host, not both'],
    ['serve', ['ws://a', 'ws://b'], 'serve takes one address, not 2'],
    ['serve', ['wss://a:1'], 'a server of TLS is a proxy before this one: listen on ws://HOST:PORT'],
    ['serve', ['ws://a:1/path'], 'ws://HOST:PORT to listen on has no user, path, query or fragment'],
    ['serve', ['tcp://a:1', '--allow-host', 'b'], '--allow-origin and --allow-host are for WebSockets: ws://HOST:PORT'],
    ['serve', ['--port', '0', '--codec', 'json'], "--codec takes 'msgpack' or 'postcard', not 'json'"],
    [
      'serve',
      ['--port', '0', '--peer', 'java'],
      "--peer takes one of roam-rust-7, roam-typescript-7, roam-swift-7, not 'java'",
    ],
    ['connect', [], 'connect needs an address, such as ws://127.0.0.1:9000'],
    ['connect', ['ws://a', 'ws://b'], 'connect takes one address, not 2'],
    ['connect', ['stdio:'], 'stdio: needs the command to run, behind the rest: stdio: -- COMMAND ARGS'],
    ['connect', ['ws://a', '--metadata', 'key'], "--metadata takes key=value, not 'key'"],
    ['connect', ['ws://a', '--conformance', 'lax'], "--conformance takes 'strict' or 'reference', not 'lax'"],
    ['connect', ['ws://a', '--keepalive', '1s'], "--keepalive takes a whole number from 0 to 2147483647, not '1s'"],
    ['demo', ['twice'], "unexpected argument 'twice'"],
    ['demo', ['--keepalive', '0'], "--keepalive takes a whole number from 20 to 1000, not '0'"],
    ['demo', ['--timeout', '0'], "--timeout takes a whole number from 1 to 60000, not '0'"],
    ['demo', ['--conformance', 'lax'], "--conformance takes 'strict' or 'reference', not 'lax'"],
  ])('finds fault with %s %j', async (command, args, line) => {
    const error: unknown = await COMMANDS[command].run(args).catch((reason: unknown) => reason);
    expect(verdictOn(error)).toEqual({ status: 2, line });
  });

  test.each<[args: string[], usage: string]>([
    [['--help'], 'roam-actors <command> [options]'],
    [['demo', '--help'], 'roam-actors demo [options]'],
    [['serve', '-h'], 'roam-actors serve ADDRESS [options]'],
    [['connect', 'ws://a', '--help'], 'roam-actors connect ADDRESS [options]'],
  ])('explains itself on stdout for %j', async (args, usage) => {
    const { status, stdout, stderr } = await run(args);
    expect([status, stderr, /^Usage: (.*)$/m.exec(stdout)?.[1]]).toEqual([0, '', usage]);
  });

  test('knows its version', async () => {
    expect(await run(['--version'])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  test('keeps the stack of an unexpected error, and only of that', () => {
    const error = new TypeError('this is a defect');
    expect(verdictOn(error)).toEqual({ status: 1, line: error.stack });
    expect(verdictOn('thrown')).toEqual({ status: 1, line: 'thrown' });
  });
});
