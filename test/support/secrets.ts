/**
 * Walks through everything that can be reached from `root` by properties, and returns the way to each secret. Getters are
 * looked at too, inherited ones included, as a debugger would.
 */
export function waysTo(root: unknown, isSecret: (value: unknown) => boolean): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const queue: [unknown, string][] = [[root, '$']];
  for (const [value, path] of queue) {
    if (isSecret(value)) found.push(path);
    if (typeof value !== 'object' || value === null || value === globalThis || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) continue;
    if (value instanceof Map || value instanceof Set) {
      for (const [index, entry] of [...value.entries()].entries()) queue.push([entry, `${path}<${String(index)}>`]);
    }
    for (let owner: unknown = value; owner && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
      for (const key of Reflect.ownKeys(owner))
        queue.push([attempt(() => (value as never)[key]), `${path}.${String(key)}`]);
    }
  }
  return found;
}

/** Returns the result, or undefined where it throws. */
function attempt(get: () => unknown): unknown {
  try {
    return get();
  } catch {
    return undefined;
  }
}

/** JSON of any value. One that is circular can't be serialised, and so leaks nothing. */
export function jsonOf(value: unknown): string {
  return String(
    attempt(() => JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))),
  );
}
