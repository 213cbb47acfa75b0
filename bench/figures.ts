/**
 * Draws the benchmark's plots and the tables of docs/benchmark.md, docs/benchmark-wire.md, docs/client.md, docs/compile.md and
 * docs/reliable.md once more, from the figures that are kept. With `--check` it writes nothing, and fails if something would change.
 */
import { draw } from './publish.js';

const isCheck = process.argv.includes('--check');
const stale = draw(new URL('..', import.meta.url), isCheck);
if (isCheck && stale.length > 0) {
  console.error(`not up to date, run npm run figures: ${stale.join(', ')}`);
  process.exitCode = 1;
}
