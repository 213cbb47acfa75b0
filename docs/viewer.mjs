// Puts the viewer, and a recording of the demo to play with, beside the pages of the site: docs/public/viewer/, and the page
// docs/try/ that shows it. Needs the build.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const viewer = `${root}dist/viewer`;
const command = `${root}dist/src/cli/main.js`;
const target = `${root}docs/public/viewer`;

if (!existsSync(viewer) || !existsSync(command)) {
  throw new Error('dist/ has no viewer: npm run build');
}
rmSync(target, { recursive: true, force: true });
cpSync(viewer, target, { recursive: true });
const { status } = spawnSync(process.execPath, [command, 'demo', '--record', `${target}/demo.jsonl`], {
  stdio: ['ignore', 'ignore', 'inherit'],
  timeout: 60_000,
});
if (status !== 0) {
  throw new Error('the demo could not be recorded');
}
mkdirSync(`${root}docs/try`, { recursive: true });
writeFileSync(
  `${root}docs/try/index.md`,
  `---
layout: page
title: Try the viewer
---

<script setup>
import { withBase } from 'vitepress';
</script>

<iframe :src="withBase('/viewer/index.html?recording=demo.jsonl')" title="The viewer with a recording of the demo"
  style="width: 100%; height: calc(100vh - 70px); border: 0"></iframe>
`,
);
