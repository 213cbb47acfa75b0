// Counts what docs/architecture.md gives a limit for, under "Measures", and fails where a count is above its limit.
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

const DOCUMENT = 'docs/architecture.md';

/** The folders that carry every message. */
const CORE = ['base', 'conduit', 'calls', 'session'];

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);

const textOf = (file) => readFileSync(file, 'utf8');
const linesOf = (files) => files.reduce((sum, file) => sum + textOf(file).split('\n').length - 1, 0);

const sources = [...filesOf('src'), ...filesOf('machines')];
const core = sources.filter((file) => CORE.some((folder) => file.startsWith(`src/${folder}/`)));

/** Calls `visit` for each node of the files. */
function walk(files, visit) {
  for (const file of files) {
    const source = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true);
    const down = (node) => {
      visit(node, source);
      ts.forEachChild(node, down);
    };
    down(source);
  }
}

/** The comments of a file. Text in quotes that looks like one counts, too: it can only make a count too high. */
const commentsOf = (file) => textOf(file).match(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g) ?? [];

const heritage = (node, kind) =>
  (node.heritageClauses ?? [])
    .filter(({ token }) => token === kind)
    .flatMap(({ types }) => types.map(({ expression, typeArguments = [] }) => [expression, ...typeArguments]))
    .map((parts) => parts.map((part) => part.getText()).join(' '));

/** Interfaces of the core that one class implements, and that users do not see. */
function lonelyInterfaces() {
  const shown = textOf('src/index.ts');
  const declared = new Set();
  walk(core, (node) => {
    if (ts.isInterfaceDeclaration(node) && !new RegExp(`\\b${node.name.text}\\b`).test(shown)) {
      declared.add(node.name.text);
    }
  });
  const implementers = new Map();
  walk(sources, (node) => {
    if (!ts.isClassDeclaration(node)) return;
    for (const name of heritage(node, ts.SyntaxKind.ImplementsKeyword).flatMap((text) => text.split(/\W+/))) {
      if (declared.has(name)) implementers.set(name, [...(implementers.get(name) ?? []), node.name?.text]);
    }
  });
  return [...implementers].filter(([, classes]) => classes.length === 1).map(([name]) => name);
}

/** Classes of the core and of the links that extend a class, errors apart. */
function heirs() {
  const found = [];
  walk([...core, ...sources.filter((file) => file.startsWith('src/link/'))], (node) => {
    if (!ts.isClassDeclaration(node)) return;
    const [base] = heritage(node, ts.SyntaxKind.ExtendsKeyword);
    if (base !== undefined && !/Error\b/.test(base)) found.push(node.name?.text);
  });
  return found;
}

const comments = [...sources, ...filesOf('spec'), ...filesOf('test')].flatMap(commentsOf);
const hasWord = (comment) => /\b(?:whoever|whatever|nobody|somebody)\b/i.test(comment);
const beginsBadly = (comment) => /^\/\*\*[\s*]*(?:What|Who|Whether|How)\b/.test(comment);
const INTERNAL = /\._(?:parent|relay|bookId|sendInspectionEvent|clock)\b/;

/** Each count by the name of its row: a number, or what was found. */
const counts = {
  'files in the root of `src/`': filesOf('src').filter((file) => !file.slice('src/'.length).includes('/')),
  'interfaces with one implementer': lonelyInterfaces(),
  'classes that extend a class': heirs(),
  'lines of `base`, `conduit`, `calls` and `session`': linesOf(core),
  'lines of the charts': linesOf(filesOf('machines')),
  'lines of `src/testing` and `spec`': linesOf([...filesOf('src/testing'), ...filesOf('spec')]),
  'files that use internals of XState': sources.filter((file) => INTERNAL.test(textOf(file))),
  'comments with whoever, whatever, nobody or somebody': comments.filter(hasWord),
  'doc comments that begin with What, Who, Whether or How': comments.filter(beginsBadly),
};

let failed = false;
const rows = textOf(DOCUMENT).split('\n');
for (const [name, found] of Object.entries(counts)) {
  const row = rows.find((line) => line.startsWith(`| ${name} `));
  const limit = Number(row?.split('|')[2]?.replaceAll(' ', ''));
  const count = typeof found === 'number' ? found : found.length;
  if (row === undefined || Number.isNaN(limit)) {
    console.error(`${DOCUMENT} has no limit for: ${name}`);
    failed = true;
  } else if (count > limit) {
    const list = typeof found === 'number' ? '' : `:\n  ${found.join('\n  ')}`;
    console.error(`${count} ${name}, at most ${limit}${list}`);
    failed = true;
  } else {
    console.log(`${String(count).padStart(6)} ${name}, at most ${limit}`);
  }
}
process.exitCode = failed ? 1 : 0;
