/**
 * The checker for calls and channels. It runs as few of the shipped machines as possible, with a link between them, in every
 * possible order of events. party.ts defines one side. caller.ts, answerer.ts, sender.ts, receiver.ts, namer.ts and
 * named.ts are the sides.
 * world.ts combines two of them, or one and an adversary. The search and the liveness check are those of sessions
 * (search.ts, liveness.ts). properties.ts lists the properties.
 *
 * `npm run explore:calls` runs all configurations and compares their counts with counts.json. `-- --pin` writes that file
 * anew.
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
