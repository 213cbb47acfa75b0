import { Console } from 'node:console';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import type { Link } from '../index.js';
import { streamLink } from '../link/stream.js';
import { UsageError } from './failure.js';

/**
 * Makes a link of stdin and stdout. From here on everything else that this process would write to stdout goes to stderr: the
 * peer would take it for a message. Call it before any code touches `process.stdout`, which would own the pipe then.
 *
 * @throws UsageError when one of them is a terminal or a file.
 */
export function stdioLink(): Link {
  const [readable, writable] = [
    halfOf(0, 'stdin', { readable: true, writable: false }),
    halfOf(1, 'stdout', { readable: false, writable: true }),
  ];
  Object.defineProperty(process, 'stdout', { value: process.stderr, configurable: true });
  Object.assign(console, new Console(process.stderr));
  return streamLink({ readable, writable });
}

function halfOf(fd: number, name: string, direction: { readable: boolean; writable: boolean }): Socket {
  const advice = 'stdio: is for a program that starts this one and speaks to it over pipes';
  if (isatty(fd)) throw new UsageError(`${name} is a terminal: ${advice}`);
  try {
    return new Socket({ fd, ...direction });
  } catch (cause) {
    throw new UsageError(`${name} is no pipe: ${advice}`, { cause });
  }
}
