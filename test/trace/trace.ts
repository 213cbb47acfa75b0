import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markdown } from '../explore/tables.js';
import { RULES_IN_SCOPE } from './rules.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The files that say, in a comment, that they carry out or check a rule. */
export interface Trace {
  readonly implementations: ReadonlyMap<string, readonly string[]>;
  readonly tests: ReadonlyMap<string, readonly string[]>;
}

/** Reads the comments `r[rule]` of the whole project. */
export function trace(): Trace {
  return { implementations: citations(['machines', 'src']), tests: citations(['spec', 'test']) };
}

/** The table of docs/protocol.md: each rule, where it is carried out, and where it is checked. */
export function table({ implementations, tests }: Trace): string {
  const rows = RULES_IN_SCOPE.map((rule) => [`\`${rule}\``, links(implementations.get(rule)), links(tests.get(rule))]);
  return markdown([['rule', 'where', 'tests'], ...rows]);
}

function links(files: readonly string[] = []): string {
  return files.map(link).join(', ');
}

/** A link to a file of the project, from a page in docs/. */
export function link(file: string): string {
  return `[${file}](../${file})`;
}

/** Returns the text of all files in these folders. */
export function textOf(folders: readonly string[]): string {
  return folders
    .flatMap(filesIn)
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
}

function citations(folders: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of folders.flatMap(filesIn).sort()) {
    // Only lines of comments count, since this file has citations in strings.
    const comments = readFileSync(join(root, file), 'utf8').match(/^\s*(?:\/\/|\/?\*).*$/gm) ?? [];
    for (const [, rule = ''] of comments.join('\n').matchAll(/\br\[([a-z.-]+)\]/g)) {
      const files = found.get(rule) ?? [];
      if (!files.includes(file)) found.set(rule, [...files, file]);
    }
  }
  return found;
}

export function filesIn(folder: string): string[] {
  if (folder === 'test/trace') return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(path) : path.endsWith('.ts') ? [path] : [];
  });
}
