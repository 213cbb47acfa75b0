import { expect, test } from '@jest/globals';
import { bytes, compact, duration, grouped, shortDuration } from '../../src/viewer/model/numbers.js';

test.each([
  [-5, '0 ms', '0 ms'],
  [0, '0 ms', '0 ms'],
  [0.0421, '42 µs', '42 µs'],
  [0.9999, '1.0 ms', '1.0 ms'],
  [3.44, '3.4 ms', '3.4 ms'],
  [9.97, '10 ms', '10 ms'],
  [999.4, '999 ms', '999 ms'],
  [999.6, '1.0 s', '1.0 s'],
  [59_940, '59.9 s', '59.9 s'],
  [59_960, '1 min 00 s', '1:00'],
  [125_000, '2 min 05 s', '2:05'],
  [3_600_000 * 3 + 60_000 * 12, '3 h 12 min', '3 h'],
  [86_400_000 * 2 + 3_600_000 * 4, '2 d 4 h', '2 d'],
])('%d ms are %s, or %s', (ms, long, short) => {
  expect([duration(ms), shortDuration(ms)]).toEqual([long, short]);
});

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [1_536, '1.5 KiB'],
  [1_024 * 1_024 - 1, '1.0 MiB'],
  [3 * 2 ** 40, '3.0 TiB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
});

test.each([
  [999, '999', '999'],
  [1_234, '1.2k', '1\u2009234'],
  [9_960, '10k', '9\u2009960'],
  [1_234_567, '1.2M', '1\u2009234\u2009567'],
])('%d is %s in short, and %s in full', (count, short, full) => {
  expect([compact(count), grouped(count)]).toEqual([short, full]);
});
