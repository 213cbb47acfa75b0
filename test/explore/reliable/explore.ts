import { assign } from 'xstate';
import { reliableMachine } from '../../../machines/index.js';
import type { Message } from '../../../src/wire/message.js';
import { Interner } from '../canonical.js';
import { type Machines, SHIPPED, tablesOf } from '../machines.js';
import { changed } from '../mutant.js';
import type { Budget, PeerOptions } from '../peer.js';
import { Side } from '../side.js';
import { SETTINGS, Stepper } from '../step.js';
import { twin } from './twin.js';
import { type Bounds, DETACHED, run, start, steps, type World } from './world.js';

export interface Found {
  /** The keys of all states. */
  readonly seen: ReadonlyMap<string, unknown>;
  readonly states: number;
  readonly transitions: number;
  readonly failure?: { readonly text: string; readonly path: readonly string[] };
}

/** The sessions on top: one message from the initiator, and the actions that both users may take besides. */
function sessions(
  budgets: readonly [Budget, Budget],
  more: Partial<PeerOptions> = {},
  machines: Machines = SHIPPED,
): NonNullable<Bounds['sessions']> {
  const tables = tablesOf(machines);
  const messages = new Interner<Message>();
  const side = (role: PeerOptions['role'], budget: Budget): Side => {
    const options: PeerOptions = {
      role,
      budget,
      conformance: 'reference',
      settings: SETTINGS,
      isAccepting: true,
      rejects: false,
      keepalive: false,
      limits: { connections: 8, undecided: 8 },
      ...more,
    };
    const isRunning = (timer: string): boolean => /pingInterval|pongTimeout|stallTimeout/.test(timer);
    return new Side(new Stepper(tables, options), tables, messages, 0, isRunning);
  };
  return [side('initiator', budgets[0]), side('acceptor', budgets[1])];
}

const FLOW: Bounds = { messages: 2, window: 1, links: 3, cuts: 2, acks: true };
/** The session on top sends all messages. */
const TOP: Bounds = { ...FLOW, messages: 0, givesUp: true };
const ENDING = [{ send: 1, shutdown: 1 }, { shutdown: 1 }] as const;
const WATCHING = [{ send: 1, ping: 1 }, {}] as const;
const WATCHED = { keepalive: true, limits: { connections: 8, undecided: 8, outbox: 1 } };

/** What is explored, and the number of states that it has. */
export const CONFIGURATIONS: readonly {
  readonly name: string;
  readonly bounds: () => Bounds;
  readonly states: number;
}[] = [
  { name: 'window 1', bounds: () => FLOW, states: 159_286 },
  { name: 'window 2', bounds: () => ({ ...FLOW, window: 2 }), states: 466_297 },
  { name: 'giving up', bounds: () => ({ ...FLOW, messages: 1, givesUp: true }), states: 83_041 },
  { name: 'ending in order', bounds: () => ({ ...FLOW, messages: 1, closes: true }), states: 380_371 },
  { name: 'sessions that are shut down', bounds: () => ({ ...TOP, sessions: sessions(ENDING) }), states: 189_030 },
  {
    name: 'sessions with a keepalive and a full outbox',
    bounds: () => ({ ...TOP, sessions: sessions(WATCHING, WATCHED) }),
    states: 263_726,
  },
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
      const missing = isQuiet ? missingIn(world, bounds) : undefined;
      if (missing !== undefined)
        return { seen, states: seen.size, transitions, failure: { text: missing, path: pathTo(key) } };
      for (const { label, to, broken } of all) {
        if (broken !== undefined)
          return { seen, states: seen.size, transitions, failure: { text: broken, path: [...pathTo(key), label] } };
        const target = JSON.stringify(to);
        if (seen.has(target)) continue;
        seen.set(target, { from: key, label });
        next.push([target, to]);
      }
    }
    level = next;
  }
  return { seen, states: seen.size, transitions };
}

const PHASES: Readonly<Record<string, string>> = {
  ...{ created: '-', dialing: 'd', greeting: 'g', backingOff: 'b', waiting: 'w' },
  ...{ fresh: 'f', settled: 's', owing: 'o' },
};
const HALVES = { live: 'L', broken: 'B', gone: 'G', ended: 'E' };

/** Writes a world as the twin does. Everything else in it depends on this. */
function textOf({ sides, links, cuts }: World): string {
  const ends = sides.map(({ state, facts }) => {
    const { epoch, attempts, hasAttached, next, written, acked, sent, expected, said } = facts;
    return [PHASES[state], epoch, attempts, hasAttached ? 1 : 0, next, written, acked, sent, expected, said].join(' ');
  });
  const wires = links.map(({ taken, halves }) => {
    const half = ({ is, queue }: (typeof halves)[number]): string => `${HALVES[is]}${queue.map(frameText).join()}`;
    return `${taken} ${halves.map(half).join('/')}`;
  });
  return [...ends, wires.join(' ; '), cuts].join(' | ');
}

function frameText(frame: World['links'][number]['halves'][number]['queue'][number]): string {
  if (frame.kind === 'data') return `d${frame.seq}.${frame.ack}`;
  if (frame.kind === 'rejected') return 'x';
  if (frame.kind === 'ack') return `a${frame.ack}`;
  return `${frame.kind[0]}${'received' in frame ? frame.received : ''}`;
}

/** True if the twin covers the configuration. It knows neither give-ups, nor ends, nor sessions. */
export function hasTwin({ givesUp, closes, sessions, acks }: Bounds): boolean {
  return acks && givesUp !== true && closes !== true && sessions === undefined;
}

