import { describe, expect, test } from '@jest/globals';
import { Coverage } from './coverage.js';
import { playOutside, scenarioOf } from './outside.js';
import { nameEvent, type OutsidePart, type Part, type Variant } from './part.js';
import { type Interpreter, play } from './stage.js';
import { pathsOf, unansweredBy } from './walks.js';

/**
 * Registers the tests of one machine. Each path of its graph runs on the machine and on the compiled one, and the oracle judges
 * the results. All transitions must be taken, except those in `exempt`, each with its reason.
 */
export function machineSuite(part: Part, exempt: Readonly<Record<string, string>> = {}): void {
  const coverage = new Coverage(part.machine);

  describe.each(part.variants.map((variant) => [variant.name, variant] as const))('%s', (_, variant) => {
    pathTests(part, variant, 'actor', coverage);
  });

  describe.each(part.variants.map((variant) => [variant.name, variant] as const))('compiled: %s', (_, variant) => {
    pathTests(part, variant, 'compiled');
  });

  test(`every transition of the ${part.machine.id} was taken, or has a reason not to be`, () => {
    expect([...coverage.missed].sort()).toEqual(Object.keys(exempt).sort());
    expect(Object.values(exempt).filter((reason) => reason.length < 20)).toEqual([]);
  });
}

/** Registers the tests of the same paths on the stepper, for a machine that runs there. */
export function steppedSuite(part: Part): void {
  describe.each(part.variants.map((variant) => [variant.name, variant] as const))(
    'on the stepper: %s',
    (_, variant) => {
      pathTests(part, variant, 'stepper');
    },
  );
}

function pathTests(part: Part, variant: Variant, interpreter: Interpreter, coverage?: Coverage): void {
  const walks = pathsOf(part, variant);

  test.each(walks.map((path) => [path.name, path] as const))('%s', (name, path) => {
    // Check the last step only: the steps before it are paths of their own.
    const last = play(part, variant, path, coverage, interpreter).at(-1);
    expect({ name, ...last?.got }).toEqual({ name, ...last?.want });
  });

  // A missing transition has no path, so it is detected here.
  const reached = walks.filter(({ isShortest }) => isShortest);
  test.each(reached.map((path) => [path.name, path] as const))(
    '%s, and nothing comes of what is not listed there',
    (_, path) => {
      const results = unansweredBy(part, variant, path).map((event) => {
        const steps = [...path.steps, { event, snapshot: path.start }];
        return { event: nameEvent(event), ...play(part, variant, { steps }, undefined, interpreter).at(-1) };
      });
      expect(results.map(({ event, got }) => ({ event, ...got }))).toEqual(
        results.map(({ event, want }) => ({ event, ...want })),
      );
    },
  );
}

/**
 * Registers the tests of one machine from outside. Each path that a peer, an application, the link or time can cause runs on
 * a public Session over a link in memory. Every event must be caused this way, except those in `inside`.
 */
export function outsideSuite(part: OutsidePart): void {
  const outside = new Map<string, boolean>();
  const variants = part.variants.filter(({ isHidden }) => isHidden !== true);

  describe.each(variants.map((variant) => [variant.name, variant] as const))(
    'on a public session: %s',
    (_, variant) => {
      const walks = pathsOf(part, variant).flatMap((path) => {
        const way = part.outside(variant, path);
        const steps = way === undefined ? undefined : scenarioOf(way, variant.mode, path);
        const last = path.steps.at(-1)?.event.type;
        if (last !== undefined) outside.set(last, (outside.get(last) ?? false) || steps !== undefined);
        return way === undefined || steps === undefined ? [] : [[path.name, way.given, steps] as const];
      });
      if (walks.length > 0) {
        test.each(walks)('%s', async (__, given, steps) => playOutside(given, variant.mode, steps));
      }
    },
  );

  test(`every event of the ${part.machine.id} is brought about from outside, too, or has a reason not to be`, () => {
    const inside = [...outside].filter(([, isWalked]) => !isWalked).map(([type]) => type);
    expect(inside.sort()).toEqual(Object.keys(part.inside).sort());
  });
}
