import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { matrixOf } from './matrix/matrix.js';
import { parts } from './parts.js';

const INTERPRETERS = ['actor', 'compiled'] as const;

describe.each(
  parts.flatMap((part) => INTERPRETERS.map((interpreter) => [part.machine.id, interpreter, part] as const)),
)('the matrix of the %s (%s)', (id, interpreter, part) => {
  const { text, cells } = matrixOf(part, interpreter);

  test('has in each cell what the specification says', () => {
    expect(cells.map(({ name, got }) => ({ name, ...got }))).toEqual(
      cells.map(({ name, want }) => ({ name, ...want })),
    );
  });

  test('is the one that is committed', () => {
    const committed = readFileSync(new URL(`matrix/${id}.md`, import.meta.url), 'utf8');
    expect(committed.split('\n')).toEqual(text.split('\n'));
  });
});
