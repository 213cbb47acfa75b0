import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { build } from 'esbuild';
import type { Area } from './areas.js';
import type { Case } from './harness.js';

/** The tests of an area, with the code that they test, from one run of the script. */
export interface Tests {
  readonly cases: readonly Case[];
  readonly preparations: readonly (() => unknown)[];
}

const here = dirname(fileURLToPath(import.meta.url));

/**
 * Bundles an area's tests and all their imports into one script, in a directory that may be a copy of this one. Each run of
 * the script loads all modules anew, machines included, within milliseconds.
 */
export async function scriptOf({ tests }: Area, directory: string): Promise<() => Tests> {
  const entry = [
    ...tests.map((file) => `import './${file}';`),
    `export { cases, preparations } from '@jest/globals';`,
  ].join('\n');
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: directory, sourcefile: 'entry.ts', loader: 'ts' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    write: false,
    // package.json says that our modules have no side effects, but these modules register tests.
    ignoreAnnotations: true,
    logLevel: 'error',
    // These packages are loaded only once: they are not mutated.
    external: ['expect', 'fast-check', 'msgpackr', 'ws'],
    define: { 'import.meta.url': JSON.stringify(String(pathToFileURL(join(directory, 'test/any/test.ts')))) },
    plugins: [
      {
        name: 'stand-ins',
        setup({ onResolve }) {
          onResolve({ filter: /^@jest\/globals$/ }, () => ({ path: join(directory, 'test/mutation/harness.ts') }));
          onResolve({ filter: /^fast-check$/ }, ({ importer }) =>
            importer.includes('test/mutation/') ? undefined : { path: join(directory, 'test/mutation/properties.ts') },
          );
          onResolve({ filter: /\/walks\.js$/ }, ({ importer }) =>
            importer.endsWith('test/mutation/walks.ts') || !importer.includes('test/machines/')
              ? undefined
              : { path: join(directory, 'test/mutation/walks.ts') },
          );
        },
      },
    ],
  });
  const script = new Script(`(function (require, module) {${outputFiles[0]?.text ?? ''}\n})`, { filename: 'tests.js' });
  const require = createRequire(join(here, 'script.js'));
  return () => {
    const module = { exports: {} as Tests };
    (script.runInThisContext() as (require: NodeJS.Require, module: object) => void)(require, module);
    return module.exports;
  };
}
