import { describe, expect, jest, test } from '@jest/globals';
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  and,
  assign,
  createActor,
  createMachine,
  emit,
  enqueueActions,
  fromCallback,
  not,
  raise,
  StateMachine,
  sendTo,
  setup,
  spawnChild,
  stateIn,
} from 'xstate';
import { compile } from '../../src/compile/index.js';
import { type Configuration, Structure } from '../../src/compile/structure.js';

const light = createMachine({
  id: 'light',
  context: { turns: 0 },
  initial: 'red',
  states: {
    red: { tags: 'stop', on: { next: { target: 'green', actions: 'note' } } },
    green: { on: { next: { target: 'red', actions: assign({ turns: ({ context }) => context.turns + 1 }) } } },
  },
});

/** All fields of a snapshot but those that hold the machine. */
const fieldsOf = ({ machine, ...fields }: AnyMachineSnapshot) => fields;

describe('a compiled machine', () => {
  test('has the fields of the machine, and is one', () => {
    const compiled = compile(light);
    expect({ ...compiled, transition: 0, getInitialSnapshot: 0, restoreSnapshot: 0 }).toEqual({
      ...light,
      transition: 0,
      getInitialSnapshot: 0,
      restoreSnapshot: 0,
    });
    expect({
      isSame: compiled === light,
      constructor: compiled.constructor === light.constructor,
      config: compiled.config === light.config,
      definition: JSON.stringify(compiled.definition) === JSON.stringify(light.definition),
      json: JSON.stringify(compiled) === JSON.stringify(light),
      again: compile(compiled) === compiled,
      isMachine: createActor(compiled).getSnapshot().machine === compiled,
    }).toEqual({
      isSame: false,
      constructor: true,
      config: true,
      definition: true,
      json: true,
      again: true,
      isMachine: true,
    });
  });

  test('leaves the machine as it was', () => {
    const { transition, getInitialSnapshot, provide } = light;
    compile(light);
    expect([light.transition, light.getInitialSnapshot, light.provide]).toEqual([
      transition,
      getInitialSnapshot,
      provide,
    ]);
    expect(createActor(light).getSnapshot().machine).toBe(light);
  });

  test('takes provided implementations, and is compiled with them', () => {
    const notes: string[] = [];
    const provided = compile(light).provide({ actions: { note: ({ event }) => notes.push(event.type) } });
    const actor = createActor(provided).start();
    actor.send({ type: 'next' });
    expect({ notes, isCompiled: compile(provided) === provided }).toEqual({ notes: ['next'], isCompiled: true });
  });

  test('looks actions and guards up at each run', () => {
    const notes: string[] = [];
    const machine = setup({
      actions: { note: () => notes.push('before') },
      guards: { may: () => true },
    }).createMachine({ on: { go: { guard: 'may', actions: 'note' } } });
    const actor = createActor(compile(machine)).start();
    actor.send({ type: 'go' });
    machine.implementations.actions['note'] = (() => notes.push('after')) as never;
    actor.send({ type: 'go' });
    machine.implementations.guards['may'] = () => false;
    actor.send({ type: 'go' });
    expect(notes).toEqual(['before', 'after']);
  });

  test('makes its steps itself, and leaves events that are none to XState', () => {
    const actor = createActor(compile(light));
    const ofXState = jest.spyOn(StateMachine.prototype, 'transition');
    actor.start();
    actor.send({ type: 'next' });
    expect(ofXState).not.toHaveBeenCalled();
    actor.subscribe({ error: () => {} });
    actor.send({ type: '*' } as never);
    expect(ofXState).toHaveBeenCalledTimes(1);
    ofXState.mockRestore();
  });

  test('returns the same snapshot for an event that nothing answers', () => {
    const actor = createActor(compile(light)).start();
    const before = actor.getSnapshot();
    actor.send({ type: 'unknown' } as never);
    expect(actor.getSnapshot()).toBe(before);
  });

  test('gives each snapshot a value of its own, and tags that can not be changed', () => {
    const machine = createMachine({
      type: 'parallel',
      tags: 'on',
      states: {
        a: { initial: 'b', states: { b: {} } },
        c: { on: { go: { actions: assign({}) } } },
        d: { initial: 'e', states: { e: { initial: 'f', states: { f: {} } } } },
      },
    });
    const compiled = compile(machine);
    const first = createActor(compiled).start();
    const snapshot = first.getSnapshot();
    const plain = createActor(machine).getSnapshot();
    expect(snapshot.tags).toEqual(plain.tags);
    for (const change of ['add', 'delete', 'clear'] as const) {
      expect(() => snapshot.tags[change]('on')).toThrow(
        new TypeError('the tags of a compiled machine can not be changed: its snapshots share them'),
      );
    }
    expect({ ...snapshot.tags }).toEqual({});
    expect(structuredClone(snapshot.tags)).toEqual(new Set(['on']));
    Object.assign(snapshot.value, { a: 'spoilt' });
    Object.assign((snapshot.value as { d: object }).d, { e: 'spoilt' });
    first.send({ type: 'go' });
    const second = createActor(compiled);
    for (const { value, tags } of [first.getSnapshot(), second.getSnapshot()]) {
      expect({ value, tags: [...tags] }).toEqual({ value: { a: 'b', c: {}, d: { e: 'f' } }, tags: ['on'] });
    }
  });

  test('continues from a plain snapshot of the machine, and the machine from its', () => {
    const [plain, compiled] = [light, compile(light)].map((logic) => createActor(logic).start());
    const scope = (createActor(light) as unknown as { _actorScope: never })._actorScope;
    const go = { type: 'next' };
    const theirs = compile(light).transition(plain?.getSnapshot() as never, go as never, scope);
    const ours = light.transition(compiled?.getSnapshot() as never, go as never, scope);
    expect([theirs.machine === light, theirs.value, ours.value]).toEqual([true, 'green', 'green']);
    expect(fieldsOf(theirs)).toEqual(fieldsOf(ours));
  });

  test('keeps no more than it may for event types from outside', () => {
    const seen: string[] = [];
    const machine = createMachine({ on: { 'rx.*': { actions: ({ event }) => seen.push(event.type) } } });
    const actor = createActor(compile(machine)).start();
    for (let n = 0; n < 60_000; n += 1) actor.send({ type: `rx.${n}` });
    actor.send({ type: `rx.${'x'.repeat(1_000)}` });
    expect({ count: seen.length, last: seen.at(-1)?.length }).toEqual({ count: 60_001, last: 1_003 });
  });

  test('forgets configurations beyond the limit, and goes on', () => {
    const bit = { initial: 'off', states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } } };
    const states = Object.fromEntries(
      Array.from({ length: 14 }, (_, n) => [
        `b${n}`,
        { initial: 'off', states: { off: { on: { [`flip${n}`]: 'on' } }, on: { on: { [`flip${n}`]: 'off' } } } },
      ]),
    );
    const actor = createActor(compile(createMachine({ type: 'parallel', states: { ...states, all: bit } }))).start();
    // Gray's code visits each of the 16 384 configurations by one flip each.
    for (let n = 1; n < 2 ** 14; n += 1) actor.send({ type: `flip${31 - Math.clz32(n & -n)}` });
    actor.send({ type: 'flip' });
    const value = actor.getSnapshot().value as Record<string, string>;
    expect(Object.entries(value).filter(([, state]) => state === 'on')).toEqual([
      ['b13', 'on'],
      ['all', 'on'],
    ]);
  });
});