/** Compares the states of the explorer with those of its twin. */
export function compare(
  { seen }: Found,
  bounds: Bounds,
): { readonly onlyHere: string[]; readonly onlyThere: string[] } {
  const here = new Set(Array.from(seen.keys(), (key) => textOf(JSON.parse(key))));
  if (here.size !== seen.size) throw new Error('two states have the same text');
  const there = twin(bounds);
  return {
    onlyHere: [...here].filter((text) => !there.has(text)),
    onlyThere: [...there].filter((text) => !here.has(text)),
  };
}

/** Says what is missing in a world in which nothing can happen any more. */
function missingIn({ sides, links }: World, { messages, links: most, givesUp, closes, sessions }: Bounds) {
  const [dialer] = sides;
  if (!givesUp && links.length === most && dialer.state === 'dialing') return undefined;
  const over = sides.filter(({ told }) => told > 0).length;
  // A dialer that has never reached the acceptor leaves nothing there.
  if (over === 2 || (over === 1 && sides[1].state === 'created')) return undefined;
  if (givesUp && sides.some(({ state }) => DETACHED.includes(state))) return 'I6: an end without a link never gives up';
  if (over === 1) return givesUp ? 'I6: one end is over, and the other is never told' : 'I7: one end never ends';
  if (closes && sides.some(({ facts }) => facts.isClosing)) return 'I7: the end never comes';
  const hasAll = sides.every(
    ({ delivered }, at) => delivered === (sessions === undefined ? messages : sides[1 - at]?.facts.next),
  );
  return hasAll ? undefined : 'I3: nothing can happen, and messages are missing';
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
  {
    text: 'a count that does not fit ends the session, as in the first sketch',
    by: 'I5',
    make: () =>
      restructured(
        (config) => {
          for (const state of ['waiting', 'fresh', 'settled', 'owing'])
            config.states[state].on.attach[0] = { guard: 'isImplausible', target: 'lost', actions: [] };
        },
        { ...SMALL, links: 3, cuts: 2 },
      ),
  },
  {
    text: 'an acceptor that waits for a link never gives up',
    by: 'I6',
    make: () =>
      restructured((config) => {
        config.states.waiting.on['time.giveUp'] = [];
      }, ENDS),
  },
  {
    text: 'the time to give up never begins',
    by: 'I6',
    make: () =>
      mutated(
        {
          actions: {
            startTimer: ({ context }, params) => {
              if (params.timer !== 'giveUp') context.port.startTimer(params);
            },
          },
        },
        ENDS,
      ),
  },
  {
    text: 'the application is told of an end, and of another one when the link is gone',
    by: 'I6',
    make: () =>
      restructured((config) => {
        config.states.lost.entry = ['finish', 'finish'];
      }, ENDS),
  },
  {
    text: 'an acceptor is over as soon as it has everything, although the dialer still lacks something',
    by: 'I7',
    make: () =>
      mutated(
        {
          guards: { completes: ({ context, event }) => event.type === 'rx.Close' && event.total === context.expected },
        },
        CLOSES,
      ),
  },
  {
    text: 'a Close is not answered',
    by: 'I7',
    make: () =>
      restructured((config) => {
        for (const state of ['fresh', 'settled', 'owing'])
          config.states[state].on['rx.Close'] = config.states[state].on['rx.Close'].slice(-1);
      }, CLOSES),
  },
  {
    text: 'a dialer that has everything dials on after the orderly end',
    by: 'I7',
    make: () => mutated({ guards: { isOrderly: () => false } }, CLOSES),
  },
  {
    text: 'the keepalive hears nothing of an interruption',
    by: 'I8',
    make: () =>
      topped({
        keepalive: changed(SHIPPED.keepalive, (config) => {
          for (const state of [config, config.states.awaitingPong, config.states.confirming])
            delete state.on['link.interrupted'];
        }),
      }),
  },
  {
    text: 'the session does not pass an interruption on to its keepalive',
    by: 'I8',
    make: () =>
      topped({
        session: changed(SHIPPED.session, (config) => {
          config.states.running.on['link.interrupted'].actions.pop();
        }),
      }),
  },
  {
    text: 'the time of a full outbox runs on while the link is interrupted',
    by: 'I8',
    make: () =>
      topped({
        session: changed(SHIPPED.session, (config) => {
          delete config.states.running.states.outbound.states.full.states.timed.always;
        }),
      }),
  },
  {
    text: 'a session that is shut down is dropped instead of flushed',
    by: 'I7',
    make: () =>
      explore({
        ...TOP,
        sessions: sessions(
          ENDING,
          {},
          {
            ...SHIPPED,
            session: changed(SHIPPED.session, (config) => {
              config.states.running.on['app.shutdown'].target = 'ended';
            }),
          },
        ),
      }),
  },
];

const ENDS: Bounds = { ...SMALL, messages: 1, givesUp: true };
const CLOSES: Bounds = { ...SMALL, messages: 1, links: 3, closes: true };

function topped(machines: Partial<Machines>): Found {
  return explore({ ...TOP, sessions: sessions(WATCHING, WATCHED, { ...SHIPPED, ...machines }) });
}

/** Explores the chart with a changed configuration. */
function restructured(change: Parameters<typeof changed>[1], bounds: Bounds): Found {
  return exploreWith(changed(reliableMachine, change) as typeof reliableMachine, bounds);
}

type Mistake = Parameters<typeof reliableMachine.provide>[0];

function mutated(mistake: Mistake, bounds = SMALL): Found {
  return exploreWith(reliableMachine.provide(mistake), bounds);
}

/** Explores another chart than the shipped one. */
export function exploreWith(machine: typeof reliableMachine, bounds: Bounds): Found {
  run(machine);
  try {
    return explore(bounds);
  } finally {
    run(reliableMachine);
  }
}
