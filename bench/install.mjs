// Installs what roam-actors is compared with, unless it is there as the lock file has it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

function read(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  } catch {
    return {};
  }
}

function isInstalled() {
  const { packages: installed = {} } = read('node_modules/.package-lock.json');
  return Object.entries(read('package-lock.json').packages)
    .filter(([path, { optional = false }]) => path.startsWith('node_modules/') && !optional)
    .every(([path, { version }]) => Object.hasOwn(installed, path) && installed[path].version === version);
}

if (!isInstalled()) {
  const { status } = spawnSync('npm', ['ci'], { cwd: here, stdio: 'inherit', shell: process.platform === 'win32' });
  process.exitCode = status ?? 1;
}

// All contenders stand on the same `ws`: otherwise the benchmark would compare versions of `ws`.
const ours = read('../node_modules/ws/package.json').version;
const theirs = read('node_modules/ws/package.json').version;
if (ours !== theirs) {
  console.error(`bench/package.json asks for ws ${theirs}, and roam-actors uses ${ours}: they are to be the same`);
  process.exitCode = 1;
}
