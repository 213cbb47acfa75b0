import { expect, test } from '@jest/globals';
import { createActor, fromPromise, type InspectionEvent, SimulatedClock, setup } from 'xstate';
import { Coverage } from './coverage.js';

/** One of everything that is a transition. */
const machine = setup({
  types: { events: {} as { type: 'go'; far: boolean } | { type: 'stay' } },
  actors: { work: fromPromise(() => new Promise<void>(() => {})) },
  guards: { isFar: ({ event }) => event.type === 'go' && event.far },
}).createMachine({
  id: 'traveller',
  initial: 'home',
  on: { stay: {} },
  states: {
    home: { on: { go: [{ guard: 'isFar', target: 'abroad' }, { target: 'garden' }] } },
    garden: { always: 'home' },
    abroad: { invoke: { id: 'work', src: 'work', onDone: 'home', onError: 'home' }, after: { 10: 'home' } },
  },
});

test('coverage counts each branch, always, after, onDone and onError, and only what was really taken', () => {
  const coverage = new Coverage(machine);
  const clock = new SimulatedClock();
  const inspect = (event: InspectionEvent) => coverage.note(event);
  const actor = createActor(machine, { clock, inspect }).start();
  expect([...coverage.missed].sort()).toEqual([...coverage.names].sort());
  expect([...coverage.names].sort()).toEqual([
    'traveller + stay',
    'traveller.abroad + xstate.after.10.traveller.abroad',
    'traveller.abroad + xstate.done.actor.work',
    'traveller.abroad + xstate.error.actor.work',
    'traveller.garden always',
    'traveller.home + go [1 of 2]',
    'traveller.home + go [2 of 2]',
  ]);
  actor.send({ type: 'go', far: false });
  expect(coverage.missed).not.toContain('traveller.garden always');
  expect(coverage.missed).not.toContain('traveller.home + go [2 of 2]');
  actor.send({ type: 'go', far: true });
  clock.increment(10);
  expect([...coverage.missed].sort()).toEqual([
    'traveller + stay',
    'traveller.abroad + xstate.done.actor.work',
    'traveller.abroad + xstate.error.actor.work',
  ]);
  actor.stop();
});
