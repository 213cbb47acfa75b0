import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

export interface StaticFile {
  readonly type: string;
  readonly content: Buffer;
}

/** What is served where the page was not built: the sources run without it. */
const PLACEHOLDER = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>roam-actors</title>
<p>The viewer is not built: <code>npm run build</code> does that. The recording is here all the same, as
<a href="recording.jsonl" id="recording">JSON Lines</a>.</p>
`;

/**
 * The files of a folder that can be asked for, by their paths: a list that is made once, so that no path in a request ever
 * becomes a path on the disk.
 */
export function filesIn(folder: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  for (const entry of entriesOf(folder)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const type = TYPES[extname(entry.name)] ?? 'application/octet-stream';
    files.set(
      `/${path
        .slice(folder.length + 1)
        .split(sep)
        .join('/')}`,
      { type, content: readFileSync(path) },
    );
  }
  if (!files.has('/index.html')) {
    files.set('/index.html', { type: TYPES['.html'] as string, content: Buffer.from(PLACEHOLDER) });
  }
  return files;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}
