import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as errors from '../src/base/errors.js';
import { DEFAULT_LIMITS } from '../src/base/limits.js';

const pagesIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.md'));
const PAGES = [...pagesIn('.'), ...pagesIn('docs').map((name) => `docs/${name}`), 'test/planted.md'];

const textOf = (page: string) => readFileSync(page, 'utf8');

/** The rows of the tables in one section, cell by cell, without their headings. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map((cells) => cells.slice(1, -1));
}

/** A section of a page, from its heading to the next one. */
function sectionOf(page: string, heading: string): string {
  const [, section = ''] = textOf(page).split(`\n## ${heading}\n`);
  return section.split(/^## /m)[0] ?? '';
}

describe('docs/security.md', () => {
  it('lists every limit with its default', () => {
    const rows = rowsOf(sectionOf('docs/security.md', 'Limits'));
    const listed = rows.map(([name = '', value = '']) => [name, Number(value.replace(/[^0-9]/g, ''))]);
    expect(Object.fromEntries(listed)).toEqual(DEFAULT_LIMITS);
  });
});

describe('test/planted.md', () => {
  it('names tests that there are', () => {
    const rows = [...textOf('test/planted.md').matchAll(/^\| .* \| `([\w/-]+)`: (.*?)(?: \(.*\))? +\|$/gm)];
    expect(rows.length).toBeGreaterThan(25);
    for (const [, file = '', title = ''] of rows) {
      // The cases of a row are data; docs/protocol.md lists those of the table.
      const row = /^row (.*)$/.exec(title)?.[1];
      if (row === undefined) expect(textOf(`test/${file}.test.ts`)).toContain(title);
      else expect(textOf('docs/protocol.md')).toContain(`\n### Row ${row}\n`);
    }
  });
});

/** The names of the error classes: the module has functions about errors, too. */
const ERRORS = Object.entries(errors).flatMap(([name, value]) => (value.prototype instanceof Error ? [name] : []));

describe('docs/errors.md', () => {
  it('lists every error with its code', () => {
    const made = [
      new errors.InvalidArgument(''),
      new errors.HandshakeError(''),
      new errors.ConnectionRejected(1, []),
      new errors.ConnectionClosed('local', ''),
      new errors.SessionClosed('local'),
      new errors.ProtocolError('remote', ''),
      new errors.LinkError(''),
      new errors.KeepaliveError(''),
      new errors.LimitExceeded('', ''),
      new errors.ApplicationError(undefined),
      new errors.UnknownMethod(),
      new errors.InvalidPayload(),
      new errors.Cancelled('peer'),
      new errors.ChannelClosed('peer', ''),
      new errors.Unavailable(''),
      new errors.Refused('forbidden', ''),
    ];
    expect(made).toHaveLength(ERRORS.length);
    const [table = ''] = textOf('docs/errors.md').split(/^## /m);
    expect(Object.fromEntries(rowsOf(table).map(([name, code]) => [name, code]))).toEqual(
      Object.fromEntries(made.map(({ name, code }) => [name, code])),
    );
  });

  it.each(ERRORS)('has a section on %s with its cause and its remedy', (name) => {
    const section = sectionOf('docs/errors.md', name);
    expect(section).toContain('**Cause.**');
    expect(section).toContain('**Remedy.**');
  });
});

describe('the README', () => {
  it('is at most 25 KB long', () => {
    expect(statSync('README.md').size).toBeLessThanOrEqual(25_000);
  });

  it('leads to every page of the documentation, by itself or by docs/index.md', () => {
    const linked = [...linksOf('README.md'), ...linksOf('docs/index.md')].map(({ file }) => file);
    expect(PAGES.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([]);
  });
});

describe('the site', () => {
  it('has every page of the documentation in its sidebar', () => {
    const [, sidebar = ''] = textOf('docs/.vitepress/config.mts').split('sidebar: [');
    const listed = [...sidebar.matchAll(/\['([\w/-]+)', '/g)].map(([, name = '']) => `${name}.md`);
    expect(pagesIn('docs').filter((name) => !listed.includes(name))).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  it('names functions that are in the files that it links to', () => {
    const named = textOf('docs/architecture.md').matchAll(/`(\w+)\.(#?\w+)`\s+in\s+\[(src\/[^\]]+)\]/g);
    const functions = [...named].map(([, type = '', name = '', file = '']) => ({ type, name, file }));
    expect(functions.length).toBeGreaterThan(15);
    const missing = functions.filter(({ type, name, file }) => {
      const text = textOf(file);
      return (
        !text.includes(`class ${type}`) || !new RegExp(`^ {2}(async |readonly )?${name}( = )?[<(]`, 'm').test(text)
      );
    });
    expect(missing).toEqual([]);
  });
});

describe('docs/machines.md', () => {
  it('shows every picture of a machine and of an exchange', () => {
    const shown = linksOf('docs/machines.md').map(({ file }) => file);
    const drawn = ['diagrams', 'diagrams/sequences'].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.svg'))
        .map((name) => `${folder}/${name}`),
    );
    expect(drawn.filter((file) => !shown.includes(file))).toEqual([]);
  });
});

describe('package.json', () => {
  it('names the repository in one way, so that its owner is filled in at one place', () => {
    const { homepage, bugs, repository } = JSON.parse(textOf('package.json'));
    const [, base = ''] = /^git\+(https:\/\/.+)\.git$/.exec(repository.url) ?? [];
    expect({ homepage, bugs }).toEqual({ homepage: `${base}#readme`, bugs: `${base}/issues` });
  });
});

interface PageLink {
  readonly target: string;
  /** From the root of the project. */
  readonly file: string;
  readonly anchor: string | undefined;
}

/** The links and pictures of a page that stay within the project. */
function linksOf(page: string): PageLink[] {
  const text = textOf(page).replaceAll(/^```[\s\S]*?^```/gm, '');
  const targets = [
    ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    ...[...text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)].map(([, target = '']) => target),
  ];
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { target, file: path === '' ? page : join(dirname(page), path), anchor };
    });
}

/** The anchors of a page's headings, as code hosts make them. */
function anchorsOf(page: string): string[] {
  const headings = textOf(page)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the links of the documentation', () => {
  it.each(PAGES)('%s links to files and headings that are there', (page) => {
    const dead = linksOf(page)
      .filter(({ target }) => !target.startsWith('../../'))
      .filter(({ file, anchor }) => {
        if (!existsSync(file)) return true;
        return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor);
      });
    expect(dead.map(({ target }) => target)).toEqual([]);
  });
});