test('the plan for a type of at most 256 characters is worked out once', () => {
  const machine = createMachine({ on: { '*': {} } });
  const structure = new Structure(machine, { action: (part) => part, guard: (part) => part });
  const isKept = (length: number) => {
    const type = 'x'.repeat(length);
    const plan = structure.preInitial.planOf(type);
    return structure.preInitial.planOf(type) === plan;
  };
  expect([255, 256, 257].map(isKept)).toEqual([true, true, false]);
});

test('of more than 50 000 plans all are forgotten', () => {
  const machine = createMachine({ on: { '*': {} } });
  const structure = new Structure(machine, { action: (part) => part, guard: (part) => part });
  const configuration = structure.preInitial;
  const first = configuration.planOf('e0');
  for (let n = 1; n < 50_000; n += 1) configuration.planOf(`e${n}`);
  expect(configuration.planOf('e0')).toBe(first);
  configuration.planOf('one more');
  expect(configuration.planOf('e0')).not.toBe(first);
});

test('of more than 10 000 configurations the older ones are forgotten', () => {
  const names = Array.from({ length: 14 }, (_, n) => `b${n}`);
  const bit = { initial: 'off', states: { off: {}, on: {} } };
  const machine = createMachine({ type: 'parallel', states: Object.fromEntries(names.map((name) => [name, bit])) });
  const structure = new Structure(machine, { action: (part) => part, guard: (part) => part });
  const at = (number: number) => {
    const bits = names.map((name, n) => machine.root.states[name]?.states[(number >> n) % 2 === 0 ? 'off' : 'on']);
    return structure.configurationOf([machine.root, ...bits] as never);
  };
  const all = Array.from({ length: 10_000 }, (_, number) => at(number));
  expect([at(0) === all[0], at(9_999) === all[9_999]]).toEqual([true, true]);
  at(10_000);
  expect([0, 4_999, 5_000, 9_999].map((number) => at(number) === all[number])).toEqual([false, false, true, true]);
});

