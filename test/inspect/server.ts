import { once } from 'node:events';
import { WebSocket } from 'ws';
import { InspectServer, type InspectServerOptions } from '../../src/cli/inspect/server.js';
import { Store } from '../../src/cli/inspect/store.js';
import type { InspectionRecord, RecordingLine, RecordingStart } from '../../src/inspect/record.js';

export const TOKEN = 'a-token-that-is-not-guesses';

/** A server of the viewer on a port of the system's choice, with a page that is three words. */
export function listen(options: Partial<InspectServerOptions> = {}): Promise<InspectServer> {
  return InspectServer.listen({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    store: new Store('a test', Date.now),
    files: new Map([['/index.html', { type: 'text/html', content: Buffer.from('<p>a page</p>') }]]),
    takesProcesses: true,
    ...options,
  });
}

/** The URL of the server as a WebSocket's. */
export function socketUrl({ url }: InspectServer, path = '/'): string {
  const parsed = new URL(url);
  parsed.protocol = 'ws:';
  parsed.pathname = path;
  return parsed.href;
}

/** A client that receives the records like the viewer's page. */
export class Page {
  readonly start: Promise<RecordingStart>;
  readonly records: InspectionRecord[] = [];
  /** Everything that came, as text. */
  text = '';
  readonly #socket: WebSocket;
  #waiting: { isThere: () => boolean; resolve: () => void }[] = [];

  constructor(server: InspectServer) {
    this.#socket = new WebSocket(socketUrl(server, '/view'));
    this.start = new Promise((resolve) => {
      this.#socket.on('message', (data) => {
        this.text += String(data);
        for (const record of JSON.parse(String(data)) as RecordingLine[]) {
          if (record.kind === 'recording') resolve(record);
          else this.records.push(record);
        }
        this.#waiting = this.#waiting.filter(({ isThere, resolve: go }) => !isThere() || go());
      });
    });
  }

  /** Resolves once the records are as is expected; the test's own time limit ends a wait in vain. */
  until(isThere: (records: readonly InspectionRecord[]) => boolean): Promise<void> {
    if (isThere(this.records)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isThere: () => isThere(this.records), resolve }));
  }

  of<Kind extends InspectionRecord['kind']>(kind: Kind): Extract<InspectionRecord, { kind: Kind }>[] {
    return this.records.filter((record): record is Extract<InspectionRecord, { kind: Kind }> => record.kind === kind);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** Connects a client that sends what the test tells it to send. */
export async function rawProcess(server: InspectServer): Promise<WebSocket> {
  const socket = new WebSocket(socketUrl(server));
  await once(socket, 'open');
  return socket;
}
