/**
 * `npm run explore:reliable` checks reliable links in every possible order of events, and compares the counts. Where the twin
 * covers a configuration, it must come by the same states.
 */
import { CONFIGURATIONS, compare, explore, hasTwin } from './explore.js';

for (const { name, bounds, states } of CONFIGURATIONS) {
  const bound = bounds();
  const found = explore(bound);
  console.log(`${name}: ${found.states} states, ${found.transitions} transitions`);
  if (found.failure !== undefined) console.log(`  ${found.failure.text}\n    ${found.failure.path.join('\n    ')}`);
  if (found.failure !== undefined || found.states !== states) process.exitCode = 1;
  if (!hasTwin(bound)) continue;
  const { onlyHere, onlyThere } = compare(found, bound);
  const isSame = onlyHere.length === 0 && onlyThere.length === 0;
  console.log(isSame ? '  the twin has the same states' : `  only here: ${onlyHere[0]}\n  only there: ${onlyThere[0]}`);
  if (!isSame) process.exitCode = 1;
}
