#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { takeCommand } from './address.js';
import { call } from './call.js';
import { conform } from './conform.js';
import { connect } from './connect.js';
import { demo } from './demo/stage.js';
import { diagram } from './diagram.js';
import { UsageError, verdictOn } from './failure.js';
import { generate } from './generate/command.js';
import { inspect } from './inspect/command.js';
import type { Command } from './options.js';
import { serve } from './serve.js';

const COMMANDS: Readonly<Record<string, Command>> = { demo, serve, call, connect, conform, diagram, generate, inspect };

const HELP = `roam-actors: sessions of the roam protocol, version 7

Usage: roam-actors <command> [options]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(20)} ${summary}`)
  .join('\n')}

Options:
  --help               help, on a command too: roam-actors serve --help
  --version            the version`;

function version(): string {
  // package.json is found by the package's own name, which works from the sources and from the build.
  const path = createRequire(import.meta.url).resolve('roam-actors/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

async function main([name, ...args]: string[]): Promise<void> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const asksForHelp = takeCommand(args).args.some((arg) => arg === '--help' || arg === '-h');
  if (asksForHelp || command?.speaksOnStdout?.(args) !== true) process.stdout.on('error', onStdoutError);
  if (name === undefined) throw new UsageError(`a command is needed: ${Object.keys(COMMANDS).join(', ')}`);
  if (name === '--help' || name === '-h') return console.log(HELP);
  if (name === '--version') return console.log(version());
  if (command === undefined) throw new UsageError(`unknown ${name.startsWith('-') ? 'option' : 'command'} '${name}'`);
  if (asksForHelp) return console.log(command.help);
  await command.run(args);
}

/** Exits with the status that a shell reports for SIGPIPE when the reader of stdout has left, as in `… | head`. */
function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(128 + 13);
  throw error;
}

const args = process.argv.slice(2);
main(args).catch((error: unknown) => {
  const { line, status } = verdictOn(error);
  const [name = ''] = args;
  const advice = status === 2 ? ` (see roam-actors ${Object.hasOwn(COMMANDS, name) ? `${name} ` : ''}--help)` : '';
  console.error(`roam-actors: ${line}${advice}`);
  process.exitCode = status;
});