test('a configuration keeps 64 steps of several transitions', () => {
  const region = { on: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`e${n}`, {}])) };
  const machine = createMachine({ type: 'parallel', states: { left: region, right: region } } as never);
  const structure = new Structure(machine, { action: (part) => part, guard: (part) => part });
  const { left, right } = machine.root.states as Record<'left' | 'right', AnyStateNode>;
  const configuration = structure.configurationOf([machine.root, left, right]);
  const pairs = [...left.transitions.keys()].flatMap((one) =>
    [...right.transitions.keys()].map((other) => [one, other] as const),
  );
  const steps = pairs.slice(0, 65).map(([one, other]) => {
    const transitions = [left.transitions.get(one)?.[0], right.transitions.get(other)?.[0]] as never;
    const step = configuration.stepOfAll(transitions, {});
    return { step, again: () => configuration.stepOfAll(transitions, {}) };
  });
  expect(steps.slice(1).filter(({ step, again }) => again() !== step)).toEqual([]);
  expect(steps[0]?.again()).not.toBe(steps[0]?.step);
});

test('a step of one transition is worked out once, also without an event, and in one of several regions', () => {
  const lamp = { initial: 'off', states: { off: { on: { flip: 'on' } }, on: { always: 'off' } } } as const;
  const machine = createMachine({ type: 'parallel', states: { left: lamp, right: lamp } });
  const structure = new Structure(machine, { action: (part) => part, guard: (part) => part });
  const { left, right } = machine.root.states as Record<'left' | 'right', AnyStateNode>;
  const at = (state: 'off' | 'on') =>
    structure.configurationOf([machine.root, left, left.states[state] as never, right, right.states['off'] as never]);
  const again = (from: Configuration<unknown, unknown>, branch: { transition: unknown } | undefined) => {
    const transitions = [branch?.transition] as never;
    const first = from.stepOfAll(transitions, {});
    return from.stepOfAll(transitions, {}) === first;
  };
  const [region] = at('off').planOf('flip')?.regions ?? [];
  expect(again(at('off'), region?.branches[0])).toBe(true);
  expect(again(at('on'), at('on').eventless[0]?.[0])).toBe(true);
});

