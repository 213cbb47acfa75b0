import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AnyStateMachine,
  and,
  assign,
  createMachine,
  type EventObject,
  emit,
  enqueueActions,
  fromPromise,
  log,
  not,
  raise,
  sendTo,
  setup,
  stateIn,
} from 'xstate';
import { Stepper, tableOf } from '../../src/compile/stepper.js';
import { incomingCallPart, outgoingCallPart } from '../machines/call.part.js';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from '../machines/channel.part.js';
import type { Part } from '../machines/part.js';
import { onActor, onStepper } from './equality.js';
import { EVENTS, machines } from './random-machine.js';

const work = fromPromise(() => Promise.resolve());

/** A machine that compiles, except for one flaw. */
function flawed(flaw: { root?: object; state?: object; states?: object; on?: object }): AnyStateMachine {
  return createMachine({
    id: 'flawed',
    initial: 'a',
    ...flaw.root,
    states: { a: { on: { go: 'b', ...flaw.on }, ...flaw.state }, b: {}, ...flaw.states },
  } as never);
}

const onGo = (transition: unknown) => flawed({ on: { go: transition } });

const REFUSED: readonly (readonly [string, AnyStateMachine, string])[] = [
  ['no states', createMachine({ id: 'flawed' }), 'it has no states, or parallel ones'],
  [
    'parallel states',
    createMachine({ id: 'flawed', type: 'parallel', states: { a: {}, b: {} } }),
    'it has no states, or parallel ones',
  ],
  ['states in a state', flawed({ states: { c: { initial: 'd', states: { d: {} } } } }), "state 'c' is compound"],
  [
    'parallel states in a state',
    flawed({ states: { c: { type: 'parallel', states: { d: {} } } } }),
    "state 'c' is parallel",
  ],
  ['history', flawed({ states: { c: { type: 'history' } } }), "state 'c' is history"],
  [
    'a target within',
    flawed({ on: { go: '#deep' }, states: { c: { initial: 'd', states: { d: { id: 'deep' } } } } }),
    "state 'a', 'go': the target 'deep'",
  ],
  ['the whole machine as a target', onGo('#flawed'), "state 'a', 'go': the target 'flawed'"],
  ['two targets', onGo({ target: ['a', 'b'] }), "state 'a', 'go': not one target"],
  ['invoke', flawed({ state: { invoke: { src: work } } }), "state 'a': invoke"],
  ['invoke at the root', flawed({ root: { invoke: { src: work } } }), 'invoke'],
  ['after', flawed({ state: { after: { 10: 'b' } } }), "state 'a': after"],
  ['after at the root', flawed({ root: { after: { 10: '.b' } } }), 'after'],
  ['always', flawed({ state: { always: { guard: () => false, target: 'b' } } }), "state 'a': always"],
  ['always at the root', flawed({ root: { always: { guard: () => false, target: '.b' } } }), 'always'],
  ['tags', flawed({ state: { tags: 'busy' } }), "state 'a': tags"],
  ['exit of a final state', flawed({ states: { c: { type: 'final', exit: () => {} } } }), "state 'c': exit at the end"],
  ['exit of the machine', flawed({ root: { exit: () => {} } }), 'exit at the end'],
  [
    'output of a final state',
    flawed({ states: { c: { type: 'final', output: 1 } } }),
    "state 'c': an output of its own",
  ],
  ['an output that is data', flawed({ root: { output: 1 } }), 'an output that is no function'],
  ['a wildcard', flawed({ on: { '*': 'b' } }), "state 'a', '*': a wildcard"],
  ['a partial wildcard', flawed({ on: { 'rx.*': 'b' } }), "state 'a', 'rx.*': a wildcard"],
  ['a wildcard at the root', flawed({ root: { on: { '*': '.b' } } }), "'*': a wildcard"],
  ['raise', onGo({ actions: raise({ type: 'go' }) }), "state 'a', 'go': the action xstate.raise"],
  ['sendTo', onGo({ actions: sendTo('x', { type: 'go' }) }), "state 'a', 'go': the action xstate.sendTo"],
  ['emit', onGo({ actions: emit({ type: 'go' }) }), "state 'a', 'go': the action xstate.emit"],
  ['log', onGo({ actions: log('go') }), "state 'a', 'go': the action xstate.log"],
  ['enqueueActions', onGo({ actions: enqueueActions(() => {}) }), "state 'a', 'go': the action xstate.enqueueActions"],
  ['raise at the start', flawed({ root: { entry: raise({ type: 'go' }) } }), 'the action xstate.raise'],
  [
    'raise behind a name',
    setup({ actions: { again: raise({ type: 'go' } as never) } }).createMachine({
      id: 'flawed',
      initial: 'a',
      states: { a: { entry: 'again' } },
    }),
    "state 'a': the action xstate.raise",
  ],
  [
    'an action without an implementation',
    onGo({ actions: 'nowhere' }),
    "state 'a', 'go': the action 'nowhere' has no implementation of its own",
  ],
  [
    'a guard without an implementation',
    onGo({ guard: 'nowhere', target: 'b' }),
    "state 'a', 'go': the guard 'nowhere' has no implementation of its own",
  ],
  [
    'not',
    onGo({ guard: not(() => true), target: 'b' }),
    "state 'a', 'go': a guard made of others; give it a name of its own",
  ],
  [
    'and',
    onGo({ guard: and([() => true]), target: 'b' }),
    "state 'a', 'go': a guard made of others; give it a name of its own",
  ],
  [
    'stateIn',
    onGo({ guard: stateIn('a'), target: 'b' }),
    "state 'a', 'go': a guard made of others; give it a name of its own",
  ],
];

