import { DIFFERENCES } from '../differences.js';
import type { Kind } from '../differential/generate.js';
import { Oracle } from '../differential/oracle.js';
import { randomMatches } from '../differential/part.js';

// Plays random scripts until the reference and the library disagree, and prints that script as JSON; null where they do not.

/**
 * The number of tries of a script. The reference picks by chance among ready inputs, so a disagreement counts only if it
 * lasts.
 */
const TRIES = 5;

const [program = '', seed = '', scripts = '', kind = ''] = process.argv.slice(2);
const oracle = new Oracle(program);
let found: unknown = null;
for (const { script, match } of randomMatches(oracle, DIFFERENCES, Number(seed), Number(scripts), kind as Kind)) {
  const isFound = await match.judge(TRIES).then(
    ({ disagreement }) => disagreement !== undefined,
    () => true,
  );
  if (!isFound) continue;
  found = script;
  break;
}
oracle.stop();
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit());
