/** `npm run explore:reliable` checks reliable links in every possible order of events, and compares the counts. */
import { CONFIGURATIONS, explore } from './explore.js';

for (const { name, bounds, states } of CONFIGURATIONS) {
  const found = explore(bounds);
  console.log(`${name}: ${found.states} states, ${found.transitions} transitions`);
  if (found.failure !== undefined) console.log(`  ${found.failure.text}\n    ${found.failure.path.join('\n    ')}`);
  if (found.failure !== undefined || found.states !== states) process.exitCode = 1;
}
