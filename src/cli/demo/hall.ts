import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { Failure } from '../failure.js';
import { by, openViewer } from '../inspect/command.js';
import type { InspectServer } from '../inspect/server.js';
import { Store } from '../inspect/store.js';

/** How long somebody who reads a URL may take to open it, and a page to come back that is loaded again. */
const ARRIVAL_MS = 60_000;
const RELOAD_MS = 2_000;

/** Where the demo can be watched from, and recorded. */
export class Hall {
  /** Whether people are expected, or only a recording is made. */
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

  /** Rejects with a Failure where the recording can't be written, before anything is played. */
  static async open(isOpen: boolean, record: string | undefined): Promise<Hall> {
    if (record !== undefined) check(record);
    const store = new Store(by(), Date.now);
    let hall: Hall | undefined;
    const onPages = (count: number) => {
      if (hall !== undefined) hall.#changed(count);
    };
    const server = await openViewer({ port: 0, store, onPages });
    hall = new Hall(isOpen, record, store, server);
    return hall;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Resolves when everybody who came has left, when nobody has come for a while, or with a line on stdin. */
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

  /** Writes the recording, if one is wanted; the result is what it is, or would be. */
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
