import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RESULTS = fileURLToPath(new URL('results.json', import.meta.url));

/** What the process holds while no session lives. */
export interface Sample {
  readonly second: number;
  /** Bytes in use after a collection. */
  readonly heap: number;
  readonly handles: number;
  readonly timers: number;
  /** Open file descriptors. */
  readonly files: number;
}

/** A run of `npm run soak`. */
export interface Figures {
  readonly commit: string;
  readonly seed: number;
  readonly minutes: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  readonly problems: readonly string[];
}

/** How much more the heap may have at the end than at the first sample, in bytes: what V8 compiles meanwhile. */
const HEAP_GROWTH = 6 * 2 ** 20;

/** A line for each thing that has to stay flat: it begins with `flat`, or says what does not. */
export function verdict({ samples, problems }: Figures): readonly string[] {
  // The first rounds compile.
  const settled = samples.slice(Math.floor(samples.length / 4));
  const [first] = settled;
  const last = settled.at(-1);
  if (first === undefined || last === undefined) return ['no sample was taken'];
  const grown = median(settled.slice(-3)) - median(settled.slice(0, 3));
  return [
    grown <= HEAP_GROWTH ? `flat: the heap (${mib(grown)} MiB more)` : `the heap has grown by ${mib(grown)} MiB`,
    ...(['handles', 'timers', 'files'] as const).map((name) =>
      last[name] <= first[name] ? `flat: ${name} (${last[name]})` : `${name}: ${first[name]} became ${last[name]}`,
    ),
    problems.length === 0 ? 'flat: every promise settled, and nothing was reported' : problems.join('\n'),
  ];
}

function median(samples: readonly Sample[]): number {
  const heaps = samples.map(({ heap }) => heap).sort((one, other) => one - other);
  return heaps[Math.floor(heaps.length / 2)] ?? 0;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** The table of the documentation, made of the figures that are kept. */
export function soakTable(): string {
  if (!existsSync(RESULTS)) return '';
  const figures = JSON.parse(readFileSync(RESULTS, 'utf8')) as Figures;
  const { commit, seed, minutes, counts, samples } = figures;
  const rows = samples.map(
    ({ second, heap, handles, timers, files }) => `| ${second} | ${mib(heap)} | ${handles} | ${timers} | ${files} |`,
  );
  const done = Object.entries(counts).map(([name, count]) => `${count.toLocaleString('en')} ${name}`);
  return [
    `At ${commit}, ${minutes} minutes, seed ${seed}: ${done.join(', ')}.`,
    '',
    '| second | heap, MiB | handles | timers | file descriptors |',
    '| ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
    ...verdict(figures).map((line) => `- ${line}`),
  ].join('\n');
}
