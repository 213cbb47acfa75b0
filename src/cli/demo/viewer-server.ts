import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { Failure } from '../failure.js';
import { by, openViewer } from '../inspect/command.js';
import type { InspectServer } from '../inspect/server.js';
import { Store } from '../inspect/store.js';

/** The time for a reader to open the printed URL, and for a reloaded page to come back. Milliseconds. */
const ARRIVAL_MS = 60_000;
const RELOAD_MS = 2_000;

/** The server of the demo's viewer, with the recording of the demo. */
export class ViewerServer {
  /** True if the demo is shown to people. Otherwise only a recording is made. */
  readonly isOpen: boolean;
  readonly #server: InspectServer;
  readonly #store: Store;
  readonly #record: string | undefined;
  #changed: (pages: number) => void = () => {};

  private constructor(isOpen: boolean, record: string | undefined, store: Store, server: InspectServer) {
    this.isOpen = isOpen;
    this.#record = record;
    this.#store = store;
    this.#server = server;
  }

  /** Starts the server. Rejects with a Failure if the recording can't be written, before the demo begins. */
  static async open(isOpen: boolean, record: string | undefined): Promise<ViewerServer> {
    if (record !== undefined) check(record);
    const store = new Store(by(), Date.now);
    let viewer: ViewerServer | undefined;
    const onPages = (count: number) => {
      if (viewer !== undefined) viewer.#changed(count);
    };
    const server = await openViewer({ port: 0, store, onPages });
    viewer = new ViewerServer(isOpen, record, store, server);
    return viewer;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Resolves when all pages are closed again, when no page has connected for a while, or with a line on stdin. */
  async empty(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let resolve: () => void = () => {};
    const left = new Promise<void>((done) => {
      resolve = done;
    });
    const wait = (pages: number, patience: number) => {
      clearTimeout(timer);
      if (pages === 0) timer = setTimeout(resolve, patience);
    };
    this.#changed = (pages) => wait(pages, RELOAD_MS);
    wait(this.#server.pages, ARRIVAL_MS);
    process.stdin.resume();
    await Promise.race([left, once(process.stdin, 'data')]);
    process.stdin.pause();
    process.stdin.unref();
    clearTimeout(timer);
    this.#changed = () => {};
  }

  /** Writes the recording if the user wants one. Returns its text in both cases. */
  save(): string {
    const text = [...this.#store.lines()].map((line) => `${line}\n`).join('');
    if (this.#record !== undefined) writeFileSync(this.#record, text);
    return text;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

function check(path: string): void {
  try {
    closeSync(openSync(path, 'w'));
  } catch (error) {
    throw new Failure(`cannot write the recording: ${(error as Error).message}`, { cause: error });
  }
}
