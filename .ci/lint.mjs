// Runs the linters one after the other, all of them even when one fails, and says at the end which failed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const folders = ['machines', 'spec', 'src', 'test', 'bench', 'examples'].filter((folder) => existsSync(folder));

const linters = [
  { name: 'package-lock.json: complete, names no host', command: [process.execPath, '.ci/lock.mjs'] },
  {
    name: 'Biome: format, imports, lint',
    command: ['node_modules/.bin/biome', 'check', '--error-on-warnings', '--max-diagnostics=100', '.'],
  },
  { name: 'knip: unused files, exports, dependencies', command: ['node_modules/.bin/knip', '--no-progress'] },
  {
    name: 'dependency-cruiser: who imports whom',
    command: ['node_modules/.bin/depcruise', '--output-type', 'err-long', ...folders],
  },
  { name: 'measures: the limits in docs/architecture.md', command: [process.execPath, '.ci/measures.mjs'] },
];

const results = linters.map(({ name, command: [tool, ...args] }) => {
  console.log(`\n── ${name}`);
  const { status, error } = spawnSync(tool, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) {
    console.error(error.message);
  }
  return { name, passed: status === 0 };
});

console.log('');
for (const { name, passed } of results) {
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
