// Measures machines on XState's own step, and compiled: events a second of CPU time, bytes that an event allocates, and bytes
// that an idle actor keeps. Each machine runs in a process of its own on each interpreter; the processes run in turn, in an
// order that the seed decides. `npm run bench:compile`; `-- --write` keeps the figures, of which docs/compile.md has the table.
// `--quick` measures for a moment only, and `--seed N` repeats an order.
//
// It needs Node, `xstate` and `roam-actors/compile` only, so it also runs in any project that has these two.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from 'roam-actors/compile';
import { type AnyActor, type AnyStateMachine, assign, createActor, setup } from 'xstate';
import type { Figures, Interpreter, Measures, Row } from './compile-table.js';

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Math.trunc(Math.random() * 2 ** 31)) },
    machine: { type: 'string' },
    interpreter: { type: 'string' },
  },
});

/** Processes for each machine on each interpreter, and the milliseconds of each measure and of the events before it. */
const ROUNDS = values.quick ? 1 : 7;
const WARM_UP = values.quick ? 50 : 1_500;
const TIMED = values.quick ? 50 : 1_500;
const ACTORS = values.quick ? 200 : 2_000;

interface Subject {
  readonly machine: AnyStateMachine;
  /** The events that are sent, again and again. */
  readonly events: readonly { readonly type: string }[];
}

const base = setup({
  types: { context: {} as { count: number } },
  actions: { count: assign({ count: ({ context }) => context.count + 1 }), note: () => {} },
  guards: { isEven: ({ context }) => context.count % 2 === 0 },
});

/** States side by side: a door with a lock. */
const flat = base.createMachine({
  context: { count: 0 },
  initial: 'open',
  states: {
    open: { entry: 'note', on: { close: { target: 'closed', actions: 'count' } } },
    closed: {
      on: {
        lock: [
          { guard: 'isEven', target: 'locked' },
          { target: 'locked', actions: 'note' },
        ],
        open: 'open',
      },
    },
    locked: { entry: 'note', exit: 'note', on: { unlock: 'closed' } },
  },
});

/** States in states, three deep: an order. */
const nested = base.createMachine({
  context: { count: 0 },
  initial: 'editing',
  on: { reset: '.editing' },
  states: {
    editing: {
      initial: 'cart',
      exit: 'note',
      states: { cart: { on: { add: { actions: 'count' }, next: 'address' } }, address: { on: { next: '#paying' } } },
    },
    paying: {
      id: 'paying',
      initial: 'card',
      entry: 'note',
      states: {
        card: {
          initial: 'typing',
          states: {
            typing: { on: { next: 'checking' } },
            checking: {
              entry: 'count',
              on: { next: [{ guard: 'isEven', target: '#sending' }, { target: '#sending' }] },
            },
          },
        },
      },
    },
    sending: { id: 'sending', entry: 'note', on: { add: { actions: 'note' } } },
  },
});

/** A region with two states, of which an event changes only this one, and another event all. */
function region(name: string) {
  return base.createStateConfig({
    initial: 'off',
    states: {
      off: { on: { [name]: 'on', all: { target: 'on', actions: 'count' } } },
      on: { entry: 'note', on: { [name]: 'off', all: 'off' } },
    },
  });
}

/** Three regions: an editor’s bold, italic and underlined. */
const parallel = base.createMachine({
  context: { count: 0 },
  type: 'parallel',
  states: { bold: region('bold'), italic: region('italic'), underlined: region('underlined') },
});

/** A ring of 1 000 states. */
const large = base.createMachine({
  context: { count: 0 },
  initial: 's0',
  states: Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [
      `s${index}`,
      base.createStateConfig({
        on: { next: { target: `s${(index + 1) % 1_000}`, actions: 'count' }, stay: { actions: 'note' } },
      }),
    ]),
  ),
});

const typed = (text: string) => text.split(' ').map((type) => ({ type }));