describe('compile', () => {
  test.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a logic that is no machine', { transition: () => 0 }, 'object'],
    ['a configuration', { initial: 'a', states: { a: {} } }, 'object'],
    ['a function', () => light, 'function'],
  ])('refuses %s', (_, wrong, is) => {
    const text = `compile: 'machine' has to be a state machine of XState, as createMachine returns it, but is ${is}`;
    expect(() => compile(wrong as never)).toThrow(new TypeError(text));
  });

  test.each([
    ['an infix wildcard', createMachine({ on: { 'a.*.b.*': {} } })],
    ['an output of functions by field', createMachine({ output: { n: () => 1 } } as never)],
    ['a state whose name looks like an id', createMachine({ initial: '#a', states: { '#a': {} } })],
    ['a machine of another copy of XState', { __xstatenode: true } as never],
  ])('returns as it is %s', (_, machine) => {
    expect(compile(machine)).toBe(machine);
  });

  test('compiles a machine with wildcards at the end of event types', () => {
    const machine = createMachine({ on: { 'a.b.*': {}, '*': {} } });
    expect(compile(machine)).not.toBe(machine);
  });
});

describe('a history state that has nothing to remember', () => {
  const cases: readonly (readonly [name: string, states: Readonly<Record<string, unknown>>, value: unknown])[] = [
    [
      'in a parallel state, and without a target, enters all regions',
      { p: { type: 'parallel', states: { h: { type: 'history' }, r: { initial: 'x', states: { x: {} } }, s: {} } } },
      { p: { r: 'x', s: {} } },
    ],
    [
      'without a target enters the initial state of its parent',
      { p: { initial: 'y', states: { h: { type: 'history' }, x: {}, y: {} } } },
      { p: 'y' },
    ],
    [
      'with an empty target does so, too',
      { p: { initial: 'y', states: { h: { type: 'history', target: '' }, x: {}, y: {} } } },
      { p: 'y' },
    ],
    [
      'enters its target, beside it',
      { p: { initial: 'y', states: { h: { type: 'history', target: 'x' }, x: {}, y: {} } } },
      { p: 'x' },
    ],
    [
      'enters its target by an id',
      { p: { initial: 'y', states: { h: { type: 'history', target: '#z' }, x: { id: 'z' }, y: {} } } },
      { p: 'x' },
    ],
    [
      'enters the states of a path, in a parent whose id has points and backslashes',
      {
        p: {
          id: 'p.q\\r.s',
          initial: 'y',
          states: {
            h: { type: 'history', target: 'x.w' },
            x: { initial: 'v', states: { v: {}, w: {} } },
            y: {},
          },
        },
      },
      { p: { x: 'w' } },
    ],
    [
      'enters several targets',
      {
        p: {
          type: 'parallel',
          states: {
            h: { type: 'history', target: ['r.w', 's.w'] },
            r: { initial: 'v', states: { v: {}, w: {} } },
            s: { initial: 'v', states: { v: {}, w: {} } },
          },
        },
      },
      { p: { r: 'w', s: 'w' } },
    ],
  ];

  test.each(cases)('%s', (_, states, value) => {
    const machine = createMachine({
      initial: 'start',
      states: { start: { on: { go: { target: '#h' } } }, ...withId(states) },
    } as never);
    for (const logic of [machine, compile(machine)]) {
      const actor = createActor(logic).start();
      actor.send({ type: 'go' });
      expect((actor.getSnapshot() as AnyMachineSnapshot).value).toEqual(value);
    }
  });

  /** Gives the history state its id. */
  function withId(states: Readonly<Record<string, unknown>>): object {
    return JSON.parse(JSON.stringify(states).replace('{"type":"history"', '{"id":"h","type":"history"')) as object;
  }
});

