// Bundles of what is published, for a browser, minified and compressed, with XState: what each weighs, and what each module
// costs. It fails where a bundle is above its budget. `npm run size` builds first; with `--check` it leaves the modules out, and
// with `--json` it prints the sizes alone.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** The package as it is published, and the modules as tsc writes them: a chunk of dist/ would not tell them apart. */
const ROOTS = ['dist', 'build'].map((name) => fileURLToPath(new URL(`../${name}/src/`, import.meta.url)));

/**
 * The bundles: what each takes from which module, and the kilobytes (of 1 000 bytes) that it may have. The plan's targets are
 * 52 for the first one and 60 for the second one.
 */
const BUNDLES = {
  'core and postcard': {
    most: 71.1,
    takes: {
      'session/index.js': 'initiate, channel',
      'payload/postcard/index.js': 'postcard',
      'link/websocket-browser.js': 'connectWebSocket',
    },
  },
  'sessions with the default codec': {
    most: 77.4,
    takes: { 'index.js': 'initiate', 'link/websocket-browser.js': 'connectWebSocket' },
  },
  services: {
    most: 87.5,
    takes: {
      'index.js': 'initiate, method, service, routes, channel',
      'link/websocket-browser.js': 'connectWebSocket',
    },
  },
};

/** Modules below this many bytes are listed together. */
const FEW_BYTES = 400;

/** Bundles what `takes` names from the modules in `root`. Returns the code, and the bytes of each module in it. */
async function bundle(root, takes) {
  const lines = Object.entries(takes).map(([module, names]) => `export { ${names} } from '${root}${module}'`);
  const { outputFiles, metafile } = await build({
    stdin: { contents: lines.join('\n'), resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    // As bundlers do by default. Without 'module', XState is CommonJS, of which nothing is left out.
    conditions: ['browser', 'module'],
    define: { 'process.env.NODE_ENV': '"production"' },
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const modules = Object.entries(inputs).map(([path, { bytesInOutput }]) => [nameOf(path), bytesInOutput]);
  return { code: outputFiles[0].contents, modules };
}

/** A module of ours by its path in the sources, another one by its package. */
function nameOf(path) {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  return name ?? path.replace(/^.*build\//, '').replace(/\.js$/, '');
}

/** The modules with their bytes, the largest first. The files of one package count together, and so do small modules. */
function ranked(modules) {
  const sums = new Map();
  for (const [name, bytes] of modules) sums.set(name, (sums.get(name) ?? 0) + bytes);
  const all = [...sums].sort(([, a], [, b]) => b - a);
  const small = all.filter(([, bytes]) => bytes < FEW_BYTES);
  const rest = small.reduce((sum, [, bytes]) => sum + bytes, 0);
  return [
    ...all.slice(0, all.length - small.length),
    [`${small.length} modules of less than ${FEW_BYTES} bytes`, rest],
  ];
}

const [published, built] = ROOTS;
const isBrief = process.argv.includes('--check');
const isJson = process.argv.includes('--json');
const sizes = {};
for (const [name, { most, takes }] of Object.entries(BUNDLES)) {
  const { code } = await bundle(published, takes);
  const kilobytes = gzipSync(code, { level: 9 }).length / 1_000;
  sizes[name] = Number(kilobytes.toFixed(1));
  if (isJson) continue;
  const isOver = kilobytes > most;
  if (isOver) process.exitCode = 1;
  console.log(`${isOver ? 'TOO BIG' : 'ok     '} ${kilobytes.toFixed(1).padStart(5)} KB of ${most}  ${name}`);
  if (isBrief) continue;
  // A module can't be compressed alone. Each is given its part of the compressed bundle by its share of the code.
  const apart = await bundle(built, takes);
  for (const [module, bytes] of ranked(apart.modules)) {
    console.log(`        ${((bytes / apart.code.length) * kilobytes).toFixed(2).padStart(6)}  ${module}`);
  }
}
if (isJson) console.log(JSON.stringify(sizes));
