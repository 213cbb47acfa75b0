import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A site on 127.0.0.1: an empty page at `/` that runs `main.js`, and bundled scripts. */
export class Site {
  readonly url: string;
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  }

  /** @param scripts the path of the source of each script; `main.js` is that of the page, others are those of workers. */
  static async of(scripts: Readonly<Record<string, string>>): Promise<Site> {
    const files = new Map<string, string>();
    for (const [name, path] of Object.entries(scripts)) {
      const { outputFiles } = await build({
        entryPoints: [path],
        bundle: true,
        format: 'esm',
        target: 'es2022',
        write: false,
      });
      files.set(`/${name}`, outputFiles[0]?.text ?? '');
    }
    const http = createServer(({ url = '/' }, response) => {
      const file = files.get(url);
      if (file !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(file);
      else if (url !== '/') response.writeHead(url === '/favicon.ico' ? 204 : 404).end();
      else response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new Site(http);
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}

const PAGE = '<!doctype html><meta charset="utf-8"><title>a test</title><script type="module" src="main.js"></script>';

/** The path of a script in test/browser/pages. */
export function script(name: string): string {
  return fileURLToPath(new URL(`pages/${name}.ts`, import.meta.url));
}