describe('what can’t be compiled exactly is refused', () => {
  test.each(REFUSED)('%s', (_, machine, text) => {
    expect(() => tableOf(machine)).toThrow(new Error(`machine 'flawed' can't be compiled: ${text}`));
  });

  test('but for that one thing, it is compiled', () => {
    expect(() => tableOf(flawed({}))).not.toThrow();
  });

  test.each([
    ['self', (args: { self: unknown }) => args.self],
    ['system', (args: { system: unknown }) => args.system],
  ])('an effect that asks for %s is told that there is none', (name, effect) => {
    const stepper = new Stepper(tableOf(flawed({ root: { entry: effect } })), undefined);
    expect(() => stepper.start()).toThrow(`a compiled machine has no '${name}': it is no actor`);
    expect(stepper.status).toBe('error');
  });

  test.each([
    [
      'an assignment that spawns',
      'spawn',
      flawed({ root: { entry: assign(({ spawn }) => ({ child: spawn(work) })) } }),
    ],
    [
      'a context that spawns',
      'spawn',
      flawed({ root: { context: ({ spawn }: { spawn: (of: unknown) => unknown }) => ({ child: spawn(work) }) } }),
    ],
    [
      'a context that asks for its actor',
      'self',
      flawed({ root: { context: ({ self }: { self: { id: string } }) => ({ id: self.id }) } }),
    ],
  ])('%s is told that there is no %s', (_, name, machine) => {
    expect(() => new Stepper(tableOf(machine), undefined).start()).toThrow(
      `a compiled machine has no '${name}': it is no actor`,
    );
  });
});

const reactions = fc.array(fc.option(fc.constantFrom(...EVENTS), { nil: undefined }), { maxLength: 6 });

