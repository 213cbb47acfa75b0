import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Kind } from './generate.js';
import { differential } from './part.js';

// node --import tsx test/reference/differential/main.ts --oracle PROGRAM [--seed N] [--scripts N] [--kind bare|calls|proxies]

const { values } = parseArgs({
  options: {
    oracle: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    kind: { type: 'string' },
    scripts: { type: 'string', default: '10000' },
  },
});

const { passed, failed } = await differential({
  oracle: values.oracle ?? 'test/reference/target/release/oracle',
  seed: Number(values.seed),
  scripts: Number(values.scripts),
  kind: values.kind as Kind | undefined,
  print: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
