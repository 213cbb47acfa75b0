// Takes the README's pictures of the viewer, from a recording of the demo: npm run screenshots, or with a recording's file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Store } from '../../src/cli/inspect/store.js';
import { parseRecording } from '../../src/inspect/recording.js';
import { TestBrowser } from './chromium.js';
import { listen, ViewerPage } from './viewer.js';

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Runs the demo, and returns the recording that it writes. */
function record(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roam-actors-'));
  try {
    const file = join(folder, 'demo.jsonl');
    const { status, stderr } = spawnSync(
      process.execPath,
      [here('dist/src/cli/main.js'), 'demo', '--once', '--record', file],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`the demo failed: ${stderr}`);
    return readFileSync(file, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [, , file] = process.argv;
const recording = parseRecording(file === undefined ? record() : readFileSync(file, 'utf8'));
const server = await listen(new Store('roam-actors', Date.now, { recording }));
const browser = await TestBrowser.launch();
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.page({ colorScheme, deviceScaleFactor: 1.5, reducedMotion: 'reduce' });
    const viewer = await new ViewerPage(page).open(server.url);
    await viewer.choose('initiator', 'connection 1');
    // Go to a moment shortly after the peer has accepted the connection. Later events are dimmed.
    await page.getByRole('button', { name: 'To the first event' }).click();
    const story = page.locator('.story .stays li', { hasText: 'active' });
    for (let steps = 0; steps < 20 && !(await story.isVisible()); steps++) await page.keyboard.press(']');
    await viewer.lit('active');
    for (let steps = 0; steps < 4; steps++) await page.keyboard.press('.');
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.mouse.move(0, 0);
    await page.screenshot({ path: here(`diagrams/viewer-${colorScheme}.png`) });
  }
} finally {
  await browser.close();
  await server.close();
}
