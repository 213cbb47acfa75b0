import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { matrixOf } from './matrix/matrix.js';
import { parts } from './parts.js';

describe.each(parts.map((part) => [part.machine.id, part] as const))('the matrix of the %s', (id, part) => {
  const { text, cells } = matrixOf(part);

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
