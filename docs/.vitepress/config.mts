// The documentation as a site: npm run docs serves it, npm run docs:build builds it and checks its links.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';

const docs = new URL('..', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('../package.json', docs), 'utf8'));
const repository: string = manifest.homepage.replace(/#.*/, '');

const isThere = (name: string) => existsSync(new URL(`${name}.md`, docs));

function group(text: string, pages: readonly (readonly [name: string, title: string])[]): DefaultTheme.SidebarItem {
  const items = pages.filter(([name]) => isThere(name)).map(([name, title]) => ({ text: title, link: `/${name}` }));
  return { text, items };
}

/** The entry points, as typedoc.config.mjs names them. */
function api(): DefaultTheme.SidebarItem {
  const folder = new URL('api/', docs);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.includes('.')) : [];
  return {
    text: 'API',
    items: names.map((name) => ({
      text: name === 'roam-actors' ? name : `roam-actors/${name}`,
      link: `/api/${name}/`,
    })),
  };
}

export default defineConfig({
  title: 'roam-actors',
  description: manifest.description,
  // A host that serves the site below a path names that path: DOCS_BASE=/roam-actors/ npm run docs:build
  base: process.env['DOCS_BASE'] ?? '/',
  outDir: fileURLToPath(new URL('../dist-docs', docs)),
  cacheDir: fileURLToPath(new URL('../node_modules/.cache/vitepress', docs)),
  markdown: {
    config: (markdown) => {
      // Files outside of docs/ are no pages of the site: their links lead to the repository.
      const openLink = markdown.renderer.rules['link_open'];
      markdown.renderer.rules['link_open'] = (tokens, index, options, env, self) => {
        const token = tokens[index];
        const href = token?.attrGet('href') ?? '';
        if (href.startsWith('../') && !env.relativePath?.startsWith('api/')) {
          token?.attrSet('href', `${repository}/blob/main/${href.slice('../'.length)}`);
        }
        return openLink === undefined
          ? self.renderToken(tokens, index, options)
          : openLink(tokens, index, options, env, self);
      };
    },
  },
  themeConfig: {
    nav: [
      { text: 'Services', link: '/services' },
      { text: 'Protocol', link: '/protocol' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [
      group('Use it', [
        ['index', 'All pages'],
        ['services', 'Services'],
        ['client', 'The client that comes back'],
        ['server', 'Servers'],
        ['sessions', 'Sessions and connections'],
        ['links', 'Links'],
        ['reliable', 'Links that may break'],
        ['command', 'The command'],
        ['embedding', 'Embedding'],
        ['compile', 'Compiled statecharts'],
        ['inspect', 'Watching sessions'],
        ['try/index', 'Try the viewer'],
        ['errors', 'Errors'],
        ['security', 'Security'],
        ['conformance', 'Test your own peers'],
        ['faq', 'Questions'],
      ]),
      group('Speak the protocol', [
        ['protocol', 'Row by row'],
        ['wire-format', 'Wire format'],
        ['payloads', 'Payloads'],
        ['rust', 'Rust peers'],
        ['peers', 'Official peers'],
        ['custom', 'Codecs of your own'],
        ['machines', 'The machines'],
        ['differences', 'Differences from the reference'],
      ]),
      group('Change it', [
        ['architecture', 'Architecture'],
        ['testing', 'How it is tested'],
        ['reference', 'The reference'],
        ['benchmark', 'Benchmark'],
        ['benchmark-wire', 'Benchmark beside Rust'],
        ['fairness', 'Fairness'],
        ['soak', 'Soak'],
      ]),
      api(),
    ],
    socialLinks: [{ icon: 'github', link: repository }],
    search: { provider: 'local' },
    outline: [2, 3],
  },
});
