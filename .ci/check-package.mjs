// Packs the package as `npm publish` would and uses the tarball as a stranger would: in an empty project, by every
// entry point, with every module resolution of TypeScript's, from the command line.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'roam-actors-package-'));
const consumer = join(temporary, 'consumer');
const installed = join(consumer, 'node_modules/roam-actors');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryPoints = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => join(manifest.name, subpath));

/** Runs a command to its end and returns what it printed; throws with all of that when it fails. */
function run(cwd, command, ...args) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  if (status !== 0) {
    const how = error?.message ?? (signal === null ? `exit status ${status}` : `killed by ${signal}`);
    throw new Error(`${command} ${args.join(' ')}: ${how}\n${stdout}${stderr}`);
  }
  return stdout;
}

const tool = (name) => join(root, 'node_modules/.bin', name);

/** How users compile, and what it takes. @types/ws is in none of these: the declarations must do without it. */
const nodeTypes = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] };
const compilations = {
  node16: { module: 'node16', moduleResolution: 'node16', lib: ['ES2023'], ...nodeTypes },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext', lib: ['ES2023'], ...nodeTypes },
  bundler: { module: 'esnext', moduleResolution: 'bundler', lib: ['ES2023'], ...nodeTypes },
  node10: {
    module: 'commonjs',
    moduleResolution: 'node10',
    ignoreDeprecations: '6.0',
    lib: ['ES2023'],
    ...nodeTypes,
  },
  'bundler, browser': {
    module: 'esnext',
    moduleResolution: 'bundler',
    customConditions: ['browser'],
    lib: ['ES2022', 'DOM'],
    types: [],
  },
};

function pack() {
  run(root, 'npm', 'pack', '--loglevel=error', '--pack-destination', temporary);
  const [tarball] = readdirSync(temporary).filter((name) => name.endsWith('.tgz'));
  return join(temporary, tarball);
}

/** Every file that a source map or a declaration map leads to is in the package, and no path of this machine is. */
function checkFiles() {
  for (const name of readdirSync(installed, { recursive: true })) {
    const file = join(installed, name);
    if (/\.(js|ts|map|md|json)$/.test(name) && readFileSync(file, 'utf8').includes(root)) {
      throw new Error(`${name} contains ${root}`);
    }
    if (name.endsWith('.map')) {
      for (const source of JSON.parse(readFileSync(file, 'utf8')).sources) {
        readFileSync(resolve(file, '..', source));
      }
    }
  }
}

function checkTypes(compilerOptions) {
  const options = { strict: true, skipLibCheck: false, noEmit: true, target: 'ES2022', ...compilerOptions };
  writeFileSync(
    join(consumer, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }, undefined, 2),
  );
  run(consumer, tool('tsc'), '-p', '.');
}

/** Imports, or requires, every entry point: each exports something. */
function checkEntryPoints(type, load) {
  const check = entryPoints.map(
    (name) => `if (Object.keys(${load(name)}).length === 0) throw new Error('${name} is empty');`,
  );
  run(consumer, process.execPath, `--input-type=${type}`, '--eval', check.join('\n'));
}

/** Without the dashes npx would take `--help` for itself. */
function checkCommand() {
  const help = run(consumer, 'npx', '--no', '--', 'roam-actors', '--help');
  if (!help.includes('roam-actors')) {
    throw new Error(`roam-actors --help prints no help: ${help}`);
  }
}

let failed = 0;

/** Runs `action` and prints how it went; returns what it returns, nothing when it threw. */
function step(name, action) {
  try {
    const result = action();
    console.log(`passed  ${name}`);
    return result;
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkTarball(tarball) {
  step('publint', () => run(root, tool('publint'), 'run', tarball, '--strict'));
  // An ECMAScript module that CommonJS resolves to is what an ESM-only package is: Node 20.19 and later `require` it. The
  // profile `esm-only` would leave out node10 as well, which works here (`typesVersions`), so only that one rule is off.
  step('are the types wrong?', () =>
    run(root, tool('attw'), tarball, '--no-definitely-typed', '--ignore-rules', 'cjs-resolves-to-esm'),
  );
}

function checkConsumer(tarball) {
  mkdirSync(consumer);
  cpSync(join(root, '.ci/consumer.ts'), join(consumer, 'consumer.ts'));
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  step('install', () => run(consumer, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball));
  step('files', checkFiles);
  step('import', () => checkEntryPoints('module', (name) => `await import('${name}')`));
  step('require', () => checkEntryPoints('commonjs', (name) => `require('${name}')`));
  for (const [name, options] of Object.entries(compilations)) {
    step(`types: ${name}`, () => checkTypes(options));
  }
  step('npx roam-actors --help', checkCommand);
}

try {
  const tarball = step('npm pack', pack);
  if (tarball !== undefined) {
    checkTarball(tarball);
    checkConsumer(tarball);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
