import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, sep } from 'node:path';

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

/** The page that is served if the viewer was not built, as when the sources run without a build. */
const PLACEHOLDER = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>roam-actors</title>
<p>The viewer is not built: <code>npm run build</code> does that. The recording is here all the same, as
<a href="recording.jsonl" id="recording">JSON Lines</a>.</p>
`;

/**
 * Returns the files that the server offers, by their paths: those in `folder`, where the page is, and Graphviz if it is
 * installed. The list is made once, so a path in a request never becomes a path on the disk.
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
  const graphviz = graphvizFile();
  if (graphviz !== undefined) files.set('/graphviz.js', graphviz);
  return files;
}

/**
 * Returns Graphviz, with which the page draws machines that are not the library's own. `src/viewer/build.mjs` has the name
 * that the page requests.
 */
function graphvizFile(): StaticFile | undefined {
  try {
    // The ES module lies beside the script that `require` resolves to.
    const path = join(dirname(createRequire(import.meta.url).resolve('@viz-js/viz')), 'viz.js');
    return { type: TYPES['.js'] as string, content: readFileSync(path) };
  } catch {
    return undefined;
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return [];
  }
}
