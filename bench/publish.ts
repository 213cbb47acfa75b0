// Writes the figures to bench/results.json, and draws the pictures and tables of docs/benchmark.md from that file alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { plot } from './plot.js';
import type { Outcome } from './report.js';
import { section } from './section.js';

/** Writes the results, without their rounds and with significant digits only, and draws them. */
export function publish(root: URL, { machine, results }: Outcome): void {
  const kept = { machine, results: results.map((result) => ({ ...result, rounds: undefined })) };
  const rounded = JSON.stringify(kept, (_, value) => (typeof value === 'number' ? significant(value) : value), 2);
  writeFileSync(new URL('bench/results.json', root), `${rounded}\n`);
  draw(root);
}

function significant(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4));
}

/**
 * Draws the plots and the tables of docs/benchmark.md from bench/results.json.
 *
 * @param isCheck - writes nothing.
 * @returns which files are not as they are drawn, or were not.
 */
export function draw(root: URL, isCheck = false): string[] {
  const outcome = JSON.parse(readFileSync(new URL('bench/results.json', root), 'utf8')) as Outcome;
  const page = readFileSync(new URL('docs/benchmark.md', root), 'utf8');
  const drawn = {
    'bench/plot-light.svg': plot(outcome, 'light'),
    'bench/plot-dark.svg': plot(outcome, 'dark'),
    'docs/benchmark.md': page.replace(
      /(<!-- bench -->\n)[\s\S]*?(<!-- end -->)/,
      (_, begin: string, end: string) => `${begin}\n${section(outcome)}\n${end}`,
    ),
  };
  return Object.entries(drawn).flatMap(([path, content]) => {
    const file = new URL(path, root);
    if (contentOf(file) === content) return [];
    if (!isCheck) writeFileSync(file, content);
    return [path];
  });
}

function contentOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
