// The pages of the API, from the doc comments: npm run docs and npm run docs:build write them to docs/api/.
import { Converter } from 'typedoc';

/** The source of each entry point of the package. */
const ENTRIES = {
  'roam-actors': 'src/index.ts',
  'roam-actors/core': 'src/session/index.ts',
  'roam-actors/websocket': 'src/link/websocket-node.ts',
  'roam-actors/tcp': 'src/link/tcp.ts',
  'roam-actors/memory': 'src/link/memory.ts',
  'roam-actors/ports': 'src/link/ports.ts',
  'roam-actors/client': 'src/client/client-node.ts',
  'roam-actors/postcard': 'src/payload/postcard/index.ts',
  'roam-actors/reliable': 'src/reliable/index.ts',
  'roam-actors/compile': 'src/compile/index.ts',
  'roam-actors/machines': 'machines/index.ts',
  'roam-actors/diagram': 'src/diagram/index.ts',
  'roam-actors/inspect': 'src/inspect/inspect-node.ts',
  'roam-actors/testing': 'src/testing/index.ts',
};

/** Calls each module as it is imported, not as its file. */
function nameModules(app) {
  const names = new Map(
    Object.entries(ENTRIES).map(([name, file]) => [
      file.replace(/(\/index)?\.ts$/, ''),
      name.replace('roam-actors/', ''),
    ]),
  );
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
  });
}

/** @type {Partial<import('typedoc').TypeDocOptions & import('typedoc-plugin-markdown').PluginOptions>} */
export default {
  plugin: ['typedoc-plugin-markdown', nameModules],
  entryPoints: Object.values(ENTRIES).map((file) => `../${file}`),
  tsconfig: '../tsconfig.build.json',
  out: 'api',
  name: 'roam-actors',
  readme: 'none',
  entryFileName: 'index',
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  hideBreadcrumbs: true,
  githubPages: false,
  // `npm run types` checks them.
  skipErrorChecking: true,
  // Types that only the types of exports name have no pages of their own.
  validation: { notExported: false },
};
