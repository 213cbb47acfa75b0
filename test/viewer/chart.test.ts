import { describe, expect, test } from '@jest/globals';
import type { AnyStateNode } from 'xstate';
import { connectionMachine, handshakeMachine, keepaliveMachine, sessionMachine } from '../../machines/index.js';
import { definitionOf } from '../../src/diagram/definition.js';
import type { Json } from '../../src/inspect/record.js';
import { activePaths, outlineKey, outlineOf, transitionKey } from '../../src/viewer/model/chart.js';

test('the active states are those of a value, from the outermost to the innermost', () => {
  expect(activePaths('active')).toEqual(['active']);
  expect(activePaths({ running: { inbound: 'reading', outbound: {} } })).toEqual([
    'running',
    'running.inbound',
    'running.inbound.reading',
    'running.outbound',
  ]);
  expect(activePaths(undefined)).toEqual([]);
});

test('a transition is named by its source, its event, and which of those it is', () => {
  expect(transitionKey({ source: 'a.b', event: 'go', targets: [], index: 1 })).toBe('a.b|go|1');
  expect(transitionKey({ source: '', event: '', targets: ['a'], index: 0 })).toBe('||0');
});

describe('an outline', () => {
  test('has the states, and one arrow to each state that they are left for', () => {
    const definition = {
      id: 'm',
      initial: { target: 'a', actions: [{ type: 'begin' }] },
      states: {
        a: {
          entry: [{ type: 'enter' }],
          on: {
            go: [{ guard: { type: 'may' }, target: 'b' }, { target: 'c' }],
            leave: { target: 'b', actions: [{ type: 'note' }] },
            stay: { actions: [{ type: 'note' }] },
            again: { target: 'a', reenter: true },
          },
          after: { 100: 'c' },
          always: [{ guard: { type: 'isOver' }, target: 'c' }],
          invoke: [{ id: 'worker', src: 'work', onDone: [{ target: 'b' }] }],
        },
        b: {},
        c: { type: 'final' },
      },
    };
    expect(outlineOf(definition)).toEqual({
      id: 'm',
      initial: 'a',
      states: {
        a: { on: { 'always + 2': { target: 'c' }, 'go + 2': { target: 'b' } } },
        b: {},
        c: { type: 'final' },
      },
    });
  });

  test('tells two arrows apart that read the same', () => {
    const outline = outlineOf({ id: 'm', states: { a: { on: { go: ['b', 'c'] } }, b: {}, c: {} } });
    expect(outline).toMatchObject({ states: { a: { on: { go: { target: 'b' }, 'go\u200b': { target: 'c' } } } } });
  });

  const machines = { connectionMachine, handshakeMachine, keepaliveMachine, sessionMachine };

  test.each(Object.entries(machines))('of %s has an arrow for each transition that leaves a state', (_, machine) => {
    const definition = JSON.parse(JSON.stringify(definitionOf(machine))) as Json;
    const outline = outlineOf(definition) as { readonly [key: string]: Json };
    const missing: string[] = [];
    let count = 0;
    for (const node of nodesOf(machine.root as unknown as AnyStateNode)) {
      const lists = [...node.transitions.values(), ...(node.always === undefined ? [] : [node.always])];
      for (const [index, transition] of lists.flatMap((list) => [...list.entries()])) {
        const targets = (transition.target ?? []).map(pathOf);
        const key = outlineKey({ source: pathOf(node), event: transition.eventType, targets, index }, definition);
        if (targets.length === 0 || targets.includes(pathOf(node))) continue;
        count++;
        const arrow = key === undefined ? undefined : arrowIn(outline, key);
        if (arrow === undefined || !targets.some((path: string) => path.endsWith(arrow)))
          missing.push(`${node.id} ${transition.eventType}`);
      }
    }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(0);
  });
});

function pathOf({ path }: AnyStateNode): string {
  return path.join('.');
}

function nodesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

/** Returns the last part of the target of the outline's arrow. */
function arrowIn(outline: Json, key: string): string | undefined {
  const [path = '', event = ''] = key.split('|');
  const names = path === '' ? [] : path.split('.').flatMap((name) => ['states', name]);
  const arrow = [...names, 'on', event, 'target'].reduce<unknown>(
    (inner, name) => (inner as { readonly [key: string]: unknown } | undefined)?.[name],
    outline,
  );
  return typeof arrow === 'string' ? arrow.split(/[.#]/).at(-1) : undefined;
}
