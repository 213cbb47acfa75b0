import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as errors from '../src/errors.js';
import { DEFAULT_LIMITS } from '../src/limits.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The rows of the tables in one section, cell by cell, without their headings. */
function rowsOf(heading: string): string[][] {
  const [, section = ''] = readme.split(`\n## ${heading}\n`);
  return (section.split(/^## /m)[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map((cells) => cells.slice(1, -1));
}

describe('the README', () => {
  it('lists every limit with its default', () => {
    const listed = rowsOf('Limits').map(([name = '', value = '']) => [name, Number(value.replace(/[^0-9]/g, ''))]);
    expect(Object.fromEntries(listed)).toEqual(DEFAULT_LIMITS);
  });

  it('lists every error with its code', () => {
    const made = [
      new errors.InvalidArgument(''),
      new errors.HandshakeError(''),
      new errors.ConnectionRejected(1, []),
      new errors.ConnectionClosed('local', ''),
      new errors.SessionClosed('local'),
      new errors.ProtocolError('remote', ''),
      new errors.LinkError(''),
      new errors.KeepaliveError(''),
      new errors.LimitExceeded('', ''),
      new errors.ApplicationError(undefined),
      new errors.UnknownMethod(),
      new errors.InvalidPayload(),
      new errors.Cancelled('peer'),
      new errors.ChannelClosed('peer', ''),
    ];
    expect(made).toHaveLength(Object.keys(errors).length);
    expect(Object.fromEntries(rowsOf('Errors').map(([name, code]) => [name, code]))).toEqual(
      Object.fromEntries(made.map(({ name, code }) => [name, code])),
    );
  });
});