describe('the stepper does what XState does', () => {
  test('with random flat machines and random events, some of them sent from within effects', () => {
    fc.assert(
      fc.property(
        machines,
        fc.array(fc.constantFrom(...EVENTS), { maxLength: 12 }),
        reactions,
        (machine, events, sent) => {
          const run = { machine, input: {}, effects: ['note'], events, reactions: sent };
          expect(onStepper(run)).toEqual(onActor(run));
        },
      ),
      { numRuns: 600 },
    );
  });

  const EFFECTS = [
    'transmit',
    'settle',
    'handle',
    'abort',
    'retain',
    'release',
    'keep',
    'forget',
    'deliver',
    'wait',
    'resume',
    'conclude',
    'accuse',
  ];

  test.each(
    [outgoingCallPart, incomingCallPart, channelsPart, unboundChannelPart, senderPart, receiverPart].map(
      (part) => [part.machine.id, part] as const,
    ),
  )('with the %s and random events of its own', (_, part: Part) => {
    const start = (input: object) => part.machine.getInitialSnapshot({} as never, input as never);
    fc.assert(
      fc.property(
        fc.constantFrom(...part.variants),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 8 }),
        (variant, choices, answers) => {
          const alphabet: readonly EventObject[] = part.events(start(variant.input), variant);
          const chosen = (index: number) => alphabet[index % alphabet.length] as EventObject;
          const run = {
            machine: part.machine,
            input: variant.input,
            effects: EFFECTS,
            events: choices.map(chosen),
            reactions: answers.map((index) => (index === undefined ? undefined : chosen(index))),
          };
          expect(onStepper(run)).toEqual(onActor(run));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a stepper', () => {
  const notes: (readonly [event: string, value: string])[] = [];
  const machine = setup({
    types: { events: {} as { type: 'go' } | { type: 'back' } },
    actions: { note: ({ event }) => void notes.push([event.type, stepper.value]) },
  }).createMachine({
    id: 'noted',
    initial: 'a',
    entry: 'note',
    states: {
      a: { on: { go: { target: 'b', actions: 'note' } } },
      b: { on: { back: { target: 'a', actions: 'note' } } },
    },
  });
  let stepper: Stepper<typeof machine>;

  test('keeps for after the start what is sent before it', () => {
    stepper = new Stepper(tableOf(machine), undefined);
    stepper.send({ type: 'go' });
    expect({ value: stepper.value, calls: notes.splice(0) }).toEqual({ value: 'a', calls: [] });
    stepper.start();
    expect({ value: stepper.value, calls: notes.splice(0) }).toEqual({
      value: 'b',
      calls: [
        ['xstate.init', 'a'],
        ['go', 'a'],
      ],
    });
  });

  test('tells its observer of each step, also of one without effect, and of no other', () => {
    const steps: unknown[] = [];
    const stepped = (of: Stepper<AnyStateMachine>, event: EventObject) => steps.push([event.type, of.value]);
    stepper = new Stepper(tableOf(machine), undefined, { stepped });
    stepper.start();
    stepper.send({ type: 'back' });
    stepper.send({ type: 'go' });
    expect(steps).toEqual([
      ['xstate.init', 'a'],
      ['back', 'a'],
      ['go', 'b'],
    ]);
  });

  test('tells its observer of each event that an effect sends, once and behind the event of the effect', () => {
    const steps: string[] = [];
    const again = setup({
      types: { events: {} as { type: 'go' } | { type: 'back' } },
      actions: { reply: () => other.send({ type: 'back' }) },
    }).createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'b', actions: 'reply' } } }, b: { on: { back: 'a' } } },
    });
    const stepped = (of: Stepper<AnyStateMachine>, event: EventObject) => steps.push(`${event?.type} ${of.value}`);
    const other = new Stepper(tableOf(again), undefined, { stepped });
    other.start();
    other.send({ type: 'go' });
    other.send({ type: 'go' });
    expect(steps).toEqual(['xstate.init a', 'go b', 'back a', 'go b', 'back a']);
  });

  test('has an output when it is done, and none before it or after an error', () => {
    const machine = createMachine({
      initial: 'a',
      output: ({ event }) => event.type,
      states: {
        a: {
          on: {
            end: 'b',
            fail: {
              actions: () => {
                throw new Error('an effect');
              },
            },
          },
        },
        b: { type: 'final' },
      },
    });
    const stepper = new Stepper(tableOf(machine), undefined);
    const first = new Stepper(tableOf(machine), undefined);
    const second = new Stepper(tableOf(machine), undefined);
    for (const each of [first, second]) each.start();
    const before = first.output;
    first.send({ type: 'end' });
    expect(() => second.send({ type: 'fail' })).toThrow('an effect');
    expect([before, first.output, second.output]).toEqual([undefined, 'xstate.done.state.(machine).b', undefined]);
    expect([stepper, first, second].map(({ isDone }) => isDone)).toEqual([false, true, true]);
  });

  test('shares a context that nothing assigns, and has its own where something does', () => {
    const input = { port: 1 };
    const context = ({ input: given }: { input: unknown }) => given;
    const [shared, own] = [{}, { entry: assign({ port: 2 }) }].map((root) => {
      const one = new Stepper(tableOf(flawed({ root: { context, ...root } })), input as never);
      one.start();
      return one.context as unknown;
    });
    expect({ isShared: shared === input, input, own }).toEqual({
      isShared: true,
      input: { port: 1 },
      own: { port: 2 },
    });
  });
});
