/**
 * Writes the diagrams of the machines, of the actors and of what peers say to each other, beside this file. With `--check` it
 * writes nothing, and fails when something would change.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stale } from './committed.js';
import { files } from './files.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const contents = await files();
const changes = stale(contents);

if (process.argv.includes('--check')) {
  if (changes.length > 0) {
    console.error(`not up to date, run npm run diagrams: ${changes.join(', ')}`);
    process.exitCode = 1;
  }
} else {
  for (const name of changes) {
    const content = contents.get(name);
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
    console.log(`${content === undefined ? 'removed' : 'wrote'} diagrams/${name}`);
  }
}
