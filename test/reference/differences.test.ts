import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { DIFFERENCES } from './differences.js';
import { Model } from './differential/model.js';
import { groupsOf } from './differential/script.js';
import { document } from './document.js';

describe('the table of differences from the reference', () => {
  test('stands in the documentation as it is in the code', () => {
    expect(readFileSync('docs/differences.md', 'utf8')).toBe(document());
  });

  test('has a protocol row, a line of the reference, a sentence for each side and an example in every row', () => {
    for (const { row, line, reference, ours, example } of DIFFERENCES) {
      expect(row).toMatch(/^(?:9[ab](?:\.\d\d)?|9\.\d\d|[1-8])$/);
      expect(line).toMatch(/^(?:session\/mod|driver)\.rs:\d+$/);
      expect(reference.length).toBeGreaterThan(10);
      expect(ours.length).toBeGreaterThan(5);
      expect(example.steps.length).toBeGreaterThan(0);
    }
  });

  test('has examples that end with a whole group, and that a session gets to', () => {
    for (const { example } of DIFFERENCES) {
      const model = new Model(example);
      expect(groupsOf(example.steps).flat()).toEqual(example.steps);
      for (const step of example.steps) model.take(step);
      expect(model.wasEstablished).toBe(true);
    }
  });
});
