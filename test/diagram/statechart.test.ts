import { describe, expect, test } from '@jest/globals';
import { createActor, createMachine } from 'xstate';
import { definitionOf, type MachineDefinition, mermaid, svg } from '../../src/diagram/index.js';
import { everything, HOSTILE, hostile, STATES, TRANSITIONS } from './machines.js';
import { attributesOf, isWellFormed, readable, rowsOf, textsOf } from './pictures.js';

describe('a picture of a machine that has everything', () => {
  test('shows each state once, as SVG', async () => {
    expect(attributesOf(await svg(everything), 'data-state')).toEqual(STATES);
  });

  test('shows each transition with its event, its guard and its effects, as SVG', async () => {
    const rows = rowsOf(await svg(everything));
    expect([...rows.keys()].sort()).toEqual([...TRANSITIONS.map(([key]) => key), '|xstate.init'].slice(0, -1).sort());
    for (const [key, event, guard, effects] of TRANSITIONS) {
      const { hint } = rows.get(key) as { hint: string };
      expect([key, hint.split('\n').some((line) => line.startsWith(event))]).toEqual([key, true]);
      if (guard !== '') expect(hint).toContain(`[${guard}]`);
      for (const effect of effects.split(', ')) expect(hint).toContain(effect);
    }
  });

  test('says in the rows what the hints say', async () => {
    const words = readable(textsOf(await svg(everything)));
    for (const [, event, guard, effects] of TRANSITIONS) {
      expect(words).toContain(event);
      if (guard !== '') expect(words).toContain(guard);
      expect(words).toContain(effects);
    }
    for (const word of [
      'One of everything.',
      '#quiet',
      '#first',
      'invoke load',
      'watcher: watch',
      'emit worked',
      'H*',
      'inline',
    ]) {
      expect(words).toContain(word);
    }
  });

  test('draws an arrow for each target, and from where each state begins', async () => {
    const picture = await svg(everything);
    const arrows = [...picture.matchAll(/data-source="([^"]*)" data-target="([^"]*)"/g)].map(
      ([, from, to]) => `${from} → ${to}`,
    );
    expect(arrows.sort()).toEqual(
      [
        ' → idle',
        'idle → gone',
        'idle → work',
        'idle → work.left.lower',
        'idle → work.right.on',
        'work → gone',
        'work.left.lower → work.left.upper',
        'work.left.upper → work.left.lower',
        'work.right.off → work.left.past',
      ].sort(),
    );
    // The machine, both regions, and the history that leads somewhere of its own.
    expect(picture.match(/class="initial"/g)).toHaveLength(4);
  });

  test('shows all of it as Mermaid', () => {
    const text = unescaped(mermaid(everything));
    for (const path of STATES.filter((state) => state !== '')) {
      expect(text).toContain(` as ${path.replaceAll('.', '_')}`);
    }
    for (const [, event, guard, effects] of TRANSITIONS) {
      const start = `${event}${guard === '' ? '' : ` [${guard}]`}`;
      const line = text.split(/\n|<br\/>/).find((one) => one.includes(start) && one.includes(effects));
      expect([start, line]).toEqual([start, expect.any(String)]);
    }
    expect(text).toContain('One of everything.');
    expect(text).toContain('tagged quiet, first');
    expect(text).toContain('on exit / count, emit worked');
    expect(text).toContain('[*] --> idle : in any state, reset');
  });

  test('is a definition that is complete, and a machine again', () => {
    const definition = definitionOf(everything);
    const { idle, work, gone } = definition.states as NonNullable<MachineDefinition['states']>;
    expect(Object.keys(definition.on ?? {})).toEqual(['reset', 'log.*', '*']);
    expect(idle).toEqual({
      tags: ['quiet', 'first'],
      meta: { colour: 'blue' },
      always: [{ target: 'work', guard: { type: 'isReady' } }],
      on: {
        go: [
          { target: 'work', guard: { type: 'isAbove', params: { limit: 3 } } },
          { target: 'work.right.on', guard: { type: 'isOpen and (isOurs or not isReady)' } },
          { guard: { type: 'in work.right' }, actions: [{ type: 'greet' }] },
          { actions: [{ type: 'part', params: { loudly: true } }] },
        ],
        again: [{ target: 'idle', reenter: true }],
        'both.at.once': [{ target: ['#lower', 'work.right.on'] }],
        forbidden: [{}],
      },
      after: {
        '100': [{ target: 'work' }],
        patience: [{ target: 'gone', actions: [{ type: 'raise late after 20 ms' }] }],
      },
    });
    expect([work?.type, gone?.type, work?.exit]).toEqual([
      'parallel',
      'final',
      [{ type: 'count' }, { type: 'emit worked' }],
    ]);
    const again = createMachine(JSON.parse(JSON.stringify(definition)));
    expect(again.getStateNodeById('lower').path).toEqual(['work', 'left', 'lower']);
    expect(definitionOf(again)).toEqual(definition);
    const reset = createActor(again.provide({ guards: { isReady: () => false }, delays: { patience: 1_000 } })).start();
    expect(reset.getSnapshot().value).toBe('idle');
    reset.stop();
  });

  test('is the same text every time', async () => {
    expect(await svg(everything)).toBe(await svg(everything));
    expect(mermaid(everything)).toBe(mermaid(everything));
  });
});

