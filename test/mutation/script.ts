import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import { build } from 'esbuild';
import type { Area } from './areas.js';
import type { Case } from './harness.js';

/** The tests of an area, with the code that they test, from one run of the script. */
export interface Tests {
  readonly cases: readonly Case[];
}

const here = dirname(fileURLToPath(import.meta.url));

/**
 * Bundles an area's tests and all their imports into one script, in a directory that may be a copy of this one. Each run of
 * the script loads all modules anew, machines included, within milliseconds.
 */
export async function scriptOf({ tests }: Area, directory: string): Promise<() => Tests> {
  const entry = [
    ...tests.flatMap((file) => [`import './begin:${file}';`, `import './${file}';`]),
    `export { cases } from '@jest/globals';`,
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
    external: ['@jest/fake-timers', 'expect', 'jest-mock', 'fast-check', 'msgpackr', 'ws', 'esbuild', 'typescript'],
    plugins: [
      {
        name: 'stand-ins',
        setup({ onLoad, onResolve }) {
          // Modules run in the order of their imports: this one runs before the tests of each file.
          onResolve({ filter: /^\.\/begin:/ }, ({ path }) => ({ path, namespace: 'begin' }));
          onLoad({ filter: /.*/, namespace: 'begin' }, () => ({
            contents: `import { beginFile } from '@jest/globals'; beginFile();`,
            resolveDir: directory,
          }));
          // A script has no address of its own.
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const text = await readFile(path, 'utf8');
            if (!text.includes('import.meta.url')) return undefined;
            const url = JSON.stringify(String(pathToFileURL(path)));
            return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
          });
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
  const script = new Script(`(function (require, module) {${outputFiles[0]?.text ?? ''}\n})`, {
    filename: 'tests.js',
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const require = createRequire(join(here, 'script.js'));
  return () => {
    const module = { exports: {} as Tests };
    (script.runInThisContext() as (require: NodeJS.Require, module: object) => void)(require, module);
    return module.exports;
  };
}
