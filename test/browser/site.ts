import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A site on 127.0.0.1: an empty page at `/` that runs `main.js`, and scripts bundled from test/browser/pages. */
export class Site {
  readonly url: string;
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  }

  /** @param main the script of the page; `others` are scripts that it loads by their names, such as those of workers. */
  static async of(main: string, ...others: string[]): Promise<Site> {
    const files = new Map<string, string>();
    for (const name of [main, ...others]) {
      const { outputFiles } = await build({
        entryPoints: [fileURLToPath(new URL(`pages/${name}.ts`, import.meta.url))],
        bundle: true,
        format: 'esm',
        target: 'es2022',
        conditions: ['browser'],
        write: false,
      });
      files.set(name === main ? '/main.js' : `/${name}.js`, outputFiles[0]?.text ?? '');
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
