// The Rust programs of rust.ts: the peer in test/reference, which uses the official crates. Cargo builds it if that has not
// happened yet.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { build } from '../../test/reference/build.js';

export { hasCargo } from '../../test/reference/build.js';

function start(...args: string[]): ChildProcess & { readonly lines: AsyncIterable<string> } {
  const child = spawn(build().peer, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return Object.assign(child, { lines: createInterface({ input: child.stdout }) });
}

/** Starts a Rust server on a free port. */
export async function rustServer(): Promise<{ readonly address: string; stop(): void }> {
  // On several threads the official crates may lose an item. docs/peers.md, row 9.39
  const child = start('accept', '--transport', 'tcp', '--quiet', '--one-thread');
  for await (const line of child.lines) {
    const { address } = JSON.parse(line) as { address: string };
    return { address, stop: () => child.kill() };
  }
  throw new Error('the Rust server has ended before it listened');
}

/** Runs a Rust client, which makes calls by their names. Yields the result of each call. */
export async function* rustClient(address: string, ...calls: string[]): AsyncIterable<[call: string, saw: unknown[]]> {
  const child = start('connect', '--transport', 'tcp', '--quiet', '--address', address, ...calls);
  for await (const line of child.lines) {
    const { name, saw } = JSON.parse(line) as { name: string; saw: unknown[] };
    yield [name, saw];
  }
}
