// Packs the package as `npm publish` would and uses the tarball as a stranger would: in an empty project, by every
// entry point, with every module resolution of TypeScript's, in a bundle, from the command line. The package must be small.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'roam-actors-package-'));
const consumer = join(temporary, 'consumer');
const installed = join(consumer, 'node_modules/roam-actors');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryPoints = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => join(manifest.name, subpath));

/** What the package may take, unpacked and without its dependencies. */
const MAX_BYTES = 2_000_000;
const MAX_FILES = 80;

/** Packages that only some entry points need, and no program without these is to load or to bundle. */
const RESERVED = {
  '@noble/hashes': ['roam-actors/client', 'roam-actors/postcard', 'roam-actors/reliable'],
  '@viz-js/viz': ['roam-actors/diagram'],
  ws: ['roam-actors/client', 'roam-actors/inspect', 'roam-actors/websocket'],
};

/** Runs a command to its end and returns what it printed; throws with all of that when it fails. */
function run(cwd, command, ...args) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 240_000,
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

/** The package is small: no sources beside what is built from them, no maps, and no path of this machine. */
function checkFiles() {
  const names = readdirSync(installed, { recursive: true }).filter((name) => statSync(join(installed, name)).isFile());
  const bytes = names.reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
  console.log(`        ${bytes} bytes in ${names.length} files`);
  if (bytes > MAX_BYTES) throw new Error(`it may have ${MAX_BYTES} bytes`);
  if (names.length > MAX_FILES) throw new Error(`it may have ${MAX_FILES} files`);
  for (const name of names) {
    if (/\.map$|(?<!\.d)\.tsx?$/.test(name)) throw new Error(`${name} is nothing that a user needs`);
    if (/\.(js|ts|md|json)$/.test(name) && readFileSync(join(installed, name), 'utf8').includes(root)) {
      throw new Error(`${name} contains ${root}`);
    }
  }
}

/** What a bundler makes of the entry point `name`; throws when it finds anything wrong. */
async function bundle(name, options) {
  const { warnings, metafile } = await build({
    absWorkingDir: consumer,
    stdin: { contents: `export * from '${name}'`, resolveDir: consumer },
    bundle: true,
    format: 'esm',
    metafile: true,
    write: false,
    logLevel: 'silent',
    ...options,
  });
  if (warnings.length > 0) throw new Error(`${name}: ${warnings.map(({ text }) => text).join('\n')}`);
  return Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
}

/** Each entry point needs its own packages only. */
async function checkDependencies() {
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const external = packages.flatMap((name) => [name, `${name}/*`]);
  for (const name of entryPoints) {
    const imports = await bundle(name, { platform: 'node', external });
    for (const [reserved, users] of Object.entries(RESERVED)) {
      const isImported = imports.some((path) => path === reserved || path.startsWith(`${reserved}/`));
      if (isImported !== users.includes(name)) {
        throw new Error(`${name} imports ${isImported ? '' : 'nothing of '}${reserved}`);
      }
    }
  }
}

/** Bundlers for browsers get by without Node, and without the optional packages, which are not installed. */
async function checkBrowser() {
  const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  for (const name of entryPoints) {
    const imports = await bundle(name, { platform: 'browser', external: [...builtins] });
    const isForNode = imports.some((path) => builtins.has(path));
    if (isForNode !== (name === 'roam-actors/tcp')) throw new Error(`${name} imports ${imports.join(', ')}`);
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

/** The benchmark of compiled machines, which measures for a moment only, runs where nothing but the package is. */
async function checkBenchmark() {
  const outfile = join(consumer, 'compile.mjs');
  await build({ entryPoints: [join(root, 'bench/compile.ts')], outfile, format: 'esm', logLevel: 'silent' });
  const rows = run(consumer, process.execPath, outfile, '--quick')
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row));
  const isWhole = rows.every(({ xstate, compiled }) => xstate.events > 0 && compiled.events > 0);
  if (rows.length !== 4 || !isWhole) throw new Error(JSON.stringify(rows));
}

/** Without the dashes npx would take `--help` for itself. */
function checkCommand() {
  const help = run(consumer, 'npx', '--no', '--', 'roam-actors', '--help');
  if (!help.includes('roam-actors')) {
    throw new Error(`roam-actors --help prints no help: ${help}`);
  }
}

/** `roam-actors inspect` serves its page, and Graphviz only where that is installed. */
async function checkViewer(hasGraphviz) {
  const command = join(consumer, 'node_modules/.bin/roam-actors');
  const server = spawn(command, ['inspect', '--port', '0'], { cwd: consumer, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let printed = '';
    for await (const chunk of server.stdout) {
      printed += chunk;
      if (printed.includes('token=')) break;
    }
    const [url] = /http:\S+/.exec(printed) ?? [];
    const page = await (await fetch(url)).text();
    const files = [...page.matchAll(/(?:src|href)="([\w.-]+)"/g)].map(([, file]) => file);
    for (const file of ['viewer.js', 'viewer.css', 'draw.js', 'graphviz.js', ...files]) {
      const { status } = await fetch(new URL(file, url));
      const expected = file === 'graphviz.js' && !hasGraphviz ? 404 : 200;
      if (status !== expected) throw new Error(`${file}: status ${status}, not ${expected}`);
    }
  } finally {
    server.kill();
  }
}

let failed = 0;

/** Runs `action` and prints how it went; returns what it returns, nothing when it threw. */
async function step(name, action) {
  try {
    const result = await action();
    console.log(`passed  ${name}`);
    return result;
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

async function checkTarball(tarball) {
  await step('publint', () => run(root, tool('publint'), 'run', tarball, '--strict'));
  // An ECMAScript module that CommonJS resolves to is what an ESM-only package is: Node 20.19 and later `require` it. The
  // profile `esm-only` would leave out node10 as well, which works here (`typesVersions`), so only that one rule is off.
  await step('are the types wrong?', () =>
    run(root, tool('attw'), tarball, '--no-definitely-typed', '--ignore-rules', 'cjs-resolves-to-esm'),
  );
}

async function checkConsumer(tarball) {
  mkdirSync(consumer);
  for (const file of ['consumer.ts', 'program.mjs']) cpSync(join(root, '.ci', file), join(consumer, file));
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const install = (name) => run(consumer, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', name);
  await step('install', () => install(tarball));
  await step('files', checkFiles);
  await step('import', () => checkEntryPoints('module', (name) => `await import('${name}')`));
  await step('require', () => checkEntryPoints('commonjs', (name) => `require('${name}')`));
  for (const [name, options] of Object.entries(compilations)) {
    await step(`types: ${name}`, () => checkTypes(options));
  }
  await step('dependencies', checkDependencies);
  await step('bundles for browsers', checkBrowser);
  await step('a program', () => run(consumer, process.execPath, 'program.mjs'));
  await step('the benchmark of compiled machines', checkBenchmark);
  await step('npx roam-actors --help', checkCommand);
  await step('roam-actors inspect', () => checkViewer(false));
  await step('install Graphviz', () => install(join(root, 'node_modules/@viz-js/viz')));
  await step('a program, with Graphviz', () => run(consumer, process.execPath, 'program.mjs', 'with'));
  await step('roam-actors inspect, with Graphviz', () => checkViewer(true));
}

try {
  const tarball = await step('npm pack', pack);
  if (tarball !== undefined) {
    await checkTarball(tarball);
    await checkConsumer(tarball);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