describe('as on XState', () => {
  const named = (name: string, states: object) => ({ id: name, initial: 'off', states }) as const;
  const side = (guard: unknown) => ({ off: { on: { go: { guard, target: 'on' } } }, on: {} });

  test.each([
    ['an id', stateIn('#right'), false],
    ['the id of an active state', stateIn('#left'), true],
    ['a value', stateIn({ r: 'on' }), false],
    ['the value of now', stateIn({ r: 'off' }), true],
    ['not a value', not(stateIn({ r: 'on' })), true],
    ['both', and([stateIn('#left'), stateIn({ l: 'off' })]), true],
  ])('a guard asks for the states of now by %s', (_, guard, isTrue) => {
    const machine = createMachine({
      type: 'parallel',
      states: {
        l: named('left', side(guard)),
        r: { initial: 'off', states: { off: {}, on: { id: 'right' } } },
      },
    } as never);
    for (const logic of [machine, compile(machine)]) {
      const actor = createActor(logic).start();
      actor.send({ type: 'go' });
      expect((actor.getSnapshot() as AnyMachineSnapshot).value).toEqual({ l: isTrue ? 'on' : 'off', r: 'off' });
    }
  });

  test('a transition to a state that is not there fails before any action', () => {
    const noted: string[] = [];
    const note = (name: string) => () => void noted.push(name);
    const machine = createMachine({
      initial: 'a',
      states: {
        a: { exit: note('exit'), on: { go: { target: '#h', actions: note('go') } } },
        b: {
          entry: note('entry'),
          initial: 'x',
          states: { x: {}, h: { id: 'h', type: 'history', target: 'missing' } },
        },
      },
    } as never);
    for (const logic of [machine, compile(machine)]) {
      noted.length = 0;
      const actor = createActor(logic);
      actor.subscribe({ error: (error) => void noted.push(String(error)) });
      actor.start();
      actor.send({ type: 'go' });
      expect(noted).toEqual([expect.stringContaining("Child state 'missing' does not exist")]);
    }
  });

  test.each([
    ['beside others, is passed over', { s: {} }, { r: '', s: {} }],
    ['the only one, takes its events', {}, { r: 'x' }],
  ])('a region whose active state has no name, %s', (_, others, value) => {
    const region = {
      initial: 'w',
      states: { w: { always: '#none' }, '': { id: 'none', on: { go: 'x' } }, x: {} },
    };
    const machine = createMachine({ type: 'parallel', states: { r: region, ...others } } as never);
    for (const logic of [machine, compile(machine)]) {
      const actor = createActor(logic).start();
      actor.send({ type: 'go' });
      expect((actor.getSnapshot() as AnyMachineSnapshot).value).toEqual(value);
    }
  });

  /** The names of the machine's notes, and its value at the end, on XState and compiled. */
  function played(config: object, events: readonly string[]): readonly unknown[] {
    return [createMachine(config as never), compile(createMachine(config as never))].map((logic) => {
      noted.length = 0;
      const actor = createActor(logic).start();
      for (const type of events) actor.send({ type } as never);
      return { value: (actor.getSnapshot() as AnyMachineSnapshot).value, noted: [...noted] };
    });
  }

  const noted: string[] = [];
  const note = (name: string) => () => void noted.push(name);

  const memory = (one: string, other: string) => ({
    initial: one,
    states: { [one]: { on: { next: other } }, [other]: { on: { next: one } }, [`${one}h`]: { type: 'history' } },
    on: { leave: '#out' },
  });
  const remembering = {
    initial: 'p',
    states: {
      p: memory('a', 'b'),
      q: memory('c', 'd'),
      out: { id: 'out', on: { p: '#(machine).p.ah', q: '#(machine).q.ch' } },
    },
  };

  test.each<[string, object, string[], unknown, string[]]>([
    [
      'the longest wildcard answers, whichever stands first',
      { on: { '*': { actions: note('*') }, 'a.*': { actions: note('a.*') }, 'a.b.*': { actions: note('a.b.*') } } },
      ['a.b.c', 'a.c', 'b', 'a.b', 'a'],
      {},
      ['a.b.*', 'a.*', '*', 'a.b.*', 'a.*'],
    ],
    [
      'a wildcard answers a raised event whose type is a number',
      { on: { go: { actions: raise({ type: 5 } as never) }, '*': { actions: note('*') } } },
      ['go'],
      {},
      ['*'],
    ],
    ['a wildcard alone answers all events', { on: { '*': { actions: note('*') } } }, ['a', 'b'], {}, ['*', '*']],
    [
      'a history state has the last state, each time anew',
      remembering,
      ['next', 'leave', 'p', 'next', 'leave', 'p'],
      { p: 'a' },
      [],
    ],
    [
      'what one history state remembers is kept while another one notes its own',
      remembering,
      ['next', 'leave', 'q', 'next', 'leave', 'p'],
      { p: 'b' },
      [],
    ],
    [
      'the root has initial actions',
      { initial: { target: 'a', actions: note('initial') }, states: { a: { entry: note('a') } } },
      [],
      'a',
      ['initial', 'a'],
    ],
    [
      'a history state without memory runs the initial actions of its parent',
      {
        initial: 'out',
        states: {
          out: { on: { go: '#h' } },
          p: {
            initial: { target: 'a', actions: note('initial') },
            states: { a: { entry: note('a') }, h: { id: 'h', type: 'history' } },
          },
        },
      },
      ['go'],
      { p: 'a' },
      ['initial', 'a'],
    ],
    [
      'a history state with a target runs none',
      {
        initial: 'out',
        states: {
          out: { on: { go: '#h' } },
          p: {
            initial: { target: 'a', actions: note('initial') },
            states: { a: { entry: note('a') }, h: { id: 'h', type: 'history', target: 'a' } },
          },
        },
      },
      ['go'],
      { p: 'a' },
      ['a'],
    ],
    [
      'a final state right in a parallel one tells nothing of it until all regions are there',
      {
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            states: {
              a: { type: 'final' },
              b: { initial: 'c', states: { c: { on: { go: 'd' } }, d: { type: 'final' } } },
            },
            on: { 'xstate.done.state.*': { actions: note('done') } },
          },
        },
      },
      ['go'],
      { p: { a: {}, b: 'd' } },
      ['done', 'done'],
    ],
    ['no transition answers a second start', { on: { '*': { actions: note('*') } } }, ['xstate.init', 'a'], {}, ['*']],
    [
      'an entry action sends to an actor that the state invokes',
      {
        initial: 'a',
        states: {
          a: {
            entry: [sendTo('child', { type: 'by its id' }), sendTo(() => 'child', { type: 'by a function' })],
            invoke: { id: 'child', src: fromCallback(({ receive }) => receive(({ type }) => void noted.push(type))) },
          },
        },
      },
      [],
      'a',
      ['by its id', 'by a function'],
    ],
  ])('%s', (_, config, events, value, names) => {
    expect(played(config, events)).toEqual([
      { value, noted: names },
      { value, noted: names },
    ]);
  });
});

