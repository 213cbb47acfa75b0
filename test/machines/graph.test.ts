// The package that users of XState know for paths walks the machines as they are, without anything of this library.
import { describe, expect, test } from '@jest/globals';
import { getShortestPaths, getSimplePaths } from '@xstate/graph';
import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { getShortestPaths as getShortestPathsOfXState } from 'xstate/graph';
import { handshakeMachine } from '../../machines/index.js';
import { handshakePart } from './handshake.part.js';
import { nameEvent, type Part, type Variant } from './part.js';
import { parts } from './parts.js';
import { pathsOf } from './walks.js';

const VARIANTS = parts.flatMap((part) =>
  part.variants.map((variant) => [`${part.machine.id}, ${variant.name}`, part, variant] as const),
);

function optionsOf(part: Part, variant: Variant) {
  return {
    input: variant.input,
    events: (snapshot: AnyMachineSnapshot) => part.events(snapshot, variant) as EventObject[],
    serializeState: (snapshot: AnyMachineSnapshot) => part.serialize(snapshot),
    // JSON, which is the default, has no bigint.
    serializeEvent: nameEvent,
  };
}

interface GraphPath {
  readonly state: AnyMachineSnapshot;
  readonly steps: readonly { readonly event: EventObject }[];
}

/** The last state of each path, and the number of events to it. */
function endsOf(part: Part, paths: readonly GraphPath[]): string[] {
  return paths.map(({ state, steps }) => `${part.serialize(state)} after ${String(steps.length)}`).sort();
}

describe.each(VARIANTS)('%s', (_, part, variant) => {
  const machine: AnyStateMachine = part.machine;
  const paths = getShortestPaths(machine, optionsOf(part, variant)) as readonly GraphPath[];

  test('has the shortest paths of xstate/graph', () => {
    const others = getShortestPathsOfXState(machine, optionsOf(part, variant) as never) as readonly GraphPath[];
    expect(endsOf(part, paths)).toEqual(endsOf(part, others));
  });

  // The package does not take delayed transitions, `paths` does.
  test('has no state that the paths of this library do not reach', () => {
    const reached = new Set(
      pathsOf(part, variant).map(({ start, steps }) => part.serialize(steps.at(-1)?.snapshot ?? start)),
    );
    expect(paths.map(({ state }) => part.serialize(state)).filter((state) => !reached.has(state))).toEqual([]);
  });
});

test('simple paths end in each state of an acceptor’s handshake that needs no timer', () => {
  const variant = handshakePart.variants.find(({ name }) => name.includes('acceptor')) as Variant;
  const paths = getSimplePaths(handshakeMachine as AnyStateMachine, optionsOf(handshakePart, variant));
  expect([...new Set(paths.map(({ state }) => String(state.value)))].sort()).toEqual([
    'abandoned',
    'awaitingHello',
    'established',
    'failed',
    'replying',
  ]);
});