const SUBJECTS: Readonly<Record<string, Subject>> = {
  flat: { machine: flat, events: typed('close lock unlock open') },
  nested: { machine: nested, events: typed('add next next next next add reset') },
  'three regions': { machine: parallel, events: typed('bold italic all underlined') },
  '1 000 states': { machine: large, events: typed('next stay next') },
};

function sendAll(actor: AnyActor, { events }: Subject, rounds: number): void {
  for (let round = 0; round < rounds; round += 1) for (const event of events) actor.send(event);
}

/** Sends events for some milliseconds. Returns how many there were. */
function sendFor(actor: AnyActor, subject: Subject, time: number): number {
  const end = performance.now() + time;
  let rounds = 0;
  for (; performance.now() < end; rounds += 50) sendAll(actor, subject, 50);
  return rounds * subject.events.length;
}

function heap(): number {
  return process.memoryUsage().heapUsed;
}

function collected(): number {
  for (let round = 0; round < 4; round += 1) globalThis.gc?.();
  return heap();
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}

function measure(subject: Subject, interpreter: Interpreter): Measures {
  const logic = interpreter === 'compiled' ? compile(subject.machine) : subject.machine;
  // The first actor makes what all share.
  createActor(logic).start();
  const before = collected();
  const actors = Array.from({ length: ACTORS }, () => createActor(logic).start());
  const idle = (collected() - before) / actors.length;
  const [actor] = actors as [AnyActor];
  sendFor(actor, subject, WARM_UP);
  const { user, system } = process.cpuUsage();
  const count = sendFor(actor, subject, TIMED);
  const used = process.cpuUsage();
  const seconds = (used.user - user + used.system - system) / 1e6;
  // A collection within a sample makes it too small, or negative. The median passes over the few that have one.
  const samples = Array.from({ length: 200 }, () => {
    const start = heap();
    sendAll(actor, subject, 10);
    return (heap() - start) / (10 * subject.events.length);
  });
  return { events: count / seconds, bytes: median(samples), idle };
}

/** Puts things into an order that a seed decides. */
function shuffled<T>(things: readonly T[], seed: number): T[] {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return things
    .map((thing) => [random(), thing] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, thing]) => thing);
}

function lead(): void {
  const seed = Number(values.seed);
  const names = Object.keys(SUBJECTS);
  const runs = names.flatMap((machine) =>
    (['xstate', 'compiled'] as const).map((interpreter) => ({ machine, interpreter })),
  );
  const found = new Map<string, Measures[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { machine, interpreter } of shuffled(runs, seed + round)) {
      const args = ['--machine', machine, '--interpreter', interpreter, ...(values.quick ? ['--quick'] : [])];
      // With the flags of this process: they may name the loader that reads TypeScript.
      const flags = [...process.execArgv, '--expose-gc'];
      const text = execFileSync(process.execPath, [...flags, fileURLToPath(import.meta.url), ...args], {
        encoding: 'utf8',
      });
      const key = `${machine} ${interpreter}`;
      found.set(key, [...(found.get(key) ?? []), JSON.parse(text) as Measures]);
    }
  }
  const rows = names.map((machine): Row => {
    const of = (interpreter: Interpreter): Measures => {
      const all = found.get(`${machine} ${interpreter}`) as Measures[];
      const middle = (field: keyof Measures) => Math.round(median(all.map((measures) => measures[field])));
      return { events: middle('events'), bytes: middle('bytes'), idle: middle('idle') };
    };
    return { machine, xstate: of('xstate'), compiled: of('compiled') };
  });
  for (const row of rows) console.log(JSON.stringify(row));
  if (!values.write) return;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const figures: Figures = { commit, node: process.version, seed, rounds: ROUNDS, rows };
  writeFileSync(new URL('../compile.json', import.meta.url), `${JSON.stringify(figures, undefined, 2)}\n`);
}

const subject = SUBJECTS[values.machine ?? ''];
if (subject === undefined) lead();
else console.log(JSON.stringify(measure(subject, values.interpreter as Interpreter)));
