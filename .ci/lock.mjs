// Looks after package-lock.json, and the one of bench/: `node .ci/lock.mjs` says what is wrong with it, `--write` puts it right.
//
// npm leaves a package that it cannot get out of the lock file when that package is optional. A registry that holds Linux
// packages only therefore gives a lock file that lacks those of every other platform, and `npm ci` takes no such file,
// on any platform and from any registry. What is missing follows from the lock file itself: each package names
// its optional dependencies with their exact versions, and their names end in the platform. Only their checksums stay
// out; the next `npm install` on such a platform fills them in.
import { readFileSync, writeFileSync } from 'node:fs';

const PLATFORM =
  /[-/](android|darwin|freebsd|linux|openharmony|win32)-(arm|arm64|ia32|loong64|ppc64|riscv64|s390x|x64)(?:-(gnu|musl|msvc|\w*eabi\w*))?$/;
const LIBC = { gnu: 'glibc', musl: 'musl' };

/** Whether the package at `from`, a key of `packages`, finds `name` in its own node_modules or in one further up. */
function isLocked(packages, from, name) {
  if (Object.hasOwn(packages, `${from === '' ? '' : `${from}/`}node_modules/${name}`)) {
    return true;
  }
  return from !== '' && isLocked(packages, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name);
}

function entry(name, version, dev) {
  const [, os, cpu, abi] = PLATFORM.exec(name) ?? [];
  if (os === undefined || !/^\d+\.\d+\.\d+[-.\w]*$/.test(version)) {
    throw new Error(`${name}@${version} is missing, and its name and version do not say what to write`);
  }
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(LIBC[abi] === undefined ? {} : { libc: [LIBC[abi]] }),
    optional: true,
    os: [os],
  };
}

function inspect(name) {
  const file = new URL(`../${name}`, import.meta.url);
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const entries = Object.entries(lock.packages);
  const missing = entries.flatMap(([from, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([dependency]) => !isLocked(lock.packages, from, dependency))
      .map(([dependency, version]) => [`node_modules/${dependency}`, entry(dependency, version, dev)]),
  );
  // A link leads to a folder of this repository.
  const hosts = entries.filter(([, { resolved, link = false }]) => resolved !== undefined && !link);
  return { name, file, lock, missing, hosts };
}

for (const { name, file, lock, missing, hosts } of ['package-lock.json', 'bench/package-lock.json'].map(inspect)) {
  if (process.argv.includes('--write')) {
    for (const [, node] of hosts) {
      delete node.resolved;
    }
    const packages = [...Object.entries(lock.packages), ...missing].sort(([a], [b]) => a.localeCompare(b, 'en'));
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, undefined, 2)}\n`);
    console.log(`${name}: ${missing.length} packages added, ${hosts.length} hosts removed`);
    continue;
  }
  for (const [path] of missing) {
    console.log(`${name} lacks ${path}`);
  }
  for (const [path, { resolved }] of hosts) {
    console.log(`${name} says where to get ${path}: ${resolved}`);
  }
  if (missing.length + hosts.length > 0) {
    console.log('node .ci/lock.mjs --write');
    process.exitCode = 1;
  }
}
