/** Writes the rows and the table of rules into docs/protocol.md, between their marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rowsText } from './rows.js';
import { table, trace } from './trace.js';

const page = new URL('../../docs/protocol.md', import.meta.url);
let text = readFileSync(page, 'utf8');
for (const [name, content] of [
  ['rows', rowsText()],
  ['rules', table(trace())],
]) {
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
  text = text.replace(place, (_, begin, end) => `${begin}\n${content}\n${end}`);
}
writeFileSync(page, text);