describe('hostile names', () => {
  test('are text in SVG, all of it, and nothing else', async () => {
    const picture = await svg(hostile);
    expect(isWellFormed(picture)).toBe(true);
    expect(picture).not.toMatch(/<script|onload="/);
    const words = readable(textsOf(picture));
    for (const name of HOSTILE) expect(words).toContain(readable([name]));
    expect(attributesOf(picture, 'data-state')).toEqual(['', ...HOSTILE]);
  });

  test('are text in Mermaid, each in its line', () => {
    const text = mermaid(hostile);
    const known =
      /^(stateDiagram-v2| {2}(state "[^"]*" as \w+|\[\*\] --> \w+|\w+ --> \w+ : .*|note right of \w+|end note)| {4}\S.*|)$/;
    expect(text.split('\n').filter((line) => !known.test(line))).toEqual([]);
    const words = readable([unescaped(text)]);
    for (const name of HOSTILE) expect(words).toContain(readable([name]));
  });

  test('are no names of Mermaid’s own', () => {
    expect(mermaid(hostile)).toMatch(/state "end" as end_\n/);
  });
});

describe('what is no machine', () => {
  test.each<[what: string, given: unknown, message: RegExp]>([
    ['nothing', undefined, /needs an XState machine or its definition/],
    ['a text', 'machine', /needs an XState machine or its definition/],
    ['a list', [], /needs an XState machine or its definition/],
    ['a target that is not there', { initial: 'a', states: { a: { on: { x: 'b' } } } }, /can't be drawn: .*'b'/s],
    ['a beginning that is not there', { initial: 'b', states: { a: {} } }, /can't be drawn: .*"b" not found/s],
    [
      'a history that leads nowhere',
      { initial: 'a', states: { a: {}, h: { type: 'history', target: 'b' } } },
      /leads to b/,
    ],
    [
      'too many states',
      { initial: 's0', states: Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`s${n}`, {}])) },
      /more than 1000 states/,
    ],
    ['too many transitions', { on: { x: Array.from({ length: 5_001 }, () => ({})) } }, /more than 5000 transitions/],
  ])('is refused at once: %s', async (_, given, message) => {
    expect(() => mermaid(given as never)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(message) }),
    );
    await expect(svg(given as never)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('fields of the wrong kind count for nothing', async () => {
    const wild = {
      id: 5,
      initial: 'a',
      states: { a: { on: 3, entry: { x: 1 }, invoke: [null, 'x'], tags: 7, after: [] }, b: null },
    };
    expect(attributesOf(await svg(wild as never), 'data-state')).toEqual(['', 'a', 'b']);
  });

  test('a machine without states is one box', async () => {
    const picture = await svg({ id: 'counter', on: { inc: [{ actions: [{ type: 'add' }] }] } });
    expect(attributesOf(picture, 'data-state')).toEqual(['']);
    expect(textsOf(picture)).toEqual(['counter', 'inc', '/ add']);
    expect(mermaid({ id: 'counter', on: { inc: [{ actions: [{ type: 'add' }] }] } })).toContain(
      'in any state, inc / add',
    );
  });
});

function unescaped(text: string): string {
  return text.replace(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
