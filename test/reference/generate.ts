import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readDescription } from '../../src/cli/generate/description.js';
import { typeScriptOf } from '../../src/cli/generate/typescript.js';
import { Checks } from './checks.js';
import type { Context, Counts } from './part.js';

/** The descriptions that tests and the example use. Each must equal the one that the peer writes today. */
const STORED: Readonly<Record<string, string>> = {
  Testbed: '../../examples/rust/testbed.json',
  Odd: '../cli/generate/odd.json',
  Impossible: '../cli/generate/impossible.json',
};

/** Checks descriptions of services that the official crates have written: see peer/src/described.rs. */
export async function generate({ programs }: Context): Promise<Counts> {
  const run = (...args: string[]): string => execFileSync(programs.peer, args, { encoding: 'utf8' });
  const checks: Record<string, () => void> = {};
  for (const [service, path] of Object.entries(STORED)) {
    checks[`the description of ${service} is the stored one`] = () => {
      assert.equal(run('describe', service), readFileSync(new URL(path, import.meta.url), 'utf8'));
    };
  }
  const ids = run('ids')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly service: string; readonly method: string; readonly id: string });
  for (const service of ['Testbed', 'Types']) {
    checks[`the description of ${service} has every id of the peer, and its types give the same`] = () => {
      const description = readDescription(run('describe', service));
      assert.deepEqual(
        description.methods.map(({ name, id }) => [name, `0x${id.toString(16).padStart(16, '0')}`]),
        ids.filter((each) => each.service === service).map(({ method, id }) => [method, id]),
      );
      // TypeScript has no types for ends of channels within structs.
      const methods = description.methods.filter(({ name }) => !name.startsWith('nested'));
      assert.match(typeScriptOf({ ...description, methods }), new RegExp(`^export const ${service} = service\\(`, 'm'));
    };
  }
  const counted = new Checks('peer describe');
  for (const [name, check] of Object.entries(checks)) await counted.check(name, check);
  return counted.counts;
}
