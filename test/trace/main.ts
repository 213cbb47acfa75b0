/** Writes the table of rules into the README, between its marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { table, trace } from './trace.js';

const readme = new URL('../../README.md', import.meta.url);
const text = readFileSync(readme, 'utf8');
writeFileSync(
  readme,
  text.replace(/(<!-- rules -->\n)[\s\S]*?(<!-- end -->)/, (_, begin, end) => `${begin}\n${table(trace())}\n${end}`),
);
