// Builds the page with esbuild and serves it on 127.0.0.1, with a viewer to watch it, and with a `roam-actors serve` that
// Enter stops and starts again: npm run example:browser
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const { outputFiles } = await build({
  entryPoints: [here('page.ts')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: 'inline',
  write: false,
});
const files: Readonly<Record<string, { type: string; body: string }>> = {
  '/': { type: 'text/html; charset=utf-8', body: readFileSync(here('index.html'), 'utf8') },
  '/page.js': { type: 'text/javascript; charset=utf-8', body: outputFiles[0]?.text ?? '' },
};
const http = createServer((request, response) => {
  const file = files[new URL(request.url ?? '/', 'http://127.0.0.1').pathname];
  if (file === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'content-type': file.type }).end(file.body);
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');

/** A `roam-actors` command in a process of its own, and the URL that it prints. */
async function run(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const command = [here('../../dist/src/cli/main.js'), ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /(?:ws|http):[^\s,]+/.exec(line)?.[0];
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error(`roam-actors ${args.join(' ')} did not start`);
}

const inspector = await run('inspect', '--port', '0');
const { url, ...first } = await run('serve', '--port', '0');
let { child } = first;
const page = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
page.searchParams.set('server', url);
page.searchParams.set('inspector', inspector.url);
console.log(`open ${page}\nwatch it at ${inspector.url}`);
console.log('Enter stops the server, and starts it again; Ctrl+C ends all');

const input = createInterface({ input: process.stdin });
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    child.kill();
    inspector.child.kill();
    http.close();
    http.closeAllConnections();
    input.close();
  });
}
for await (const _ of input) {
  if (child.exitCode === null) {
    child.kill();
    await once(child, 'exit');
    console.log('the server is down');
  } else {
    ({ child } = await run('serve', '--port', new URL(url).port));
    console.log('the server is back');
  }
}
