import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RESULTS = fileURLToPath(new URL('results.json', import.meta.url));

/** The resources of the process while no session lives. */
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

/** The allowed growth of the heap between the first sample and the end, in bytes. V8 compiles code meanwhile. */
const HEAP_GROWTH = 6 * 2 ** 20;

/** Returns a line for each figure that has to stay flat. It begins with `flat`, or names the growth. */
export function verdict({ samples, problems }: Figures): readonly string[] {
  // In the first rounds V8 compiles code.
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

/** Returns the table of the documentation, made from the stored figures. */
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
