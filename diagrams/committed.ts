import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const GENERATED: ReadonlySet<string> = new Set(['.svg', '.mmd', '.json']);

/** Which files of this folder are not what they have to be: missing, other than in `contents`, or one too many. */
export function stale(contents: ReadonlyMap<string, string>): string[] {
  const there = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => GENERATED.has(extname(name)));
  return [...new Set([...contents.keys(), ...there])].filter(
    (name) => !there.includes(name) || readFileSync(join(folder, name), 'utf8') !== contents.get(name),
  );
}