describe('errors are those of XState', () => {
  const endless = createMachine({
    options: { maxIterations: 3 },
    initial: 'a',
    states: { a: { always: 'b' }, b: { always: 'a' } },
  } as never);
  const guarded = createMachine({
    id: 'm',
    on: {
      named: { guard: 'missing' as never },
      object: { guard: { type: 'missing', params: 1 } as never },
      inline: {
        guard: () => {
          throw new Error('no');
        },
      },
    },
  });
  const raising = createMachine({
    on: { go: { actions: raise({ type: '*' }) }, bad: { actions: raise('x' as never) } },
  });
  const numbered = createMachine({ on: { go: { actions: raise({ type: 5 } as never) }, '*': { actions: () => {} } } });
  const spawning = createMachine({
    context: ({ spawn }: { spawn: (src: string) => unknown }) => ({ child: spawn('missing') }),
  } as never);
  const starting = createMachine({
    entry: [
      spawnChild(light, { id: 'k' }),
      () => {
        throw new Error('entry');
      },
    ],
  });

  test.each([
    ['an endless loop', endless, []],
    ['a missing guard', guarded, [{ type: 'named' }]],
    ['a missing guard with params', guarded, [{ type: 'object' }]],
    ['a guard that throws', guarded, [{ type: 'inline' }]],
    ['a wildcard as an event', guarded, [{ type: '*' }]],
    ['a raised wildcard', raising, [{ type: 'go' }]],
    ['a raised string', raising, [{ type: 'bad' }]],
    ['a raised event whose type is a number', numbered, [{ type: 'go' }]],
    ['an event without a type', guarded, [{}]],
    ['no event', guarded, [null]],
    ['an actor that does not exist', spawning, []],
    ['an entry action that throws', starting, []],
  ])('%s', (_, machine, events) => {
    const [expected, found] = [machine, compile(machine)].map((logic) => {
      const errors: unknown[] = [];
      const actor = createActor(logic);
      actor.subscribe({ error: (error) => errors.push(error) });
      actor.start();
      for (const event of events) actor.send(event as never);
      const { status, context, children } = actor.getSnapshot() as AnyMachineSnapshot;
      return { errors: errors.map(String), status, context, children: Object.keys(children ?? {}) };
    });
    expect(found).toEqual(expected);
  });
});

