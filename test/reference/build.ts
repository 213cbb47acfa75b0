import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The paths of the reference's programs. */
export interface Programs {
  /** Plays scripts on the reference's session. Their format stands at the top of oracle/src/main.rs. */
  readonly oracle: string;
  /** A peer over TCP, Unix sockets and WebSocket. `peer` without arguments prints how to use it. */
  readonly peer: string;
}

const HERE = fileURLToPath(new URL('.', import.meta.url));
const TARGET = join(HERE, 'target');
const STAMP = join(TARGET, 'built.json');
const ROAM_CORE = join(TARGET, 'roam-core');

/** What the programs are made of. */
const SOURCES = ['Cargo.toml', 'Cargo.lock.in', 'build.ts', 'roam-core', 'oracle', 'peer'];

export function hasCargo(): boolean {
  return spawnSync('cargo', ['--version']).status === 0;
}

/**
 * Builds the oracle and the peer, unless they are built from the same sources by the same compiler already.
 *
 * @throws Error when cargo fails; cargo itself has printed why.
 */
export function build(): Programs {
  const key = sourcesKey();
  const built = readStamp();
  if (built?.key === key && Object.values(built.programs).every(existsSync)) return built.programs;
  mkdirSync(TARGET, { recursive: true });
  const registry = registryName();
  writeLock(registry);
  prepareRoamCore();
  writeLock(registry, 'patched');
  cargo(['build', '--locked', '--config', `patch.crates-io.roam-core.path=${JSON.stringify(ROAM_CORE)}`]);
  const programs = { oracle: join(TARGET, 'debug/oracle'), peer: join(TARGET, 'debug/peer') };
  writeFileSync(STAMP, JSON.stringify({ key, programs }));
  return programs;
}

function sourcesKey(): string {
  const hash = createHash('sha256').update(output('rustc', ['-vV'], HERE));
  const files = SOURCES.flatMap((source) => filesOf(source)).sort();
  for (const file of files) {
    hash.update(`\0${file}\0`).update(readFileSync(join(HERE, file)));
  }
  return hash.digest('hex');
}

function filesOf(path: string): string[] {
  if (path.includes('.')) return [path];
  return readdirSync(join(HERE, path)).flatMap((name) => filesOf(`${path}/${name}`));
}

function readStamp(): { readonly key: string; readonly programs: Programs } | undefined {
  return existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : undefined;
}

/**
 * Returns the name that Cargo.lock has for the registry. A committed lock would name the registry's host, so the
 * committed Cargo.lock.in leaves the name out, and cargo itself fills it in, in the lock of a package that is not built.
 */
function registryName(): string {
  const folder = join(TARGET, 'registry');
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'src/lib.rs'), '');
  writeFileSync(
    join(folder, 'Cargo.toml'),
    '[package]\nname = "registry"\nedition = "2024"\n[dependencies]\ncfg-if = "1"\n[workspace]\n',
  );
  cargo(['generate-lockfile'], folder);
  const name = /^source = "(.*)"$/m.exec(readFileSync(join(folder, 'Cargo.lock'), 'utf8'))?.[1];
  if (name === undefined) throw new Error(`${folder}/Cargo.lock names no registry`);
  return name;
}

/** Writes Cargo.lock. The lock has no source for a package that is patched. */
function writeLock(registry: string, roamCore?: 'patched'): void {
  const text = readFileSync(join(HERE, 'Cargo.lock.in'), 'utf8');
  const lock =
    roamCore === 'patched'
      ? text.replace(/(name = "roam-core"\nversion = .*\n)source = .*\nchecksum = .*\n/, '$1')
      : text;
  writeFileSync(join(HERE, 'Cargo.lock'), lock.replaceAll('source = "@"', `source = "${registry}"`));
}

/**
 * Copies the published crate roam-core and adds the module `session::raw`. A child module sees the private parts of its
 * parent, so the oracle can run a session without a driver. The published lines of session/mod.rs keep their numbers.
 */
function prepareRoamCore(): void {
  const { packages } = JSON.parse(output('cargo', ['metadata', '--locked', '--format-version', '1'], HERE)) as {
    packages: { name: string; manifest_path: string }[];
  };
  const manifest = packages.find(({ name }) => name === 'roam-core')?.manifest_path;
  if (manifest === undefined) throw new Error('Cargo.lock.in has no roam-core');
  rmSync(ROAM_CORE, { recursive: true, force: true });
  for (const part of ['Cargo.toml', 'src']) {
    cpSync(join(manifest, '..', part), join(ROAM_CORE, part), { recursive: true });
  }
  cpSync(join(HERE, 'roam-core/raw.rs'), join(ROAM_CORE, 'src/session/raw.rs'));
  edit('src/session/mod.rs', /$/, '\npub mod raw;\n');
  edit('src/lib.rs', /^mod session;$/m, 'pub mod session;');
}

function edit(file: string, place: RegExp, text: string): void {
  const path = join(ROAM_CORE, file);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(place, text);
  if (after === before) throw new Error(`${path}: ${place} is not there`);
  writeFileSync(path, after);
}

function cargo(args: readonly string[], cwd = HERE): void {
  const { status } = spawnSync('cargo', [...args, '--quiet'], {
    cwd,
    env: { ...process.env, CARGO_TARGET_DIR: TARGET },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`cargo ${args.join(' ')} failed`);
}

function output(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
  return stdout;
}
