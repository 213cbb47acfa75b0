import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidArgument, type Service, type ServiceHandler } from '../index.js';
import { Failure, UsageError } from './failure.js';

/** True if the value of `--service` names a module, not a service. */
export function isModule(text: string): boolean {
  return /[\\/]/.test(text) || /\.[cm]?[jt]s(#.*)?$/.test(text);
}

/**
 * Loads the service that a module exports, of `FILE#export`: its default export, or the only service that it has.
 *
 * @throws UsageError when there is none; Failure when the module can't be loaded.
 */
export async function loadService(text: string): Promise<Service> {
  const found = await load(text, isService, 'service');
  return found as Service;
}

/** Loads a handler in the same way: the object that a service's `handler()` returns. */
export async function loadHandler(text: string): Promise<ServiceHandler> {
  const found = await load(text, isHandler, 'handler, as the handler() of a service gives');
  return found as ServiceHandler;
}

function isService(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, methods, client } = value as Partial<Service>;
  return typeof name === 'string' && typeof methods === 'object' && typeof client === 'function';
}

function isHandler(value: unknown): boolean {
  return typeof value === 'function' && typeof (value as Partial<ServiceHandler>).service === 'string';
}

async function load(text: string, isWanted: (value: unknown) => boolean, what: string): Promise<unknown> {
  const [, file = text, name] = /^(.*?)(?:#([^#\\/]*))?$/s.exec(text) ?? [];
  const exports = await importModule(file);
  if (name !== undefined) {
    if (!Object.hasOwn(exports, name)) {
      throw new UsageError(`--service: ${file} has no export '${name}', but ${listOf(Object.keys(exports))}`);
    }
    if (isWanted(exports[name])) return exports[name];
    throw new UsageError(`--service: the export '${name}' of ${file} is no ${what}`);
  }
  if (isWanted(exports['default'])) return exports['default'];
  const found = Object.keys(exports).filter((key) => isWanted(exports[key]));
  const [only, ...more] = found;
  if (only === undefined) throw new UsageError(`--service: ${file} exports no ${what}`);
  if (more.length > 0)
    throw new UsageError(`--service: ${file} exports ${listOf(found)}: say which, as ${file}#${only}`);
  return exports[only];
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!existsSync(path)) throw new UsageError(`--service: there is no file ${file}`);
  checkCopy(file, path);
  try {
    const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    checkFormat(file, path);
    return exports;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      const advice = "compile it, use Node 22.18 or later, or set NODE_OPTIONS='--import tsx'";
      throw new UsageError(`--service: this Node can't load ${file}: ${advice}`, { cause: error });
    }
    throw new Failure(`--service: ${file} can't be loaded: ${message}`, { cause: error });
  }
}

/**
 * Refuses a module that uses another copy of the library. Each copy has its own classes, so `instanceof` fails between two
 * copies.
 */
function checkCopy(file: string, path: string): void {
  const [ours, theirs] = [import.meta.url, path].map(copyFor);
  if (ours === undefined || theirs === undefined || ours === theirs) return;
  throw new UsageError(`--service: ${file} uses the roam-actors of ${theirs}: run that one, as npx does there`);
}

/** Refuses a CommonJS module where that makes the loader give it a copy of the library of its own, as tsx does. */
function checkFormat(file: string, path: string): void {
  const requireThere = createRequire(path);
  if (requireThere.cache[realpathSync(path)] === undefined) return;
  let theirs: { readonly InvalidArgument?: unknown };
  try {
    theirs = requireThere('roam-actors') as typeof theirs;
  } catch {
    return;
  }
  if (theirs.InvalidArgument === InvalidArgument) return;
  const advice = 'name it .mts, or set "type": "module" in its package.json';
  throw new UsageError(`--service: ${file} is CommonJS, and gets a copy of roam-actors of its own: ${advice}`);
}

function copyFor(module: string): string | undefined {
  try {
    return dirname(realpathSync(createRequire(module).resolve('roam-actors/package.json')));
  } catch {
    return undefined;
  }
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
