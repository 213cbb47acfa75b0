import { describe } from '@jest/globals';
import { executablePath } from './chromium.js';

/** Like `describe`. If there is no Chromium, the tests are skipped, with a message. */
export function describeInBrowser(name: string, body: () => void): void {
  if (executablePath !== undefined) {
    describe(name, body);
    return;
  }
  process.stderr.write(`skipped: ${name}: no Chromium here; install one, or name it in the environment's CHROMIUM\n`);
  // biome-ignore lint/suspicious/noSkippedTests: only where it can't run, and it says so.
  describe.skip(name, body);
}
