import { readFileSync, writeFileSync } from 'node:fs';
import { parts } from '../parts.js';
import { matrixOf } from './matrix.js';

// `npm run matrix` writes the matrix of each machine; with `--check` it only says which of them are not up to date.

const isCheck = process.argv.includes('--check');

for (const part of parts) {
  const file = new URL(`./${part.machine.id}.md`, import.meta.url);
  const { text, cells } = matrixOf(part);
  if (!isCheck) {
    writeFileSync(file, text);
    process.stdout.write(`${part.machine.id}: ${String(cells.length)} cells\n`);
  } else if (readFileSync(file, 'utf8') !== text) {
    process.stdout.write(
      `${part.machine.id}.md is not what the machine does: npm run matrix, and read what has changed\n`,
    );
    process.exitCode = 1;
  }
}
