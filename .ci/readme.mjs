// Runs the README's example text: every fenced block of TypeScript or JavaScript is a whole program, which compiles as
// it stands and ends by itself with exit status 0. A block whose fence says `ts fragment` is left alone; one at least
// must not be. Needs the build: the programs import the package by its name.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The programs in the text, named by the line of their fence. */
const programs = [...readme.matchAll(/^```(ts|typescript|js|javascript)[ \t]*(.*)\n([\s\S]*?)^```[ \t]*$/gm)]
  .filter(([, , remark]) => remark !== 'fragment')
  .map(({ index, 1: language, 3: text }) => {
    const line = readme.slice(0, index).split('\n').length;
    return { line, name: `line-${line}.${language.startsWith('t') ? 'mts' : 'mjs'}`, text };
  });

// Within the package, so that its name leads to itself; not within node_modules, where it would not.
const folder = mkdtempSync(join(root, '.readme-'));

function run(...args) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 60_000,
  });
  if (error !== undefined) {
    console.error(error.message);
  }
  return status === 0;
}

function check(name, passed) {
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
  return passed;
}

const results = [];
try {
  for (const { name, text } of programs) {
    writeFileSync(join(folder, name), text);
  }
  // An example may leave a variable for the reader to use.
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, rootDir: '..', outDir: '../dist' };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../tsconfig.json', compilerOptions, include: ['*.mts'] }),
  );
  if (programs.some(({ name }) => name.endsWith('.mts'))) {
    results.push(check('README.md compiles', run(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')));
  }
  for (const { name, line } of programs) {
    results.push(check(`README.md, line ${line}, runs`, run('--import', 'tsx', name)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (programs.length === 0) {
  console.error('README.md has no example that can be run');
}
process.exitCode = programs.length > 0 && results.every(Boolean) ? 0 : 1;
