import { excerpt, stackOf } from '../base/printable.js';
import { sparing } from '../base/report.js';

// The parts that the listeners in Node share.

/** Host and port, in the form of a URL. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** Wraps a callback. If it throws, the error goes to `failed`, and the result is undefined. */
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

/** Reports an error as a warning of the process. */
export function warn(error: unknown): void {
  tell({ kind: 'server', message: excerpt(String(error)), detail: error instanceof Error ? stackOf(error) : '' });
}

/** Limited, because any client may cause a warning with each attempt to connect. */
const tell = sparing(
  ({ message, detail }: { readonly kind: 'server'; readonly message: string; readonly detail: string }) =>
    process.emitWarning(message, { type: 'RoamActorsWarning', detail }),
);
