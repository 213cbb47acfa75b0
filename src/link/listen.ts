import { excerpt, stackOf } from '../base/printable.js';
import { sparing } from '../base/report.js';

// What listeners in Node have in common.

/** Host and port as a URL has them. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** Calls through; what is thrown goes to `failed`, and the answer is then undefined. */
export function guard<Args extends unknown[], Result>(
  callback: (...args: Args) => Result,
  failed: (error: unknown) => void,
): (...args: Args) => Result | undefined {
  return (...args) => {
    try {
      return callback(...args);
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
}

/** Says it as a warning of the process. */
export function warn(error: unknown): void {
  tell({ kind: 'server', message: excerpt(String(error)), detail: error instanceof Error ? stackOf(error) : '' });
}

/** Any client may cause a warning by each attempt to connect. */
const tell = sparing(
  ({ message, detail }: { readonly kind: 'server'; readonly message: string; readonly detail: string }) =>
    process.emitWarning(message, { type: 'RoamActorsWarning', detail }),
);