describe('what throws has the effect that it has on XState', () => {
  const fail = (): never => {
    throw new Error('thrown');
  };
  const noted: string[] = [];
  const note = (name: string) => () => void noted.push(name);

  /** A machine with one part of each kind, of which some are replaced. */
  function working(parts: Readonly<Record<string, unknown>>): AnyStateMachine {
    return createMachine({
      context: { count: 0 },
      output: parts['output'],
      initial: 'a',
      invoke: { id: 'child', src: fromCallback(() => note('the child ends')) },
      states: {
        a: { exit: [note('exit'), parts['exit'] ?? note('exit 2')], on: { go: 'b', more: { actions: note('more') } } },
        b: {
          entry: [
            parts['entry'] ?? note('entry'),
            parts['assign'] ?? assign({ count: 1 }),
            parts['spawns'] ?? spawnChild(fromCallback(note('spawned')), { id: 'spawned' }),
            emit({ type: 'told' }),
            parts['enqueue'] ?? enqueueActions(({ enqueue }) => enqueue(note('enqueued'))),
            raise((parts['raised'] as never) ?? { type: 'on' }),
          ],
          always: { guard: parts['always'] ?? (() => false), target: 'c' },
          on: {
            on: { guard: parts['guard'] ?? (() => true), actions: [{ type: 'given', params: parts['params'] }] },
            go: 'c',
          },
        },
        c: { type: 'final', entry: note('the end') },
      },
    } as never).provide({ actions: { given: note('given') } } as never) as AnyStateMachine;
  }

  type Breaking = 'listener' | 'subscriber' | 'inspector';

  /** Runs a machine, and returns all that can be seen of it. An inspector throws at one of its events. */
  function run(logic: AnyStateMachine, breaking?: Breaking, at = 0): readonly unknown[] {
    noted.length = 0;
    let count = 0;
    const { setTimeout } = globalThis;
    const { warn } = console;
    // XState reports an error that nothing handles by a timer that throws.
    globalThis.setTimeout = ((report: () => void) => attempt('unhandled', report)) as never;
    console.warn = () => void noted.push('warning');
    const attempt = (name: string, what: () => void) => {
      try {
        what();
      } catch (error) {
        noted.push(`${name}: ${String(error)}`);
      }
    };
    const seen: unknown[] = [];
    attempt('made', () => {
      const actor = createActor(logic, {
        inspect: ({ type }) => {
          noted.push(type);
          count += 1;
          if (breaking === 'inspector' && count === at) fail();
        },
      });
      actor.on('told' as never, () => {
        noted.push('listener');
        if (breaking === 'listener') fail();
      });
      actor.subscribe({
        next: () => {
          noted.push('next');
          if (breaking === 'subscriber') fail();
        },
        error: (error) => noted.push(`error: ${String(error)}`),
        complete: () => noted.push('complete'),
      });
      attempt('start', () => actor.start());
      for (const type of ['more', 'go', 'more', 'go', 'more']) {
        attempt(type, () => actor.send({ type } as never));
        const { status, value, context, children, error, output } = actor.getSnapshot() as AnyMachineSnapshot;
        seen.push({ status, value, context, children: Object.keys(children ?? {}), error: String(error), output });
      }
    });
    globalThis.setTimeout = setTimeout;
    console.warn = warn;
    return [...noted, ...seen];
  }

  const failing: Readonly<Record<string, unknown>> = {
    exit: fail,
    entry: fail,
    assign: assign(fail),
    spawns: spawnChild(fromCallback(fail), { id: 'spawned' }),
    enqueue: enqueueActions(fail),
    raised: fail,
    always: fail,
    guard: fail,
    params: fail,
    output: fail,
  };

  test.each(Object.keys(failing))('%s', (part) => {
    const machine = working({ [part]: failing[part] });
    const expected = run(machine);
    // It has thrown.
    expect(JSON.stringify(expected)).toContain('thrown');
    expect(run(compile(machine))).toEqual(expected);
  });

  test.each(['listener', 'subscriber'] as const)('a %s', (breaking) => {
    const machine = working({});
    const expected = run(machine, breaking);
    expect(expected).toContain('unhandled: Error: thrown');
    expect(run(compile(machine), breaking)).toEqual(expected);
  });

  test('an inspector, at each of its events', () => {
    const machine = working({});
    const events = run(machine).filter((line) => typeof line === 'string' && line.startsWith('@xstate.')).length;
    expect(events).toBeGreaterThan(30);
    for (let at = 1; at <= events; at += 1) {
      const expected = run(machine, 'inspector', at);
      expect(JSON.stringify(expected)).toContain('thrown');
      expect([at, run(compile(machine), 'inspector', at)]).toEqual([at, expected]);
    }
  });
});

