// Bundles build/ into dist/. Each entry point of package.json becomes one file, at the path that package.json names; what
// several entry points use goes into chunks, code and types alike. So each class and each machine exists once, also in a
// program that imports several entry points. The code keeps its names and lines, and so needs no source maps; the comments stay in the types. Biome then indents it by tabs,
// which are shorter.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { transform } from 'esbuild';
import { dts } from 'rollup-plugin-dts';

const { bin, exports, dependencies, peerDependencies } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
);

const builtins = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
const packages = Object.keys({ ...dependencies, ...peerDependencies });

/** The paths in a part of package.json, of all conditions. */
const pathsIn = (part) => (typeof part === 'string' ? [part] : Object.values(part).flatMap(pathsIn));

/** The files of build/ to bundle, by their names in dist/. */
function inputs(ending, ...parts) {
  const names = parts
    .flatMap(pathsIn)
    .filter((path) => path.startsWith('./dist/') && path.endsWith(ending))
    .map((path) => path.slice('./dist/'.length, -ending.length));
  return Object.fromEntries(names.map((name) => [name, `build/${name}${ending}`]));
}

/** Types that are used and not exported; they were out of a user's reach before they were bundled, too. */
const isUnexported = ({ plugin, message }) => plugin === 'dts' && message.includes('private shared type exports');

/** Drops imports of chunks of which a file uses nothing: no chunk has side effects, as package.json says. */
const withoutBareImports = {
  name: 'without-bare-imports',
  renderChunk: (code) => ({ code: code.replace(/^import '\.\.?\/[^']*';\n/gm, ''), map: null }),
};

/** Drops comments: they are a third of the code, and the types have those for users. */
const withoutComments = {
  name: 'without-comments',
  renderChunk: async (code) => ({ code: (await transform(code, { target: 'es2022' })).code, map: null }),
};

/** @type {import('rollup').RollupOptions} */
const common = {
  external: [...builtins, ...packages.map((name) => new RegExp(`^${name}(/|$)`))],
  onwarn(warning) {
    if (!isUnexported(warning)) throw new Error(warning.message);
  },
};

/** @type {import('rollup').RollupOptions[]} */
export default [
  {
    ...common,
    input: inputs('.js', exports, bin),
    plugins: [withoutBareImports, withoutComments],
    output: {
      dir: 'dist',
      chunkFileNames: 'chunks/[name].js',
      hoistTransitiveImports: false,
      // The protocol's tables are a file of their own, which `npm run build` makes compact: they are data.
      // What everything needs is one file, too.
      manualChunks(id) {
        if (/\/build\/spec\//.test(id)) return 'rows';
        if (/\/build\/src\/compile\//.test(id)) return 'compile';
        // A bundler drops a whole chunk that a page does not use, but not the classes and tables within one that it uses.
        if (/\/build\/src\/codec\/postcard\/(?!malformed)/.test(id)) return 'postcard';
        if (/\/build\/src\/reliable\/(?!index|frames|hello)/.test(id)) return 'links';
        // Beside the server, it would bring the server into each page of sessions.
        if (/\/session\/default-codec\.js$/.test(id)) return 'default-codec';
        // Both codecs, and the payloads of both, write with these.
        if (/\/(codec\/(text|msgpack\/(layout|writer))|payload\/payload-bytes)\.js$/.test(id)) return 'base';
        return /\/build\/src\/(base|wire)\//.test(id) ? 'base' : undefined;
      },
      onlyExplicitManualChunks: true,
      // Small chunks join others, where no entry point imports more for that.
      experimentalMinChunkSize: 40_000,
    },
  },
  {
    ...common,
    input: inputs('.d.ts', exports),
    plugins: [dts()],
    output: {
      dir: 'dist',
      // The plugin's names end in `.d`.
      chunkFileNames: 'chunks/[name].ts',
      // Types that many entry points share are in two files, so that there are fewer. Neither needs the types of Node.
      manualChunks(id) {
        if (/build\/src\/(base|wire|codec|link\/(link|websocket|connect)\.d)/.test(id)) return 'messages.d';
        return /build\/machines\/(?!index)/.test(id) ? 'sessions.d' : undefined;
      },
      // For `Symbol.dispose` and `Symbol.asyncDispose`.
      banner: '/// <reference lib="esnext.disposable" preserve="true" />',
    },
  },
];
