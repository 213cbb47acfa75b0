import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { BASELINE, CONTENDERS } from './contenders.js';
import type { Result } from './run.js';

const PACKAGES = ['roam-actors', 'ws', 'rsocket-core', 'capnweb', 'birpc', 'msgpackr'];

/** Returns the machine and the versions that the figures were measured with. */
export function machine() {
  // Read the file instead of importing it: most packages do not export their package.json.
  const version = (name: string): string =>
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    ...Object.fromEntries(PACKAGES.map((name) => [name, version(name)])),
  };
}

/** The content of bench/results.json. */
export interface Outcome {
  readonly machine: ReturnType<typeof machine>;
  readonly results: readonly Omit<Result, 'rounds'>[];
}

const HEAD = ['scenario', 'ends in', 'who', 'result', 'target', '', 'range', 'CPU', 'absolute'];

/** One line for each result, columns aligned. */
export function table(results: readonly Result[]): string {
  const rows = [HEAD, ...results.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

function cells(result: Result): string[] {
  const { title, processes, contender, size, headline, isMet, cpuRatio, absolute } = result;
  const { unit, least, most } = headline;
  return [
    title,
    processes === 1 ? 'one thread' : 'two processes',
    contender === undefined ? '' : CONTENDERS[contender].title,
    headlineText(result),
    targetText(result),
    isMet === undefined ? '' : isMet ? '✓' : '✗',
    least === most ? '' : `${amount(least, unit)}–${amount(most, unit)}`,
    cpuRatio === undefined ? '' : `× ${cpuRatio.toFixed(2)}`,
    absoluteText(absolute, size),
  ];
}

/** Returns the headline figure as text. */
export function headlineText({ headline: { value, unit } }: Pick<Result, 'headline'>): string {
  return `${unit === 'x' ? '× ' : ''}${amount(value, unit)}`;
}

/** Returns the target as text; empty if there is none. */
export function targetText({ headline: { unit }, target }: Pick<Result, 'headline' | 'target'>): string {
  return target === undefined ? '' : `${target.bound === '>=' ? '≥' : '≤'} ${amount(target.value, unit)}`;
}

function amount(value: number, unit: Result['headline']['unit']): string {
  if (unit === 'x') return value.toFixed(2);
  return unit === 'B' ? bytes(value) : `${value} ${unit}`;
}

function absoluteText(absolute: Result['absolute'], size?: number): string {
  const { baseline, own, above, fewOpen, manyOpen, fewClose, manyClose, closeRatio } = absolute;
  if (baseline !== undefined && own !== undefined) {
    const { link, handshake, open, reply } = absolute;
    const than = CONTENDERS[BASELINE].title;
    if (link === undefined) return `${rateText(own, size)}, ${than} ${rateText(baseline, size)}${aboveText(above)}`;
    const phases = { link, handshake, open, reply };
    const spent = Object.entries(phases).map(([phase, took]) => `${phase} ${took?.toFixed(2)}`);
    return `${own.toFixed(2)} ms (${spent.join(', ')}), ${than} ${baseline.toFixed(2)} ms`;
  }
  if (fewOpen === undefined) return '';
  const open = `open ${fewOpen.toFixed(1)} → ${manyOpen?.toFixed(1)} µs each`;
  return `${open}, close ${fewClose?.toFixed(1)} → ${manyClose?.toFixed(1)} µs (× ${closeRatio?.toFixed(2)})`;
}

/** Formats the microseconds of processor time above the baseline; empty if they were not measured. */
export function aboveText(above: number | undefined): string {
  if (above === undefined) return '';
  return ` (${above < 0 ? '−' : '+'}${Math.abs(above).toFixed(1)} µs)`;
}

/** Formats messages a second; for large messages also the bytes a second. */
export function rateText(perSecond: number, size = 0): string {
  const thousands = `${(perSecond / 1000).toFixed(1)} k/s`;
  return size < 16_384 ? thousands : `${thousands} (${Math.round((perSecond * size) / 2 ** 20)} MiB/s)`;
}

function bytes(value: number): string {
  return Math.abs(value) < 10 * 1024 ? `${Math.round(value)} B` : `${(value / 1024).toFixed(1)} KiB`;
}
