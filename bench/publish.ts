// Writes the figures to bench/results.json, and draws the pictures and tables of the documentation from files of figures.
import { readFileSync, writeFileSync } from 'node:fs';
import { clientCostTable, figuresOf as clientFiguresOf, crowdTable } from './client-table.js';
import { compileTable, type Figures } from './compile-table.js';
import { type Goals, goalsTable } from './goals-table.js';
import { plot } from './plot.js';
import { type ChaosResults, chaosTable, costTable, cutsTable, figuresOf } from './reliable-table.js';
import type { Outcome } from './report.js';
import { section } from './section.js';
import { type Figures as WireFigures, wireTable } from './wire-table.js';

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
 * Draws the plots and the tables of docs/benchmark.md from bench/results.json, and the tables of docs/benchmark-wire.md,
 * docs/client.md, docs/compile.md and docs/reliable.md.
 *
 * @param isCheck - writes nothing.
 * @returns which files are not as they are drawn, or were not.
 */
export function draw(root: URL, isCheck = false): string[] {
  const outcome = JSON.parse(readFileSync(new URL('bench/results.json', root), 'utf8')) as Outcome;
  const reliable = figuresOf(new URL('bench/reliable.json', root));
  const client = clientFiguresOf(new URL('bench/client.json', root));
  const compiled = JSON.parse(readFileSync(new URL('bench/compile.json', root), 'utf8')) as Figures;
  const goals = JSON.parse(readFileSync(new URL('bench/goals.json', root), 'utf8')) as Goals;
  const wire = JSON.parse(readFileSync(new URL('bench/wire.json', root), 'utf8')) as WireFigures;
  const chaos = JSON.parse(readFileSync(new URL('test/reliable/chaos.json', root), 'utf8')) as ChaosResults;
  const drawn = {
    'bench/plot-light.svg': plot(outcome, 'light'),
    'bench/plot-dark.svg': plot(outcome, 'dark'),
    'docs/benchmark.md': filled(new URL('docs/benchmark.md', root), {
      goals: `${goalsTable(goals, compiled)}\n`,
      bench: section(outcome),
    }),
    'docs/benchmark-wire.md': filled(new URL('docs/benchmark-wire.md', root), { bench: `${wireTable(wire)}\n` }),
    'docs/client.md': filled(new URL('docs/client.md', root), {
      cost: `${clientCostTable(client)}\n`,
      crowd: `${crowdTable(client)}\n`,
    }),
    'docs/compile.md': filled(new URL('docs/compile.md', root), { bench: `${compileTable(compiled)}\n` }),
    'docs/reliable.md': filled(new URL('docs/reliable.md', root), {
      cost: `${costTable(reliable)}\n`,
      cuts: `${cutsTable(reliable)}\n`,
      chaos: `${chaosTable(chaos)}\n`,
    }),
  };
  return Object.entries(drawn).flatMap(([path, content]) => {
    const file = new URL(path, root);
    if (contentOf(file) === content) return [];
    if (!isCheck) writeFileSync(file, content);
    return [path];
  });
}

/** Returns a page with each text between its mark and the next `<!-- end -->`. */
function filled(page: URL, texts: Readonly<Record<string, string>>): string {
  let content = readFileSync(page, 'utf8');
  for (const [mark, text] of Object.entries(texts)) {
    content = content.replace(
      new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- end -->)`),
      (_, begin: string, end: string) => `${begin}\n${text}\n${end}`,
    );
  }
  return content;
}

function contentOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
