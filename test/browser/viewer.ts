import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Download, Page } from 'playwright-core';
import { filesIn } from '../../src/cli/inspect/files.js';
import { InspectServer } from '../../src/cli/inspect/server.js';
import { Store } from '../../src/cli/inspect/store.js';

/** A server with the page as it was built, on a port of the system's choice. */
export function listen(store: Store = new Store('a test', Date.now)): Promise<InspectServer> {
  return InspectServer.listen({
    host: '127.0.0.1',
    port: 0,
    token: 'a-token-that-is-not-guesses',
    store,
    files: filesIn(fileURLToPath(new URL('../../dist/viewer', import.meta.url))),
    takesProcesses: true,
  });
}

/** The viewer's page, as its user sees it. */
export class ViewerPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async open(url: string): Promise<this> {
    await this.page.goto(url);
    await this.page.locator('.source').waitFor();
    return this;
  }

  /** The rows of the tree in sight: title and state. */
  actors(): Promise<string[]> {
    return this.page
      .getByRole('treeitem')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll('.process, .title, .state, .counts')]
            .map((part) => part.textContent?.trim().replace(/\s+/g, ' '))
            .join(' | '),
        ),
      );
  }

  row(process: string, title: string) {
    const rows = this.page.getByRole('treeitem');
    const below = rows.filter({ hasText: process }).first().locator('xpath=following-sibling::*');
    return below.filter({ has: this.page.locator('.title', { hasText: new RegExp(`^${title}\\b`) }) }).first();
  }

  async choose(process: string, title: string): Promise<void> {
    await this.row(process, title).click();
    await this.page.locator('.story h2', { hasText: title }).waitFor();
  }

  /** Resolves once these states of the chart are lit, the innermost of them, and no others. */
  async lit(...paths: readonly string[]): Promise<void> {
    await this.page.waitForFunction((wanted) => {
      const active = [...document.querySelectorAll('.drawing .active')];
      const inner = active.filter((state) => state.querySelector('.active') === null);
      const lit = inner.map((state) => state.getAttribute('data-state'));
      return lit.length === wanted.length && wanted.every((path) => lit.includes(path));
    }, paths);
  }

  /** Resolves once the arrow of the last transition is marked, from one state to another. */
  async marked(source: string, target: string): Promise<void> {
    await this.page
      .locator(`.drawing .taken[data-source="${source}"][data-target="${target}"]`)
      .waitFor({ state: 'attached' });
  }

  /** The messages in sight. */
  messages(): Promise<string[]> {
    return this.page.locator('.message').evaluateAll((rows) =>
      rows.map((row) => {
        const isRight = row.querySelector('.arrow.right') !== null;
        const parts = [...row.querySelectorAll('.label > *')].map((part) => part.textContent);
        return `${isRight ? '→' : '←'} ${parts.join(' ')}${row.getAttribute('data-future') === 'true' ? ' (later)' : ''}`;
      }),
    );
  }

  /** Resolves once the messages in sight are these. */
  async says(messages: readonly string[]): Promise<void> {
    for (let count = 0; count < 200; count++) {
      if (JSON.stringify(await this.messages()) === JSON.stringify(messages)) return;
      await this.page.waitForTimeout(50);
    }
    throw new Error(`the messages are ${JSON.stringify(await this.messages(), undefined, 1)}`);
  }

  /** Runs `doing`, and returns the file that the page saves meanwhile. */
  async saved(doing: () => Promise<void>): Promise<{ name: string; text: string }> {
    const [download] = await Promise.all([this.page.waitForEvent('download') as Promise<Download>, doing()]);
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
  }
}
