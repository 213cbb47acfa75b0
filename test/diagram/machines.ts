import { and, assign, createMachine, emit, fromPromise, not, or, raise, sendTo, setup, stateIn } from 'xstate';

/** One of everything that a machine may have. */
export const everything = setup({
  types: { events: {} as { type: string }, context: {} as { count: number } },
  actions: { greet: () => {}, part: (_, _params: { loudly: boolean }) => {}, count: assign({ count: 1 }) },
  guards: {
    isOpen: () => true,
    isOurs: () => true,
    isAbove: (_, _params: { limit: number }) => true,
    isReady: () => true,
  },
  actors: { load: fromPromise(async () => 1), watch: fromPromise(async () => 2) },
  delays: { patience: 500 },
}).createMachine({
  id: 'everything',
  version: '1.2',
  description: 'One of everything.',
  context: { count: 0 },
  initial: 'idle',
  entry: 'greet',
  on: {
    reset: { target: '.idle', description: 'Begins again, wherever it is.' },
    'log.*': { actions: 'count' },
    '*': {},
  },
  states: {
    idle: {
      tags: ['quiet', 'first'],
      meta: { colour: 'blue' },
      always: [{ guard: 'isReady', target: 'work' }],
      after: { 100: 'work', patience: { target: 'gone', actions: raise({ type: 'late' }, { delay: 20 }) } },
      on: {
        go: [
          { guard: { type: 'isAbove', params: { limit: 3 } }, target: 'work' },
          { guard: and(['isOpen', or(['isOurs', not('isReady')])]), target: 'work.right.on' },
          { guard: stateIn({ work: 'right' }), actions: 'greet' },
          { actions: { type: 'part', params: { loudly: true } } },
        ],
        again: { target: 'idle', reenter: true },
        'both.at.once': { target: ['#lower', 'work.right.on'] },
        forbidden: undefined,
      },
    },
    work: {
      type: 'parallel',
      exit: ['count', emit({ type: 'worked' })],
      onDone: { target: 'gone' },
      invoke: [
        {
          src: 'load',
          onDone: { actions: assign({ count: ({ event }) => event.output }) },
          onError: { target: 'gone', actions: sendTo('watcher', { type: 'stop' }) },
        },
        { id: 'watcher', src: 'watch', onSnapshot: { actions: 'greet' } },
      ],
      states: {
        left: {
          initial: 'upper',
          states: {
            upper: { on: { down: 'lower' } },
            lower: { id: 'lower', on: { up: 'upper', out: '#everything.work' } },
            past: { type: 'history', history: 'deep', target: 'upper' },
          },
        },
        right: {
          initial: 'off',
          states: {
            off: { on: { back: '#everything.work.left.past' } },
            on: { type: 'final', entry: () => {} },
            before: { type: 'history' },
          },
        },
      },
    },
    gone: { type: 'final', output: 1 },
  },
});

export const STATES = [
  '',
  'idle',
  'work',
  'work.left',
  'work.left.upper',
  'work.left.lower',
  'work.left.past',
  'work.right',
  'work.right.off',
  'work.right.on',
  'work.right.before',
  'gone',
];

/** Every transition: its key, and its texts in the picture. */
export const TRANSITIONS: readonly (readonly [key: string, event: string, guard: string, effects: string])[] = [
  ['|reset|0', 'reset', '', ''],
  ['|log.*|0', 'log.*', '', 'count'],
  ['|*|0', '*', '', ''],
  ['idle||0', 'always', 'isReady', ''],
  ['idle|xstate.after.100.everything.idle|0', 'after 100 ms', '', ''],
  ['idle|xstate.after.patience.everything.idle|0', 'after patience', '', 'raise late after 20 ms'],
  ['idle|go|0', 'go', 'isAbove { limit: 3 }', ''],
  ['idle|go|1', 'go', 'isOpen and (isOurs or not isReady)', ''],
  ['idle|go|2', 'go', 'in work.right', 'greet'],
  ['idle|go|3', 'go', 'else', 'part'],
  ['idle|again|0', 'again', '', ''],
  ['idle|both.at.once|0', 'both.at.once', '', ''],
  ['idle|forbidden|0', 'forbidden', '', ''],
  ['work|xstate.done.state.everything.work|0', 'done', '', ''],
  ['work|xstate.done.actor.0.everything.work|0', 'load done', '', 'assign count'],
  ['work|xstate.error.actor.0.everything.work|0', 'load failed', '', 'send stop to watcher'],
  ['work|xstate.snapshot.watcher|0', 'watcher changed', '', 'greet'],
  ['work.left.upper|down|0', 'down', '', ''],
  ['work.left.lower|up|0', 'up', '', ''],
  ['work.left.lower|out|0', 'out', '', ''],
  ['work.right.off|back|0', 'back', '', ''],
];

const HOSTILE = [
  '</text><script>alert(1)</script>',
  '"] --> x : "\n  end note',
  '&amp; ; # %% {}',
  '日本語 🎈 é',
  '--> --',
  'end',
  'end note',
];

/** Names that would be markup, or mean something to Mermaid or to Graphviz. */
export const hostile = createMachine({
  id: '<svg onload="x">',
  initial: HOSTILE[0] as string,
  states: Object.fromEntries(
    HOSTILE.map((name, at) => [
      name,
      {
        description: name,
        tags: [name],
        entry: name,
        on: { [`event ${name}`]: { target: HOSTILE[(at + 1) % HOSTILE.length] as string, guard: name, actions: name } },
      },
    ]),
  ),
} as never);

export { HOSTILE };
