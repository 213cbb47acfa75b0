/**
 * Writes the machines' diagrams, each beside this file and into the README between its marks. With `--check` it writes
 * nothing, and fails when something would change.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connectionMachine, handshakeMachine, keepaliveMachine, sessionMachine } from '../machines/index.js';
import { mermaid } from '../src/diagram/index.js';

const machines = {
  handshake: handshakeMachine,
  session: sessionMachine,
  connection: connectionMachine,
  keepalive: keepaliveMachine,
};

const isCheck = process.argv.includes('--check');
const stale: string[] = [];

function write(file: URL, content: string): void {
  if (contentOf(file) === content) return;
  if (isCheck) stale.push(file.pathname.split('/').slice(-2).join('/'));
  else writeFileSync(file, content);
}

function contentOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const readme = new URL('../README.md', import.meta.url);
let text = contentOf(readme) ?? '';
for (const [name, machine] of Object.entries(machines)) {
  const picture = mermaid(machine);
  write(new URL(`${name}.mmd`, import.meta.url), picture);
  const marks = new RegExp(`(<!-- diagram: ${name} -->\n)[^]*?(<!-- end -->)`);
  text = text.replace(marks, (_, begin: string, end: string) => `${begin}\`\`\`mermaid\n${picture}\`\`\`\n${end}`);
}
write(readme, text);

if (stale.length > 0) {
  console.error(`not up to date, run npm run diagrams: ${stale.join(', ')}`);
  process.exitCode = 1;
}
