import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Figures } from './control.js';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** The format of V8's profiles: `samples` has the id of a node for each sample. */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples?: readonly number[];
}

/** Takes a CPU profile of one round, without its start and its warming up, and writes it to `path`. */
export async function profiled(path: string, round: () => Promise<Figures>): Promise<Figures> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  const figures = await round();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(path, JSON.stringify(profile));
  return figures;
}

interface Share {
  readonly share: number;
  readonly where: string;
}

/** Returns the functions with the longest self time, and the packages, as shares of the samples in which any code ran. */
export function selfTimes({ nodes, samples = [] }: Profile): { functions: Share[]; packages: Share[] } {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const busy = samples.map((id) => frames.get(id) as CallFrame).filter(({ functionName }) => functionName !== '(idle)');
  return { functions: shares(busy, describe), packages: shares(busy, packageOf) };
}

function shares(frames: readonly CallFrame[], where: (frame: CallFrame) => string): Share[] {
  const counts = new Map<string, number>();
  for (const frame of frames) counts.set(where(frame), (counts.get(where(frame)) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => ({ share: count / frames.length, where: name }));
}

function packageOf({ functionName, url }: CallFrame): string {
  if (url.startsWith('node:')) return 'node, in JavaScript';
  if (url === '') return functionName === '(garbage collector)' ? functionName : 'native: system calls, V8';
  return (
    /node_modules\/([^/]+)/.exec(url)?.[1] ?? (url.includes('/dist/bench/') ? 'the benchmark itself' : 'roam-actors')
  );
}

function describe({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.startsWith('file:') ? relative(process.cwd(), fileURLToPath(url)) : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}
