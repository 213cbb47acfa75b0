import { expect, test } from '@jest/globals';
import { canonical } from './canonical.js';
import { explore, prepare } from './configuration.js';
import { configurationOf } from './hunt.js';
import { SHIPPED } from './machines.js';
import type { Side } from './side.js';

/**
 * Returns the states of a peer, without the details that the reduction declares irrelevant: of a session that is over, only
 * its end counts.
 */
function statesOf(side: Side): Set<string> {
  const states = new Set<string>();
  for (let number = 0; number < side.states.size; number++) {
    const { actors, timers, port } = side.states.of(number);
    const isOver = port.end !== undefined;
    const locals = Object.entries(actors).map(([path, local]) => {
      const { value, context } = side.snapshot(path, local) ?? {};
      const { end } = (context ?? {}) as { end?: unknown };
      return [path, value, isOver ? end : context];
    });
    const { link, handles, waiting, decisions } = port;
    states.add(canonical([locals.sort(), timers, isOver, link, isOver ? [] : [handles, waiting, decisions]]));
  }
  return states;
}

test.each(['handshake-strict', 'opens-strict', 'roots-reference'])(
  'the reduction loses no state of a peer in %s',
  (name) => {
    const [full, reduced] = [false, true].map((isReduced) => {
      const setup = prepare(configurationOf(name), SHIPPED, isReduced);
      const { failure, states } = explore(setup);
      expect(failure).toBeUndefined();
      return { states, peers: setup.sides.map(statesOf) };
    });
    expect(reduced?.peers).toEqual(full?.peers);
    expect(reduced?.states).toBeLessThan(full?.states as number);
  },
);
