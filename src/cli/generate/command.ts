import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, UsageError } from '../failure.js';
import type { Command } from '../options.js';
import { type Description, readDescription } from './description.js';
import { typeScriptOf } from './typescript.js';

/** The maximum size of a description in bytes. A method takes about 200. */
const MAX_DESCRIPTION = 16 * 2 ** 20;

const HELP = `roam-actors generate: writes the TypeScript of a service that is a trait in Rust

Usage: roam-actors generate --rust [-o FILE]
       roam-actors generate DESCRIPTION [-o FILE] [options]

With --rust it prints a file of Rust that goes beside the trait. In a test or a small program, that file describes the service
as JSON, by the descriptor of the official crates. Of this JSON the other form makes a module that defines the service with
the types of roam-actors/postcard, and exports it by its name and as default. DESCRIPTION is a file; - is standard input.

  roam-actors generate --rust -o src/describe.rs
  roam-actors generate testbed.json -o testbed.ts

The same description gives the same module. Each method's id is made of its types again, and must be the one that the
description has.

Options:
  -o, --output FILE    writes there, instead of to standard output
  --skip METHOD        leaves a method out, as one whose types can't be expressed; as often as needed
  --rust               prints the file of Rust`;

export const generate: Command = {
  summary: 'writes the TypeScript of a service that is a trait in Rust',
  help: HELP,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o' },
        skip: { type: 'string', multiple: true, default: [] },
        rust: { type: 'boolean', default: false },
      },
    });
    const [input, ...more] = positionals;
    if (values.rust) {
      if (input !== undefined) throw new UsageError('generate takes a description or --rust, not both');
      return write(readFileSync(rustFile(), 'utf8'), values.output);
    }
    if (input === undefined) throw new UsageError('generate needs a description, such as testbed.json, or --rust');
    if (more.length > 0) throw new UsageError(`generate takes one description, not ${positionals.length}`);
    if (values.output !== undefined && resolve(values.output) === resolve(input)) {
      throw new UsageError('--output is the description itself');
    }
    const text = await read(input);
    let module: string;
    try {
      module = typeScriptOf(without(values.skip, readDescription(text)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(`${nameOf(input)}: ${error.message}`, { cause: error });
    }
    write(module, values.output);
  },
};

/** Returns the path of the Rust file. The sources and the package both have it: it is not compiled. */
function rustFile(): string {
  const root = createRequire(import.meta.url).resolve('roam-actors/package.json');
  return join(root, '../src/cli/generate/describe.rs');
}

async function read(input: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of input === '-' ? process.stdin : createReadStream(input)) {
      size += (chunk as Buffer).length;
      // The rest is not read: the input may never end.
      if (size > MAX_DESCRIPTION) throw new Error(`it has more than ${MAX_DESCRIPTION} bytes`);
      chunks.push(chunk as Buffer);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new Failure(`cannot read ${nameOf(input)}: ${(cause as Error).message}`, { cause });
  }
}

function nameOf(input: string): string {
  return input === '-' ? 'standard input' : input;
}

function without(skipped: readonly string[], description: Description): Description {
  const names = new Set(description.methods.map(({ name }) => name));
  const unknown = skipped.find((name) => !names.has(name));
  if (unknown !== undefined) throw new Failure(`${description.service} has no method '${unknown}' to skip`);
  return { ...description, methods: description.methods.filter(({ name }) => !skipped.includes(name)) };
}

function write(text: string, output: string | undefined): void {
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(output, text);
  } catch (cause) {
    throw new Failure(`cannot write ${output}: ${(cause as Error).message}`, { cause });
  }
}