test.each([
  ['XState', (machine: AnyStateMachine) => machine],
  ['compiled', (machine: AnyStateMachine) => compile(machine)],
])('a spawn that is kept from one assignment adds no child in a later one: %s', (_, made) => {
  let kept: ((src: AnyStateMachine, options: object) => unknown) | undefined;
  const machine = createMachine({
    context: { count: 0 },
    on: {
      go: {
        actions: [
          assign(({ spawn }) => {
            kept = spawn as never;
            return { count: 1 };
          }),
          assign(() => {
            kept?.(light, { id: 'late' });
            return { count: 2 };
          }),
        ],
      },
    },
  });
  const actor = createActor(made(machine)).start();
  actor.send({ type: 'go' });
  expect([actor.getSnapshot().context, Object.keys(actor.getSnapshot().children)]).toEqual([{ count: 2 }, []]);
});

describe.each([
  ['XState', (machine: AnyStateMachine) => machine],
  ['compiled', (machine: AnyStateMachine) => compile(machine)],
])('as %s', (_, made) => {
  test('a step without an actor hands its actions to the executor', () => {
    const ran: string[] = [];
    const logic = made(light.provide({ actions: { note: () => void ran.push('note') } } as never));
    const { _actorScope } = createActor(logic) as unknown as { _actorScope: object };
    const executed: string[] = [];
    const actionExecutor = ({ type }: { type: string }): void => void executed.push(type);
    const scope = { ..._actorScope, self: undefined, actionExecutor } as never;
    const next = logic.transition(logic.getInitialSnapshot(scope) as never, { type: 'next' }, scope);
    expect([next.value, ran, executed]).toEqual(['green', [], ['note']]);
  });

  test('an action that is no function fails the actor, with an error that says so', () => {
    const actor = createActor(made(light.provide({ actions: { note: {} } } as never)));
    const errors: unknown[] = [];
    actor.subscribe({ error: (error) => errors.push(error) });
    actor.start();
    actor.send({ type: 'next' });
    expect([actor.getSnapshot().status, errors]).toEqual(['error', [new TypeError('action.exec is not a function')]]);
  });
});
