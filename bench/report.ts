import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { BASELINE, CONTENDERS } from './contenders.js';
import type { Result } from './run.js';

const PACKAGES = ['roam-actors', 'ws', 'rsocket-core', 'capnweb', 'birpc', 'msgpackr'];

/** What the figures were measured on, and with. */
export function machine() {
  // Not by `import`: most packages keep their package.json to themselves.
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

function cells({ title, processes, contender, size, headline, target, isMet, cpuRatio, absolute }: Result): string[] {
  const { unit } = headline;
  const show = (value: number): string => text(value, unit);
  return [
    title,
    processes === 1 ? 'one thread' : 'two processes',
    contender === undefined ? '' : CONTENDERS[contender].title,
    `${unit === 'x' ? '× ' : ''}${show(headline.value)}`,
    target === undefined ? '' : `${target.bound === '>=' ? '≥' : '≤'} ${show(target.value)}`,
    isMet === undefined ? '' : isMet ? '✓' : '✗',
    headline.least === headline.most ? '' : `${show(headline.least)}–${show(headline.most)}`,
    cpuRatio === undefined ? '' : `× ${cpuRatio.toFixed(2)}`,
    absoluteText(absolute, size),
  ];
}

function text(value: number, unit: Result['headline']['unit']): string {
  if (unit === 'x') return value.toFixed(2);
  return unit === 'B' ? bytes(value) : `${value} items`;
}

function absoluteText(absolute: Result['absolute'], size: number | undefined): string {
  const { baseline, own, fewOpen, manyOpen, fewClose, manyClose, closeRatio } = absolute;
  if (baseline !== undefined && own !== undefined) {
    const { link, handshake, open, reply } = absolute;
    const than = CONTENDERS[BASELINE].title;
    if (link === undefined) return `${rate(own, size)}, ${than} ${rate(baseline, size)}`;
    const phases = { link, handshake, open, reply };
    const spent = Object.entries(phases).map(([phase, took]) => `${phase} ${took?.toFixed(2)}`);
    return `${own.toFixed(2)} ms (${spent.join(', ')}), ${than} ${baseline.toFixed(2)} ms`;
  }
  if (fewOpen === undefined) return '';
  const open = `open ${fewOpen.toFixed(1)} → ${manyOpen?.toFixed(1)} µs each`;
  return `${open}, close ${fewClose?.toFixed(1)} → ${manyClose?.toFixed(1)} µs (× ${closeRatio?.toFixed(2)})`;
}

/** Messages a second; for large ones, what that is in bytes. */
function rate(perSecond: number, size = 0): string {
  const thousands = `${(perSecond / 1000).toFixed(1)} k/s`;
  return size < 16_384 ? thousands : `${thousands} (${Math.round((perSecond * size) / 2 ** 20)} MiB/s)`;
}

function bytes(value: number): string {
  return Math.abs(value) < 10 * 1024 ? `${Math.round(value)} B` : `${(value / 1024).toFixed(1)} KiB`;
}
