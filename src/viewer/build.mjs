// Bundles the page into dist/viewer/: its script and style, the script of the worker that draws statecharts, fonts, and the
// licences of all bundled code. With `--watch` it bundles again after every change.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}dist/viewer`;

/** @type {import('esbuild').Plugin} */
const diagrams = {
  name: 'diagrams',
  setup({ onLoad, onResolve }) {
    // The built layouts.js, which has its table filled in.
    onLoad({ filter: /\bdiagram[/\\]layouts\.ts$/ }, () => ({
      contents: readFileSync(`${root}build/src/diagram/layouts.js`, 'utf8'),
    }));
    // The page's server offers this file if the user has installed Graphviz.
    onResolve({ filter: /^@viz-js\/viz$/ }, () => ({ path: './graphviz.js', external: true }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const options = {
  absWorkingDir: root,
  entryPoints: [
    { in: 'src/viewer/main.tsx', out: 'viewer' },
    { in: 'src/viewer/draw.ts', out: 'draw' },
    { in: 'src/viewer/style/viewer.css', out: 'viewer' },
  ],
  outdir: folder,
  chunkNames: '[name]-[hash]',
  assetNames: '[name]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.woff2': 'file' },
  plugins: [diagrams],
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/** Returns the folder of the package that a bundled file belongs to. Undefined for our own files. */
function packageOf(path) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/** Collects the texts of the bundled packages' licences, which require that their text goes with the code. */
function licences({ inputs }) {
  const folders = [...new Set(Object.keys(inputs).map(packageOf))].filter((path) => path !== undefined).sort();
  return folders
    .map((path) => {
      const { name, license } = JSON.parse(readFileSync(`${root}${path}/package.json`, 'utf8'));
      const file = readdirSync(`${root}${path}`).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
      const text = file === undefined ? '' : readFileSync(`${root}${path}/${file}`, 'utf8');
      return `${name}: ${license}\n\n${text.trim()}\n`;
    })
    .join(`\n${'─'.repeat(80)}\n\n`);
}

mkdirSync(folder, { recursive: true });
cpSync(`${root}src/viewer/index.html`, `${folder}/index.html`);
if (process.argv.includes('--watch')) {
  const watching = await context(options);
  await watching.watch();
} else {
  const { metafile } = await build(options);
  writeFileSync(`${folder}/LICENSES.txt`, licences(metafile));
}
