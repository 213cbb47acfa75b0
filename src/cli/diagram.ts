import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { Failure, UsageError } from './failure.js';
import type { Command } from './options.js';

const FORMATS = ['mermaid', 'svg', 'json'] as const;

const HELP = `roam-actors diagram: draws a machine

Usage: roam-actors diagram [MACHINE] [options]

Prints one of the machines that ship, the session's by default, or one of yours: handshake, session, connection, keepalive.
The JSON is the machine's definition, which Stately's editor imports. The SVG of a machine of yours takes Graphviz:
npm install @viz-js/viz.

Options:
  --format FORMAT      'mermaid' (the default), 'svg' or 'json'
  --machine FILE#NAME  the XState 5 machine that the module FILE exports as NAME; NAME may be left out where it exports
                       just one`;

export const diagram: Command = {
  summary: 'draws a machine, one that ships or one of yours',
  help: HELP,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { format: { type: 'string' }, machine: { type: 'string' } },
    });
    const { format = 'mermaid', machine: place } = values;
    if (!FORMATS.some((known) => known === format)) {
      throw new UsageError(`--format takes 'mermaid', 'svg' or 'json', not '${format}'`);
    }
    if (positionals.length > 1) throw new UsageError(`diagram draws one machine, not ${positionals.length}`);
    if (place !== undefined && positionals.length > 0)
      throw new UsageError('a machine has a name or a place, not both');
    const machine = place === undefined ? await shipped(positionals[0] ?? 'session') : await imported(place);
    // Imported only here: the other commands do not need it.
    const { definitionOf, mermaid, svg } = await import('../diagram/index.js');
    if (format === 'svg') process.stdout.write(await svg(machine));
    else if (format === 'json') process.stdout.write(`${JSON.stringify(definitionOf(machine), undefined, 2)}\n`);
    else process.stdout.write(mermaid(machine));
  },
};

async function shipped(name: string): Promise<AnyStateMachine> {
  const machines = machinesIn(await import('../../machines/index.js'));
  const found = machines.find(([, { id }]) => id === name);
  if (found !== undefined) return found[1];
  throw new UsageError(`there is no machine '${name}', but ${machines.map(([, { id }]) => id).join(', ')}`);
}

async function imported(place: string): Promise<AnyStateMachine> {
  const [, file = '', name] = /^(.*?)(?:#([^#]*))?$/s.exec(place) ?? [];
  if (file === '') throw new UsageError(`--machine takes FILE#NAME, not '${place}'`);
  const url = pathToFileURL(isAbsolute(file) ? file : resolve(file)).href;
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(url)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new Failure(`cannot import ${file}: ${(error as Error).message}`, { cause: error });
  }
  const machines = machinesIn(module);
  const found = name === undefined ? machines : machines.filter(([exported]) => exported === name);
  const [machine] = found;
  if (machine !== undefined && found.length === 1) return machine[1];
  const names = machines.map(([exported]) => exported).join(', ');
  if (machines.length === 0) throw new Failure(`${file} exports no XState 5 machine`);
  throw new Failure(
    name === undefined ? `${file} exports ${names}: say which` : `${file} exports no machine '${name}', but ${names}`,
  );
}

/** Returns the machines that a module exports, made with any copy of XState. */
function machinesIn(module: object): [name: string, machine: AnyStateMachine][] {
  return Object.entries(module).filter((entry): entry is [string, AnyStateMachine] => isMachine(entry[1]));
}

function isMachine(value: unknown): boolean {
  if (value instanceof StateMachine) return true;
  const { config, root, transition } = (value ?? {}) as { config?: unknown; root?: unknown; transition?: unknown };
  return typeof config === 'object' && typeof root === 'object' && typeof transition === 'function';
}
