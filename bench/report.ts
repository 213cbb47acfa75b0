import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import type { Result } from './run.js';

/** What the figures were measured on, and with. */
export function machine() {
  const require = createRequire(import.meta.url);
  const version = (path: string): string => (require(path) as { version: string }).version;
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    'roam-actors': version('roam-actors/package.json'),
    ws: version('ws/package.json'),
    xstate: version('xstate/package.json'),
  };
}

const HEAD = ['scenario', 'ends in', 'result', 'target', '', 'range', 'CPU', 'absolute'];

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

function cells({ title, processes, headline, target, isMet, cpuRatio, absolute }: Result): string[] {
  const show = headline.unit === 'x' ? (value: number) => value.toFixed(2) : bytes;
  return [
    title,
    processes === 1 ? 'one thread' : 'two processes',
    headline.unit === 'x' ? `× ${show(headline.value)}` : show(headline.value),
    target === undefined
      ? ''
      : `${target.bound === '>=' ? '≥' : '≤'} ${headline.unit === 'x' ? target.value.toFixed(2) : bytes(target.value)}`,
    isMet === undefined ? '' : isMet ? '✓' : '✗',
    `${show(headline.least)}–${show(headline.most)}`,
    cpuRatio === undefined ? '' : `× ${cpuRatio.toFixed(2)}`,
    absoluteText(absolute),
  ];
}

function absoluteText(absolute: Result['absolute']): string {
  const { raw, ours, fewOpen, manyOpen, fewClose, manyClose, closeRatio } = absolute;
  if (raw !== undefined && ours !== undefined) {
    const { link, handshake, open, reply } = absolute;
    if (link === undefined) return `${thousands(ours)}/s, ws ${thousands(raw)}/s`;
    const phases = { link, handshake, open, reply };
    const spent = Object.entries(phases).map(([phase, took]) => `${phase} ${took?.toFixed(2)}`);
    return `${ours.toFixed(2)} ms (${spent.join(', ')}), ws ${raw.toFixed(2)} ms`;
  }
  if (fewOpen === undefined) return '';
  const open = `open ${fewOpen.toFixed(1)} → ${manyOpen?.toFixed(1)} µs each`;
  return `${open}, close ${fewClose?.toFixed(1)} → ${manyClose?.toFixed(1)} µs (× ${closeRatio?.toFixed(2)})`;
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(1)} k`;
}

function bytes(value: number): string {
  return value < 10 * 1024 ? `${Math.round(value)} B` : `${(value / 1024).toFixed(1)} KiB`;
}
