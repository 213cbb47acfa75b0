// Runs the programs in README.md and in docs/*.md: every fenced block of TypeScript or JavaScript is a whole program, which
// compiles as it stands and ends by itself with exit status 0. A block whose fence says `ts fragment` is left alone. One whose
// fence names a file, as in `ts server.mts`, is only compiled, beside the other files of its page: test/browser/readme.browser.ts
// runs those. The README has at least one program. Needs the build: the programs import the package by its name.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);

/** The programs in one page, named by the page and the line of their fence. */
function programsOf(page) {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```(ts|typescript|js|javascript)(?:[ \t]+(.*))?\n([\s\S]*?)^```[ \t]*$/gm)]
    .filter(([, , remark]) => remark !== 'fragment')
    .map(({ index, 1: language, 2: remark, 3: program }) => {
      const line = text.slice(0, index).split('\n').length;
      const extension = language.startsWith('t') ? 'mts' : 'mjs';
      const isFile = remark?.endsWith('.mts') === true;
      return {
        page,
        line,
        name: isFile ? remark : `${page.replace(/\W/g, '-')}-${line}.${extension}`,
        program,
        isFile,
      };
    });
}

const programs = pages.flatMap(programsOf);

// Within the package, so that its name leads to itself; not within node_modules, where it would not.
const folder = mkdtempSync(join(root, '.programs-'));

function run(seconds, ...args) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: seconds * 1_000,
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
  for (const { name, program } of programs) {
    writeFileSync(join(folder, name), program);
  }
  // An example may leave a variable for the reader to use.
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, rootDir: '..', outDir: '../dist' };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../tsconfig.json', compilerOptions, include: ['*.mts'] }),
  );
  if (programs.some(({ name }) => name.endsWith('.mts'))) {
    results.push(check('the programs compile', run(200, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')));
  }
  for (const { page, line, name, isFile } of programs) {
    if (isFile) continue;
    results.push(check(`${page}, line ${line}, runs`, run(60, '--import', 'tsx', name)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const isShown = programs.some(({ page }) => page === 'README.md');
if (!isShown) {
  console.error('README.md has no example that can be run');
}
process.exitCode = isShown && results.every(Boolean) ? 0 : 1;
