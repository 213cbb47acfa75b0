import fc from 'fast-check';
import { type AnyStateMachine, assign, setup } from 'xstate';
import { FAILURE } from './equality.js';

// Random flat machines, made of everything that the stepper compiles.

const STATES = ['a', 'b', 'c', 'd'] as const;
/** No machine handles the last event. */
export const EVENTS = ['go', 'turn', 'stay', 'unknown'].map((type, index) => ({ type, by: index }));

interface Port {
  note(what?: unknown): void;
}
interface Context {
  readonly port: Port;
  readonly count: number;
  readonly mark: string;
}
interface Event {
  readonly type: string;
  readonly by?: number;
}
interface Args {
  readonly context: Context;
  readonly event: Event;
}

const types = setup({
  types: { context: {} as Context, events: {} as Event, input: {} as { port: Port } },
  actions: {
    note: ({ context, event }, params?: unknown) => {
      const { count, mark } = context;
      context.port.note({ params, count, mark, event: { type: event.type, by: event.by } });
    },
    fail: ({ context }) => context.port.note(FAILURE),
    add: assign(({ context }, params?: { readonly by?: number }) => ({
      count: (context.count + (params?.by ?? 1)) % 8,
    })),
    mark: assign({
      mark: ({ context, event }) => `${event.type}${String(context.count)}`,
      count: ({ context }) => (context.count * 3) % 8,
    }),
    clear: assign({ count: 0 }),
  },
  guards: {
    isEven: ({ context }) => context.count % 2 === 0,
    isAbove: ({ context }, { limit }: { readonly limit: number }) => context.count > limit,
  },
});

const inline = ({ context, event }: Args, params: unknown) => context.port.note(['inline', params, event.type]);
const byEvent = ({ event }: Args) => ({ by: event.by ?? 2 });

const effects = [
  'note',
  { type: 'note', params: { fixed: true } },
  { type: 'note', params: ({ context, event }: Args) => [context.count, event.type] },
  inline,
];
const assignments = [
  'add',
  { type: 'add', params: { by: 3 } },
  { type: 'add', params: byEvent },
  'mark',
  'clear',
  assign(({ context, event }: Args) => ({ count: (context.count + event.type.length) % 8, mark: 'inline' })),
];
const guards = [
  'isEven',
  { type: 'isAbove', params: { limit: 3 } },
  { type: 'isAbove', params: ({ context, event }: Args) => ({ limit: context.mark.length + (event.by ?? 0) }) },
  ({ event }: Args) => event.by !== 1,
];

const action = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...effects) },
  { weight: 4, arbitrary: fc.constantFrom<unknown>(...assignments) },
  { weight: 1, arbitrary: fc.constant<unknown>('fail') },
);
const actions = fc.array(action, { maxLength: 3 });

/** Generates a branch of an event. `prefix` leads from the machine's root to its states. */
function branch(prefix: string, states: readonly string[]) {
  const target = fc.constantFrom(...states.map((state) => `${prefix}${state}`));
  return fc.record(
    {
      guard: fc.constantFrom<unknown>(...guards),
      target,
      actions,
      reenter: fc.boolean(),
    },
    { requiredKeys: [] },
  );
}

function answers(prefix: string, states: readonly string[]) {
  const branches = fc.array(branch(prefix, states), { maxLength: 3 });
  return fc.record({ go: branches, turn: branches, stay: branches }, { requiredKeys: [] });
}

export const machines: fc.Arbitrary<AnyStateMachine> = fc.integer({ min: 1, max: STATES.length }).chain((count) => {
  const names = STATES.slice(0, count);
  const state = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ entry: actions, exit: actions, on: answers('', names) }, { requiredKeys: [] }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('final'), entry: actions }, { requiredKeys: ['type'] }) },
  );
  return fc
    .record({
      states: fc.tuple(...names.map(() => state)),
      initial: fc.constantFrom(...names),
      before: actions,
      entry: actions,
      on: answers('.', names),
      hasOutput: fc.boolean(),
    })
    .map(
      ({ states, initial, before, entry, on, hasOutput }) =>
        types.createMachine({
          id: 'random',
          context: ({ input }: { input: { port: Port } }) => ({ port: input.port, count: 0, mark: '' }),
          initial: { target: initial, actions: before },
          entry,
          on,
          states: Object.fromEntries(names.map((name, index) => [name, states[index]])),
          ...(hasOutput ? { output: ({ context, event }: Args) => [context.count, event.type] } : {}),
        } as never) as unknown as AnyStateMachine,
    );
});
