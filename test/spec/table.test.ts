import { describe, expect, test } from '@jest/globals';
import type { Case, Mode, Step } from '../../spec/rows/table.js';
import { mirrored, preamble, scenarios, table } from '../../spec/rows/table.js';
import { RULES } from '../../src/wire/rule.js';

function numbered(section: string, from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${section}.${String(from + index).padStart(2, '0')}`);
}

const NUMBERED = [
  ...numbered('3', 1, 12),
  ...numbered('5', 1, 31),
  ...numbered('6', 1, 14),
  ...numbered('9a', 1, 21),
  ...numbered('9b', 1, 23),
];
/** Sections and paragraphs that the specification does not number. */
const UNNUMBERED = ['4', '5 queue', '5 inbox', '5 readable', '5 end', '5 link', '5 a handler holds', '5 a call holds'];
/** Rows that need two sessions, and that have no scenario here. */
const ELSEWHERE = numbered('9b', 15, 15);
/** Rows of calls and channels. */
const CALLS = [
  ...['5 a handler holds', '5 a call holds'],
  ...numbered('9a', 14, 21),
  ...numbered('9b', 13, 14),
  ...numbered('9b', 19, 22),
];

const cases: readonly Case[] = table.flatMap((row) => row.cases);

/** The steps of a scenario, those of the preamble first. */
function allSteps({ given, steps }: Case): readonly Step[] {
  return [...preamble(given), ...steps];
}

/** Returns the actions of a step. Actions of one turn are returned singly. */
function actions(step: Step) {
  return 'together' in step ? step.together : [step];
}

describe('the table of the specification', () => {
  test('has each row once, in order', () => {
    expect(table.map(({ row }) => row).filter((row) => !UNNUMBERED.includes(row))).toEqual(NUMBERED);
    expect(table.map(({ row }) => row).filter((row) => UNNUMBERED.includes(row))).toEqual(UNNUMBERED);
  });

  test('says of each row what both modes demand', () => {
    const silent = table.filter(({ situation, reference, strict }) =>
      [situation, reference.wire, reference.user, strict.wire, strict.user].some((text) => text.trim() === ''),
    );
    expect(silent).toEqual([]);
  });

  test('has a case for each row in each mode, and none for those of the proxy', () => {
    const modesOf = table.map(({ row, cases: of }) => [row, [...new Set(of.flatMap(({ modes }) => modes))].sort()]);
    const expected: readonly Mode[] = ['reference', 'strict'];
    expect(modesOf).toEqual(table.map(({ row }) => [row, ELSEWHERE.includes(row) ? [] : expected]));
    expect(table.filter(({ layer }) => layer === 'proxy').map(({ row }) => row)).toEqual(ELSEWHERE);
    expect(table.filter(({ layer }) => layer === 'driver').map(({ row }) => row)).toEqual(CALLS);
  });

  test('gives each case a name of its own, and at least one step and one mode', () => {
    const names = cases.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(cases.filter(({ modes, steps }) => modes.length === 0 || steps.length === 0)).toEqual([]);
  });

  test('names no rule that the specification does not have', () => {
    const named = cases
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step.wire ?? []).flatMap((message) => ('violation' in message ? [message.violation] : [])));
    const known: readonly string[] = RULES;
    expect(named.filter((rule) => !known.includes(rule))).toEqual([]);
  });

  test('accuses in strict mode only, and then nothing leaves any more', () => {
    const accuses = (step: Step): boolean => (step.wire ?? []).some((message) => 'violation' in message);
    const wrong = cases.filter(({ modes, steps }) => {
      const first = steps.findIndex(accuses);
      if (first === -1) return false;
      const behind = [
        ...(steps[first]?.wire ?? []).slice(-1),
        ...steps.slice(first + 1).flatMap(({ wire = [] }) => wire),
      ];
      return modes.includes('reference') || behind.length !== 1 || !('violation' in (behind[0] ?? {}));
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

describe('a case of the table', () => {
  test('ends its session once at most, after which nothing leaves and no peer speaks', () => {
    const wrong = cases.filter((scenario) => {
      const steps = allSteps(scenario);
      const end = steps.findIndex(({ ends, linkClosed }) => ends !== undefined || linkClosed === true);
      return end !== -1 && steps.slice(end + 1).some((step) => step.ends ?? (step.wire || 'peer' in step));
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test('speaks only of promises, connections, callers, channels, requests and signals that it has named', () => {
    const unknown = cases.flatMap((scenario) => {
      const promises = new Set<string>();
      const names = new Set(['root']);
      const callers = new Set<string>();
      const signals = new Set<string>();
      const channels = new Set<string>();
      const requests = new Set<string>();
      const wrong: string[] = [];
      const need = (set: ReadonlySet<string>, name: string): void => {
        if (!set.has(name)) wrong.push(`${scenario.name}: ${name}`);
      };
      for (const step of allSteps(scenario)) {
        for (const action of actions(step)) {
          if (!('user' in action)) continue;
          if ('on' in action) need(names, action.on);
          if (action.user === 'start') promises.add('session');
          if ('request' in action) need(requests, String(action.request));
          if ('channel' in action) need(channels, action.channel);
          if (action.user === 'call') for (const { as } of action.channels ?? []) channels.add(as);
          if (action.user === 'caller') callers.add(action.as);
          else if (action.user === 'bind') channels.add(action.as);
          else if ('as' in action && action.as !== undefined) promises.add(action.as);
          if (action.user === 'release') need(callers, action.caller);
          if (action.user === 'abort') need(signals, action.signal);
          // Named after the promise that waits with it.
          if ('signal' in action && action.signal !== undefined) signals.add(action.signal);
        }
        for (const [name, settlement] of Object.entries(step.settled ?? {})) {
          need(promises, name);
          // A promise settles only once. The name of an open then becomes the name of its connection.
          promises.delete(name);
          if ('resolved' in settlement && settlement.resolved !== 'nothing') names.add(name);
        }
        for (const one of step.handled ?? []) requests.add(String(typeof one === 'number' ? one : one.id));
        for (const one of step.setup ?? []) names.add(`#${String(typeof one === 'number' ? one : one.id)}`);
        for (const name of Object.keys(step.closed ?? {})) need(names, name);
      }
      return wrong;
    });
    expect(unknown).toEqual([]);
  });

  test('lets every promise settle by the end of the session', () => {
    const left = cases.flatMap((scenario) => {
      const steps = allSteps(scenario);
      const end = steps.findIndex(({ ends }) => ends !== undefined);
      if (end === -1) return [];
      const started = steps
        .slice(0, end + 1)
        .flatMap((step) =>
          actions(step).flatMap((action) =>
            'user' in action &&
            action.user !== 'caller' &&
            action.user !== 'bind' &&
            'as' in action &&
            action.as !== undefined
              ? [action.as]
              : [],
          ),
        );
      const settled = new Set(steps.slice(0, end + 1).flatMap((step) => Object.keys(step.settled ?? {})));
      return started.filter((name) => !settled.has(name)).map((name) => `${scenario.name}: ${name}`);
    });
    expect(left).toEqual([]);
  });

  // r[session.symmetry]
  test('has a mirror with the sides exchanged, whose mirror is the case itself', () => {
    const normal = (scenario: Case): unknown => ({ modes: scenario.modes, steps: scenario.steps });
    const mirrors = cases.flatMap((scenario) => {
      const once = mirrored(scenario);
      const twice = once && mirrored(once);
      return twice ? [{ got: normal(twice), want: normal(scenario) }] : [];
    });
    expect(mirrors.length).toBeGreaterThan(100);
    expect(mirrors.map(({ got }) => got)).toEqual(mirrors.map(({ want }) => want));
    expect(scenarios().length).toBeGreaterThan(cases.length);
  });

  test('exchanges odd and even in its mirror, and nothing else', () => {
    const scenario = cases.find(({ name }) => name === 'a connection that the peer opened is released alike');
    expect(scenario && mirrored(scenario)).toMatchObject({
      given: { role: 'acceptor', parity: 'even', onConnection: { accept: {} } },
      steps: [
        {
          peer: { type: 'ConnectionOpen', connectionId: 1, connectionSettings: { parity: 'odd' } },
          asked: [1],
          wire: [{ type: 'ConnectionAccept', connectionId: 1, connectionSettings: { parity: 'even' } }],
          setup: [{ id: 1, localSettings: { parity: 'even' }, peerSettings: { parity: 'odd' } }],
        },
        { user: 'caller', on: '#1', as: 'c' },
        { user: 'release', caller: 'c', wire: [{ connectionId: 1 }], closed: { '#1': { by: 'local' } } },
      ],
    });
  });
});
