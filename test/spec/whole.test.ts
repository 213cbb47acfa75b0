import { describe, expect, test } from '@jest/globals';
import { Unforeseen, Whole } from '../../spec/parts/whole.js';
import type * as Spec from '../../spec/rows/table.js';
import { preamble, type Scenario, scenarios } from '../../spec/rows/table.js';

// Checks that the oracle of the parts and the table of the whole agree wherever both have an expectation: on each case that
// the parts can foresee, step by step. Of errors, only the listed fields are compared.

/** Returns the expectations that the parts have of each step, or the reason why they have none. */
function foresee({
  case: { given = {}, steps },
  mode,
}: ReturnType<typeof scenarios>[number]): readonly Spec.Expectation[] | Unforeseen {
  try {
    const whole = new Whole(given, mode);
    return [...preamble(given), ...steps].map((step) => whole.act(step));
  } catch (error) {
    if (error instanceof Unforeseen) return error;
    throw error;
  }
}

/** Returns the part of one expectation that the other one, the table's, lists. The table may list less. */
function comparable(said: Spec.Expectation, table: Spec.Expectation): unknown {
  const { asked = [], setup = [], ends, settled = {} } = said;
  const idOf = (one: number | { readonly id: number }, by: unknown) =>
    typeof by === 'number' && typeof one !== 'number' ? one.id : one;
  return {
    wire: said.wire ?? [],
    settled: Object.fromEntries(
      Object.entries(settled).map(([name, how]) => [name, listed(how, table.settled?.[name])]),
    ),
    closed: said.closed ?? {},
    ends: listed(ends, table.ends),
    linkClosed: said.linkClosed ?? false,
    identified: said.identified ?? [],
    unidentified: said.unidentified ?? false,
    asked: asked.map((one, index) => idOf(one, table.asked?.[index])),
    aborted: said.aborted ?? [],
    setup: setup.map((one, index) => idOf(one, table.setup?.[index])),
    reports: said.reports ?? [],
  };
}

/** Returns the keys of errors and ends that the table lists too. */
function listed(said: unknown, table: unknown): unknown {
  if (typeof said !== 'object' || typeof table !== 'object' || said === null || table === null) return said;
  if (Array.isArray(said) || said instanceof Uint8Array) return said;
  return Object.fromEntries(
    Object.entries(said)
      .filter(([key]) => key in table)
      .map(([key, value]) => [key, listed(value, (table as Record<string, unknown>)[key])]),
  );
}

describe('the parts of the oracle, put together, agree with the table', () => {
  const foreseen = scenarios().map((scenario) => ({ scenario, said: foresee(scenario) }));
  const sure = foreseen.filter(({ said }) => !(said instanceof Unforeseen));

  test.each(
    sure.map(
      ({ scenario, said }) => [`${scenario.row.row} ${scenario.case.name} [${scenario.mode}]`, scenario, said] as const,
    ),
  )('%s', (_, { case: { given = {}, steps } }, said) => {
    const table = [...preamble(given), ...steps];
    const parts = said as readonly Spec.Expectation[];
    expect(parts.map((one, index) => comparable(one, table[index] ?? {}))).toEqual(
      table.map((step, index) => comparable(step, parts[index] ?? {})),
    );
  });

  test('on most of it', () => {
    const ofSessions = (one: { readonly scenario: Scenario }) => one.scenario.row.layer === 'session';
    expect(sure.filter(ofSessions).length / foreseen.filter(ofSessions).length).toBeGreaterThan(0.75);
  });
});
