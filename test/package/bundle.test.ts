import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from '@jest/globals';
import { type BuildResult, build, stop } from 'esbuild';

// Checks the package as a browser's bundler sees it: all modules behind its entry points, under the `browser` condition.

const root = fileURLToPath(new URL('../../', import.meta.url));

type Target = string | { readonly [condition: string]: Target };

const manifest: { readonly exports: Readonly<Record<string, Target>> } = JSON.parse(
  readFileSync(`${root}package.json`, 'utf8'),
);

/** Resolves `target` under `conditions` like Node and the bundlers: the first key that applies wins. */
function resolve(target: Target, conditions: ReadonlySet<string>): string | undefined {
  if (typeof target === 'string') {
    return target;
  }
  for (const [condition, inner] of Object.entries(target)) {
    const found = conditions.has(condition) ? resolve(inner, conditions) : undefined;
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** Returns the source of the file that a browser gets for `subpath`. */
function browserSource(subpath: string): string {
  const target = resolve(manifest.exports[subpath] ?? {}, new Set(['browser', 'import', 'default']));
  const source = /^\.\/dist\/(.+)\.js$/.exec(target ?? '')?.[1];
  if (source === undefined) {
    throw new Error(`package.json exports no module of dist/ as ${subpath}`);
  }
  return `${source}.ts`;
}

function bundle(source: string): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    absWorkingDir: root,
    entryPoints: [source],
    outfile: 'bundle.js',
    bundle: true,
    format: 'iife',
    globalName: 'roam',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    // Node's modules stay external, by both of their names, so that the test can find them.
    external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
}

/** Returns the globals that every browser has, and none of Node's own. */
function browserGlobals(): Record<string, unknown> {
  return {
    AbortController,
    AbortSignal,
    Event,
    EventTarget,
    TextDecoder,
    TextEncoder,
    clearInterval,
    clearTimeout,
    console,
    performance,
    queueMicrotask,
    setInterval,
    setTimeout,
    WebSocket: class {},
  };
}

afterAll(() => stop());

/** Entry points that browsers cannot use, since browsers have no sockets. */
const NODE_ONLY = new Set(['./tcp']);

const entryPoints = Object.keys(manifest.exports).filter(
  (subpath) => subpath !== './package.json' && !NODE_ONLY.has(subpath),
);

test.each([...NODE_ONLY])('%s is for Node only, and needs it', async (subpath) => {
  const { metafile } = await bundle(browserSource(subpath));
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  expect(imports.filter(({ external }) => external === true).map(({ path }) => path)).toContain('node:net');
});

test('the ./websocket of a browser is the browser’s own', () => {
  expect(browserSource('./websocket')).toBe('src/link/websocket-browser.ts');
});

test.each(entryPoints)('%s bundles for a browser without a warning, without Node and without ws', async (subpath) => {
  const { errors, warnings, metafile, outputFiles } = await bundle(browserSource(subpath));
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });

  const inputs = Object.entries(metafile.inputs);
  // `(disabled):` marks a Node module that a package's own `browser` field excludes.
  expect(inputs.map(([path]) => path).filter((path) => /^(node_modules\/ws\/|\(disabled\):)/.test(path))).toEqual([]);
  const external = inputs.flatMap(([path, { imports }]) =>
    imports.filter((used) => used.external === true).map((used) => `${path} imports ${used.path}`),
  );
  expect(external).toEqual([]);

  const [{ contents, text } = { contents: new Uint8Array(), text: '' }] = outputFiles;
  process.stderr.write(
    `      ${subpath}: ${kibibytes(contents.length)} minified, ${kibibytes(gzipSync(contents).length)} gzipped\n`,
  );

  // The bundle also loads where there is no `process`, no `Buffer` and no `require`.
  expect(load(text)).toEqual({ exports: true });
});

/** Runs the bundle `text` as a script in a browser's globals. Returns its exports or its error. */
function load(text: string): unknown {
  try {
    const names: unknown = runInContext(`${text}\nObject.keys(roam)`, createContext(browserGlobals()));
    return { exports: Array.isArray(names) && names.length > 0 };
  } catch (error) {
    // Its message alone: the stack quotes the line, which is the whole bundle.
    return { error: String(error) };
  }
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
