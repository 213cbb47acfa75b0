import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, SimulatedClock } from 'xstate';
import { compile } from '../../src/compile/index.js';
import { isAtomic } from '../../src/compile/step.js';
import { idOf, machineOf } from './scxml.js';

// The conformance cases of SCXML: those of W3C, and those of SCION. These are the cases that XState itself runs. It leaves
// out those with a feature that it does not have, such as executable scripts, `foreach`, and a data model in a state.

const CASES: Readonly<Record<string, string>> = {
  actionSend: 'send1 send2 send3 send4 send4b send7 send7b send8 send8b send9',
  'assign-current-small-step': 'test1 test2 test3 test4',
  basic: 'basic0 basic1 basic2',
  'cond-js': 'test0 test1 test2 TestConditionalTransition',
  'default-initial-state': 'initial1 initial2',
  delayedSend: 'send1 send2 send3',
  documentOrder: 'documentOrder0',
  hierarchy: 'hier0 hier1 hier2',
  'hierarchy+documentOrder': 'test0 test1',
  history: 'history0 history1 history2 history3 history4 history4b history5 history6',
  'if-else': 'test0',
  in: 'TestInPredicate',
  'internal-transitions': 'test0 test1',
  'more-parallel': 'test0 test1 test2 test2b test3 test3b test4 test5 test6 test6b test7 test8 test9 test10 test10b',
  'multiple-events-per-transition': 'test1',
  parallel: 'test0 test1 test2 test3',
  'parallel+interrupt':
    'test0 test1 test2 test3 test4 test5 test6 test7 test7b test8 test9 test10 test11 test12 test13 test14 test15 test16 test17 test18 test19 test20 test21 test21b test21c test22 test23 test24 test25 test27 test28 test29 test30 test31',
  'targetless-transition': 'test0 test1 test2 test3',
  'w3c-ecma':
    '144 147 148 149 158 172 173 174 175 176 185 186 187 189 190 191 192 193 200 201 205 208 220 232 235 237 247 287 318 333 335 336 337 339 342 347 348 349 355 372 375 377 387 396 399 403a 403b 403c 404 405 406 407 416 417 419 421 423 445 449 453 495 503 504 505 560 570'
      .split(' ')
      .map((number) => `test${number}.txml`)
      .join(' '),
};

interface Script {
  readonly initialConfiguration: readonly string[];
  readonly events: readonly {
    readonly after?: number;
    readonly event: { readonly name: string };
    readonly nextConfiguration: readonly string[];
  }[];
}

const FOLDER = 'node_modules/@scion-scxml/test-framework/test';

const cases = Object.entries(CASES).flatMap(([group, names]) => names.split(' ').map((name) => `${group}/${name}`));

const atoms = ({ _nodes }: AnyMachineSnapshot) =>
  _nodes
    .filter(isAtomic)
    .map(({ id }) => id)
    .sort();

describe.each<[string, (machine: AnyStateMachine) => AnyStateMachine]>([
  ['XState', (machine) => machine],
  ['the compiled machine', (machine) => compile(machine)],
])('%s passes the case of SCXML', (_, finish) => {
  test.each(cases)('%s', (name) => {
    const machine = machineOf(readFileSync(`${FOLDER}/${name}.scxml`, 'utf8'), finish);
    const { initialConfiguration, events } = JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8')) as Script;
    const clock = new SimulatedClock();
    const actor = createActor(machine, { clock, logger: () => {} }).start();
    if (name.startsWith('w3c')) {
      // A case of W3C runs by itself until it has passed or failed.
      for (let time = 0; time < 60 && actor.getSnapshot().status === 'active'; time += 1) clock.increment(100);
      expect([actor.getSnapshot().status, actor.getSnapshot().value]).toEqual(['done', 'pass']);
      return;
    }
    const found = [atoms(actor.getSnapshot())];
    for (const { after = 0, event } of events) {
      clock.increment(after);
      actor.send({ type: event.name });
      found.push(atoms(actor.getSnapshot()));
    }
    const expected = [initialConfiguration, ...events.map(({ nextConfiguration }) => nextConfiguration)];
    expect(found).toEqual(expected.map((ids) => ids.map(idOf).sort()));
    actor.stop();
  });
});
