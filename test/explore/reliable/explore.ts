import { assign } from 'xstate';
import { reliableMachine } from '../../../machines/index.js';
import { type Bounds, run, start, steps, type World } from './world.js';

export interface Found {
  readonly states: number;
  readonly transitions: number;
  readonly failure?: { readonly text: string; readonly path: readonly string[] };
}

/** What is explored, and the number of states that it has. */
export const CONFIGURATIONS: readonly { readonly name: string; readonly bounds: Bounds; readonly states: number }[] = [
  { name: 'window 1', bounds: { messages: 2, window: 1, links: 3, cuts: 2, acks: true }, states: 159_286 },
  { name: 'window 2', bounds: { messages: 2, window: 2, links: 3, cuts: 2, acks: true }, states: 466_297 },
];

/** Explores every order of events, breadth first: the path to a failure is a shortest one. */
export function explore(bounds: Bounds): Found {
  const first = start(bounds);
  const seen = new Map<string, { readonly from: string | undefined; readonly label: string }>();
  let level: [string, World][] = [[JSON.stringify(first), first]];
  seen.set(JSON.stringify(first), { from: undefined, label: 'start' });
  let transitions = 0;
  const pathTo = (key: string): string[] => {
    const path: string[] = [];
    for (let at: string | undefined = key; at !== undefined; at = seen.get(at)?.from)
      path.unshift(seen.get(at)?.label ?? '');
    return path;
  };
  while (level.length > 0) {
    const next: [string, World][] = [];
    for (const [key, world] of level) {
      const all = steps(world, bounds);
      transitions += all.length;
      const isQuiet = all.every(({ to }) => JSON.stringify(to) === key);
      if (isQuiet && !isDone(world, bounds)) {
        // I3
        return {
          states: seen.size,
          transitions,
          failure: { text: 'I3: nothing can happen, and messages are missing', path: pathTo(key) },
        };
      }
      for (const { label, to, broken } of all) {
        if (broken !== undefined)
          return { states: seen.size, transitions, failure: { text: broken, path: [...pathTo(key), label] } };
        const target = JSON.stringify(to);
        if (seen.has(target)) continue;
        seen.set(target, { from: key, label });
        next.push([target, to]);
      }
    }
    level = next;
  }
  return { states: seen.size, transitions };
}

/** All links are used up, or all messages have arrived. */
function isDone({ sides, links }: World, { messages, links: most }: Bounds): boolean {
  const isAll = sides.every(({ delivered }) => delivered === messages);
  return isAll || (links.length === most && sides[0].state === 'dialing');
}

const SMALL: Bounds = { messages: 2, window: 1, links: 2, cuts: 1, acks: true };

/** Charts with a mistake in them, and the invariant that notices it. */
export const MUTANTS: readonly { readonly text: string; readonly by: string; readonly make: () => Found }[] = [
  {
    text: 'acks leave with messages only: both windows are full, and neither end may say so',
    by: 'I3',
    make: () => explore({ ...SMALL, acks: false }),
  },
  {
    text: 'the window has no end',
    by: 'I3',
    make: () => mutated({ guards: { hasRoom: ({ context }) => context.written < context.next } }),
  },
  {
    text: 'an event of an older link counts',
    by: 'I4',
    make: () => mutated({ guards: { isStale: () => false } }, { ...SMALL, links: 3, cuts: 2 }),
  },
  {
    text: 'a new link goes on where the last one was, and not where the peer is',
    by: 'I3',
    make: () =>
      mutated({
        actions: {
          noteAttached: assign(({ context }) => ({
            hasAttached: true,
            flight: 0,
            said: context.expected,
            owedBytes: 0,
          })),
        },
      }),
  },
  {
    text: 'messages of an older link are taken again',
    by: 'I1',
    make: () =>
      mutated({
        guards: { isFault: () => false, isFaultAgain: () => false, isDuplicate: () => false },
        actions: {
          noteAttached: assign((_, { received }: { received: number }) => ({
            hasAttached: true,
            acked: received,
            written: Math.max(0, received - 1),
            flight: 0,
          })),
        },
      }),
  },
  {
    text: 'a count that does not fit is taken',
    by: 'I2',
    make: () => mutated({ guards: { isImplausible: () => false } }, { ...SMALL, links: 3, cuts: 2 }),
  },
];

type Mistake = Parameters<typeof reliableMachine.provide>[0];

function mutated(mistake: Mistake, bounds = SMALL): Found {
  run(reliableMachine.provide(mistake));
  try {
    return explore(bounds);
  } finally {
    run(reliableMachine);
  }
}
