/**
 * The checker for calls and channels: the shipped machines, as few of them as it takes, with a link between, and every order
 * in which things can happen. party.ts says what one side is; caller.ts and answerer.ts, sender.ts and receiver.ts are the
 * sides; world.ts puts two together, or one and an adversary; the search and what has to come about in the end are the
 * sessions' (search.ts, liveness.ts). What has to hold is listed in properties.ts.
 *
 * `npm run explore:calls` goes through all of them and holds their counts against counts.json; `-- --pin` writes that anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CONFIGURATIONS } from './configurations.js';
import { explore } from './explore.js';
import { PROPERTIES } from './properties.js';

const COUNTS = new URL('counts.json', import.meta.url);
const isPinned = process.argv.includes('--pin');
const pinned = isPinned ? {} : (JSON.parse(readFileSync(COUNTS, 'utf8')) as Record<string, { states: number }>);
const found: Record<string, object> = {};

for (const configuration of CONFIGURATIONS) {
  const { name, text } = configuration;
  const { failure, ...counts } = explore(configuration);
  const { states, transitions, depth } = counts;
  found[name] = counts;
  console.log(`${name}: ${states} states, ${transitions} transitions, depth ${depth}. ${text}`);
  if (failure !== undefined) {
    const { rule, text: property } = PROPERTIES[failure.property];
    console.log(`  ${failure.property} [${rule}] — ${property}: ${failure.text}\n    ${failure.path.join('\n    ')}`);
    process.exitCode = 1;
  } else if (!isPinned && pinned[name]?.states !== states) {
    console.log(`  counts.json has ${pinned[name]?.states ?? 'no'} states: --pin writes it anew`);
    process.exitCode = 1;
  }
}
if (isPinned) writeFileSync(COUNTS, `${JSON.stringify(found, undefined, 2)}\n`);
