// Counts the functions that run for one warm operation, both ends together, by V8's precise coverage: the library's own, file by
// file, and those of other packages. Two peers talk over a real WebSocket in one process. `npm run walk` prints all operations,
// `npm run walk -- call middle` also lists the functions of the part that is named: middle, ours, or a package.
import { Session as Inspector } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { capnwebBinary } from './capnweb.js';
import type { Contender } from './contender.js';
import { rsocket } from './rsocket.js';

type Core = typeof import('roam-actors');
type WebSockets = typeof import('roam-actors/websocket');

/** The library as tsc writes it: a bundle would not tell its files apart. */
const UNBUNDLED = new URL('../../build/src/', import.meta.url);

/** The parts of the library that are not its middle: bytes, the wire, and the charts. */
const EDGES = /\/(codec|payload|link|wire|machines|compile)\//;

/** Runs before the one that counts, so that everything that is made once is made. */
const WARMUP = 30;

interface Count {
  functions: number;
  calls: number;
  readonly files: Set<string>;
}

const { positionals } = parseArgs({ allowPositionals: true });
const [only, listed] = positionals;

const inspector = new Inspector();
inspector.connect();
const settled = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 30));
};

/** The part that a script belongs to; undefined for scripts of this benchmark. */
function partOf(url: string): string | undefined {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (name !== undefined) return name;
  if (url.startsWith('node:')) return 'node';
  return url.startsWith(new URL('..', UNBUNDLED).href) ? 'ours' : undefined;
}

async function counted(operation: () => Promise<unknown>): Promise<Map<string, Count>> {
  for (let run = 0; run < WARMUP; run++) {
    await operation();
    await settled();
  }
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  // The first run after the start compiles anew.
  await operation();
  await settled();
  await inspector.post('Profiler.takePreciseCoverage');
  await operation();
  await settled();
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  await inspector.post('Profiler.stopPreciseCoverage');
  const counts = new Map<string, Count>();
  for (const { url, functions } of result) {
    const part = partOf(url);
    if (part === undefined) continue;
    const parts = part === 'ours' && !EDGES.test(url) ? ['middle', part] : [part];
    for (const [index, { functionName, ranges }] of functions.entries()) {
      const { count = 0, startOffset } = ranges[0] ?? {};
      // The first entry of a script is the module itself.
      if (count === 0 || (index === 0 && functionName === '' && startOffset === 0)) continue;
      if (listed !== undefined && parts.includes(listed)) {
        console.log(
          `  ${url.split('/build/').pop() ?? url} ${functionName === '' ? '(anonymous)' : functionName} ×${String(count)}`,
        );
      }
      for (const name of parts) {
        const seen = counts.get(name) ?? { functions: 0, calls: 0, files: new Set() };
        seen.functions++;
        seen.calls += count;
        seen.files.add(url);
        counts.set(name, seen);
      }
    }
  }
  return counts;
}

async function show(name: string, operation: () => Promise<unknown>): Promise<void> {
  if (only !== undefined && only !== name) return;
  const counts = await counted(operation);
  counts.delete('node');
  const texts = [...counts]
    .sort(([left], [right]) => Number(right === 'middle') - Number(left === 'middle') || left.localeCompare(right))
    .map(
      ([part, { functions, calls, files }]) =>
        `${part} ${String(functions)} functions, ${String(calls)} calls, ${String(files.size)} files`,
    );
  console.log(`${name.padEnd(14)}${texts.join(' · ')}`);
}

async function ours(): Promise<void> {
  const { accept, channel, initiate, method, routes, service } = (await import(
    new URL('index.js', UNBUNDLED).href
  )) as Core;
  const { connectWebSocket, listenWebSocket } = (await import(
    new URL('link/websocket-node.js', UNBUNDLED).href
  )) as WebSockets;
  const Bench = service('Bench', {
    echo: method<[bytes: Uint8Array], Uint8Array>(),
    sink: method<[items: import('roam-actors').Rx<Uint8Array>], number>({ credit: 64 }),
  });
  const handler = Bench.handler({
    echo: (bytes) => bytes,
    sink: async (items) => {
      let bytes = 0;
      for await (const item of items) bytes += item.byteLength;
      return bytes;
    },
  });
  const listener = await listenWebSocket({ port: 0 }, async (link) => {
    await accept(link, { onConnection: routes([handler]) });
  });
  const connect = async () => initiate(await connectWebSocket(listener.url));
  const session = await connect();
  const client = await session.open(Bench);
  const payload = new Uint8Array(16).fill(7);
  const [tx, rx] = channel<Uint8Array>({ credit: 64 });
  // The end of the process is the end of this call.
  client.sink(rx).catch(() => {});
  await show('call', () => client.echo(payload));
  await show('item', () => tx.send(payload));
  await show('open', () => session.open(Bench));
  await show('connect', async () => (await (await connect()).open(Bench)).echo(payload));
}

async function theirs(name: string, contender: Contender): Promise<void> {
  if (only !== undefined && only !== name) return;
  const { url } = await contender.serve({ open: () => () => Buffer.alloc(0), held: 0 });
  const caller = await contender.connect(url, 16);
  await show(name, () => caller.echo(1, 1));
}

await ours();
await theirs('rsocket', rsocket);
await theirs('capnweb', capnwebBinary);
process.exit(0);
