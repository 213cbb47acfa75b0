import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The paths of the reference's programs. */
export interface Programs {
  /** Plays scripts on the reference's session. Their format stands at the top of oracle/src/main.rs. */
  readonly oracle: string;
  /** A peer over TCP, Unix sockets and WebSocket. `peer` without arguments prints how to use it. */
  readonly peer: string;
}

/** The paths of the programs that tell which lines of the reference ran. */
export interface CoveragePrograms {
  /** The oracle, which leaves a profile where LLVM_PROFILE_FILE says. */
  readonly oracle: string;
  /** Reads that profile: see lines/src/main.rs. */
  readonly reader: string;
}

const HERE = fileURLToPath(new URL('.', import.meta.url));
const TARGET = join(HERE, 'target');
/** Copies of the programs that cargo has built. The next build may replace a program by another one of the same name. */
const PROGRAMS = join(TARGET, 'programs');

const SOURCES = ['.cargo', 'Cargo.toml', 'Cargo.lock.in', 'build.ts', 'roam-core', 'oracle'];

export function hasCargo(): boolean {
  return spawnSync('cargo', ['--version']).status === 0;
}

/**
 * Builds the oracle and the peer, unless they are built from the same sources by the same compiler already.
 *
 * @throws Error when cargo fails; cargo itself has printed why.
 */
export function build(): Programs {
  return cached('programs', [...SOURCES, 'peer', '../../src/cli/generate/describe.rs'], () => {
    cargoBuild(prepare('roam-core'), ['oracle', 'peer']);
    return { oracle: keep('oracle'), peer: keep('peer') };
  });
}

/** Builds the oracle once more, with rustc's counters of what runs in it and in roam-core. The rest is built already. */
export function buildForCoverage(): CoveragePrograms {
  return cached('coverage', [...SOURCES, 'lines'], () => {
    // Cargo does not know that a wrapper compiles differently. It builds a package again that is in another folder.
    const roamCore = prepare('roam-core-covered');
    cargoBuild(roamCore, ['oracle'], { RUSTC_WRAPPER: join(HERE, 'lines/rustc.sh') });
    const oracle = keep('oracle', 'oracle-covered');
    cargoBuild(roamCore, ['lines']);
    return { oracle, reader: keep('lines') };
  });
}

/** Builds the peer as its users would, with all optimizations, and returns its path. It takes some minutes, once. */
export function buildForSpeed(): string {
  const { peer } = cached('speed', ['.cargo', 'Cargo.toml', 'Cargo.lock.in', 'build.ts', 'roam-core', 'peer'], () => {
    cargoBuild(prepare('roam-core'), ['peer'], {}, ['--release']);
    return { peer: keep('peer', 'peer-release', 'release') };
  });
  return peer;
}

/** Returns the lines of a source file of roam-core. */
export function publishedLines(file: string): string[] {
  return readFileSync(join(TARGET, 'roam-core-covered/src', file), 'utf8').split('\n');
}

function cached<T extends Readonly<Record<keyof T, string>>>(
  name: string,
  sources: readonly string[],
  make: () => T,
): T {
  const key = keyOf(sources);
  const stamp = join(PROGRAMS, `${name}.json`);
  if (existsSync(stamp)) {
    const made = JSON.parse(readFileSync(stamp, 'utf8')) as { key: string; paths: T };
    if (made.key === key && Object.values<string>(made.paths).every(existsSync)) return made.paths;
  }
  mkdirSync(PROGRAMS, { recursive: true });
  const paths = make();
  writeFileSync(stamp, JSON.stringify({ key, paths }));
  return paths;
}

function keyOf(sources: readonly string[]): string {
  const hash = createHash('sha256').update(output('rustc', ['-vV']));
  for (const file of sources.flatMap(filesOf).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(HERE, file)));
  }
  return hash.digest('hex');
}

function filesOf(path: string): string[] {
  if (!statSync(join(HERE, path)).isDirectory()) return [path];
  return readdirSync(join(HERE, path)).flatMap((name) => filesOf(`${path}/${name}`));
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
 * Copies the published crate roam-core into a folder of `target` and adds the module `session::raw`. A child module sees
 * the private parts of its parent, so the oracle can run a session without a driver. The published lines of
 * session/mod.rs keep their numbers. Returns the folder.
 */
function prepare(name: string): string {
  const registry = registryName();
  writeLock(registry);
  const { packages } = JSON.parse(output('cargo', ['metadata', '--locked', '--format-version', '1'])) as {
    packages: { name: string; manifest_path: string }[];
  };
  const manifest = packages.find((each) => each.name === 'roam-core')?.manifest_path;
  if (manifest === undefined) throw new Error('Cargo.lock.in has no roam-core');
  const folder = join(TARGET, name);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['Cargo.toml', 'src']) {
    cpSync(join(manifest, '..', part), join(folder, part), { recursive: true });
  }
  cpSync(join(HERE, 'roam-core/raw.rs'), join(folder, 'src/session/raw.rs'));
  edit(join(folder, 'src/session/mod.rs'), /$/, '\npub mod raw;\n');
  edit(join(folder, 'src/lib.rs'), /^mod session;$/m, 'pub mod session;');
  writeLock(registry, 'patched');
  return folder;
}

function edit(path: string, place: RegExp, text: string): void {
  const before = readFileSync(path, 'utf8');
  const after = before.replace(place, text);
  if (after === before) throw new Error(`${path}: ${place} is not there`);
  writeFileSync(path, after);
}

/** Builds packages of this workspace against the roam-core of a folder. */
function cargoBuild(
  roamCore: string,
  packages: readonly string[],
  env: NodeJS.ProcessEnv = {},
  options: readonly string[] = [],
): void {
  const patch = `patch.crates-io.roam-core.path=${JSON.stringify(roamCore)}`;
  const names = packages.flatMap((name) => ['--package', name]);
  cargo(['build', '--locked', '--config', patch, ...options, ...names], HERE, env);
}

function keep(program: string, as = program, profile = 'debug'): string {
  const path = join(PROGRAMS, as);
  // A program that runs can't be written to, but another file can take its place.
  rmSync(path, { force: true });
  copyFileSync(join(TARGET, profile, program), path);
  return path;
}

function cargo(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const { status } = spawnSync('cargo', [...args, '--quiet'], {
    cwd,
    // RUSTFLAGS would replace the flags in .cargo/config.toml.
    env: { ...process.env, RUSTFLAGS: undefined, CARGO_TARGET_DIR: TARGET, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`cargo ${args.join(' ')} failed`);
}

function output(program: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(program, args, {
    cwd: HERE,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
  return stdout;
}
