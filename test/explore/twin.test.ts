import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { prepare } from './configuration.js';
import { configurationOf } from './hunt.js';
import { SHIPPED } from './machines.js';
import { changed } from './mutant.js';
import { search } from './search.js';
import { compare, whyNoTwin } from './twin.js';

const why = whyNoTwin();
const twin = why === undefined ? test : test.skip;
const suffix = why === undefined ? '' : ` (skipped, ${why})`;
/** Spin's verifier is compiled for each, which takes seconds, and more where others compile. */
const PATIENCE = 120_000;

// The others are compared by `npm run explore -- --twin`.
twin.each(['handshake-strict', 'opens-strict'])(
  `a model written from the protocol's tables comes by the same states in %s${suffix}`,
  (name) => {
    const { states, ...difference } = compare(name);
    expect(states).toBeGreaterThan(1_000);
    expect(difference).toEqual({ onlyHere: [], onlyThere: [] });
  },
  PATIENCE,
);

twin(
  `a machine that breaks off instead of closing in order is noticed, though every property holds${suffix}`,
  () => {
    const session = changed(SHIPPED.session, (config) => {
      config.states.running.on['app.shutdown'].target = 'ended';
    });
    const machines = { ...SHIPPED, session };
    expect(search(prepare(configurationOf('handshake-strict'), machines, false).system).wrong).toBeUndefined();
    const { onlyHere, onlyThere } = compare('handshake-strict', machines);
    expect(onlyHere).toEqual([]);
    expect(onlyThere.length).toBeGreaterThan(0);
  },
  PATIENCE,
);

twin(
  `a model in which no side hears of an orderly end is noticed${suffix}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'twin-test-'));
    try {
      const model = readFileSync('test/explore/twin/session.pml', 'utf8');
      const mistaken = model.replace('peer[s].link = CLOSING; announceEnd(other(s))', 'peer[s].link = CLOSING');
      expect(mistaken).not.toBe(model);
      const path = join(folder, 'session.pml');
      writeFileSync(path, mistaken);
      const { onlyHere, onlyThere } = compare('handshake-strict', SHIPPED, path);
      expect(onlyHere.length).toBeGreaterThan(0);
      expect(onlyThere.length).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  PATIENCE,
);
