// Imports go one way, from each layer of src to the layers below it; tests, bench and examples may import all.
import { readFileSync } from 'node:fs';

/** The few files that may know that they run in Node. */
const NODE_ONLY =
  '^src/(cli/|link/(listen|stream|tcp|websocket-node)\\.ts$|inspect/inspect-node\\.ts$|client/client-node\\.ts$|viewer/build\\.mjs$)';

/** What bench/ has to itself, and installs only to be run. */
const BENCHED = Object.keys(JSON.parse(readFileSync('bench/package.json', 'utf8')).dependencies).map(
  (name) => `^${name}(/|$)`,
);

/** What each folder may import besides itself, from the ground up. Types count. */
const LAYERS = {
  wire: [],
  compile: [],
  base: ['wire'],
  codec: ['wire', 'base'],
  link: ['wire', 'base'],
  reliable: ['wire', 'compile', 'base', 'link'],
  conduit: ['wire', 'compile', 'base', 'codec', 'link'],
  calls: ['wire', 'compile', 'base', 'codec', 'link', 'conduit'],
  session: ['wire', 'compile', 'base', 'codec', 'link', 'conduit', 'calls'],
  payload: ['wire', 'base', 'codec', 'calls'],
  service: ['wire', 'base', 'codec', 'link', 'conduit', 'calls', 'session', 'payload'],
  client: ['wire', 'base', 'link', 'reliable', 'conduit', 'session', 'payload', 'service'],
  server: ['wire', 'base', 'link', 'session', 'service'],
};

/** Of these each may import the machines, whose events and ports they know. */
const KNOWS_MACHINES = ['reliable', 'conduit', 'calls', 'session', 'service', 'client'];

const layers = Object.entries(LAYERS).map(([folder, below]) => ({
  name: `layer-${folder}`,
  comment: `src/${folder} stands on ${below.length === 0 ? 'nothing of ours' : below.join(', ')}.`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^(src|machines)/',
    pathNot: [`^src/(${[folder, ...below].join('|')})/`, ...(KNOWS_MACHINES.includes(folder) ? ['^machines/'] : [])],
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two modules that import each other are one module in two files.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: { pathNot: '^bench/' },
      // The package by its own name leads to dist/, which is there after a build only.
      to: { couldNotResolve: true, pathNot: '^roam-actors(/|$)' },
    },
    {
      name: 'no-unresolved-in-bench',
      comment: 'The import leads nowhere, and not to what `npm run bench` installs.',
      severity: 'error',
      from: { path: '^bench/' },
      to: { couldNotResolve: true, pathNot: ['^roam-actors(/|$)', ...BENCHED] },
    },
    ...layers,
    {
      name: 'root-is-the-index',
      comment: 'Each file of src has a layer; the public surface alone stands at the root.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/index\\.ts$' },
      to: {},
    },
    {
      name: 'machines-are-pure',
      comment: 'A machine imports xstate, src/wire and other machines: no effect, no socket, no clock.',
      severity: 'error',
      from: { path: '^machines/' },
      to: { pathNot: ['^machines/', '^src/wire/', '^node_modules/xstate/'] },
    },
    {
      name: 'src-stands-alone',
      comment: 'What is shipped imports nothing that is not.',
      severity: 'error',
      from: { path: '^(src|machines)/' },
      to: { path: ['^(test|bench|examples|diagrams|build|dist|\\.ci)/', '^roam-actors(/|$)'] },
    },
    {
      name: 'runtime-dependencies-only',
      comment:
        'What is shipped imports what package.json lists under dependencies; types of development packages end up in none of our own.',
      severity: 'error',
      // The page is bundled, with what it needs.
      from: { path: '^(src|machines)/', pathNot: '^src/viewer/' },
      // An optional peer has to be a development package, too.
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '^node_modules/@(types|viz-js)/' },
    },
    {
      name: 'viewer-is-a-leaf',
      comment: 'The page is served as a file; nothing that is shipped imports it.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: '^src/viewer/' },
      to: { path: '^src/viewer/' },
    },
    {
      name: 'viewer-model-is-pure',
      comment: 'What the page knows is apart from how it shows it: it runs in tests without a browser.',
      severity: 'error',
      from: { path: '^src/viewer/model/' },
      to: { pathNot: '^src/(viewer/model|inspect|diagram)/' },
    },
    {
      name: 'runs-in-browsers',
      comment: 'Only the command line and the links for Node know about Node.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: NODE_ONLY },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'ws-is-for-node',
      comment: 'ws does not work in a browser.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: NODE_ONLY },
      to: { path: '^node_modules/(@types/)?ws/' },
    },
    {
      name: 'node-files-are-leaves',
      comment: 'A file that knows about Node is an entry point; nothing that runs in browsers may lead to it.',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: NODE_ONLY },
      to: { path: NODE_ONLY },
    },
    {
      name: 'oracle-is-independent',
      comment:
        'The tables in spec are written from the specification: they may share names with the code, and nothing else.',
      severity: 'error',
      from: { path: '^spec/' },
      to: { pathNot: ['^spec/', '^src/wire/'] },
    },
    {
      name: 'tests-use-no-build',
      comment: 'A test that runs against dist tests what was, not what is.',
      severity: 'error',
      from: { path: '^test/' },
      // The tables of the documentation are made by what stands in bench/ and imports nothing of the library.
      to: {
        path: ['^(dist|bench|examples)/', '^roam-actors(/|$)'],
        pathNot: '^bench/(bystander|client|reliable|wire)-table\\.ts$',
      },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^(node_modules/.*/node_modules|coverage|bench/dist)/' },
    // Type-only imports count too: they are how one part gets to know another.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
