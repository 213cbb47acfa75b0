import type { Figures as CompileFigures } from './compile-table.js';
import { markdown } from './markdown.js';

/** The content of bench/goals.json. */
export interface Goals {
  readonly commit: string;
  readonly node: string;
  readonly cpu: string;
  /** Seeds the order in which the processes run. */
  readonly seed: number;
  /** The number of times that the processes of a comparison are started. */
  readonly starts: number;
  /** The time that the run took. */
  readonly seconds: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** One measure with its goal. */
interface Goal {
  readonly title: string;
  /** The names of its figures; each has to reach the bound. The text before a name is shown with its figure. */
  readonly of: readonly (readonly [text: string, value: (figures: Goals['figures']) => number])[];
  readonly bound: '<=' | '>=';
  readonly goals: readonly number[];
  readonly unit: '×' | 'KiB' | 'KB' | '';
  /** The figure that has the microseconds above ws, for each of `of`. */
  readonly above?: readonly string[];
  /** The figure of the time before this work, for each of `of`. */
  readonly before?: readonly number[];
  /** The least that can be reached, as far as it is known, for each of `of`. */
  readonly floor?: readonly number[];
  /** The reason of a goal that is not reached, and what would reach it. Shown only then. */
  readonly why: string;
}

const figure = (name: string) => (figures: Goals['figures']) => {
  const value = figures[name];
  if (value === undefined) throw new Error(`bench/goals.json has no figure ${name}`);
  return value;
};
const ratio = (name: string, other: string) => (figures: Goals['figures']) =>
  figure(name)(figures) / figure(other)(figures);
const kibibytes = (name: string) => (figures: Goals['figures']) => figure(name)(figures) / 1_024;

/** The echo with 64 in flight against another contender, by a typed service and by a session alone. */
const both = (scenario: string, other: 'ws' | 'rsocket') =>
  (['typed', 'session'] as const).map((who) => {
    const own = `${scenario} ${who}`;
    return [who, other === 'ws' ? figure(own) : ratio(own, `${scenario} rsocket`)] as const;
  });

const against = (who: string, scenario: string) => [who, ratio(`${scenario} typed`, `${scenario} rsocket`)] as const;

const GOALS: readonly Goal[] = [
  {
    title: "10 000 connections opened over ws, against rsocket's streams",
    of: [
      ['session', figure('open-many session')],
      ['typed', figure('open-many typed')],
    ],
    bound: '<=',
    goals: [0.7, 0.9],
    unit: '×',
    before: [2, 2],
    why: `By a profile, the garbage collector takes a fifth of the time, making the two actors a tenth, and writing the two messages a
      tenth. Most of the rest are fourteen steps of charts. An actor holds no more than it uses, and a step makes the arguments of its guards and actions
      once: together that took a quarter to a third off, in pairs of runs. A stream of rsocket is two objects.`,
  },
  {
    title: 'garbage of an open and its close, both ends, memory link',
    of: [['', (figures) => figure('garbage')(figures) / 1_000]],
    bound: '<=',
    goals: [40],
    unit: 'KB',
    before: [285],
    why: `By an allocation profile, 5 KB are snapshots and the fourteen steps that make them, 5 contexts, 3 the timer of an
      open, which is set and called off, and 2 the two actors. Events, messages and XState's queues are the rest. A timer that runs on was tried (−7 KB): it
      multiplies the states that the checker has to visit.`,
  },
  {
    title: 'connect to first reply, against ws',
    of: [
      ['by `session.open`', figure('connect typed')],
      ['on the root', figure('connect-root typed')],
    ],
    bound: '<=',
    goals: [2.8, 2.3],
    unit: '×',
    above: ['connect typed', 'connect-root typed'],
    before: [5.1, 5.1],
    floor: [1.3, 1.3],
    why: `Waiting is not the cause: the third round trip takes a tenth of what ws alone takes. The links of both ends without a session,
      with that round trip, are 1.3. The session's own code adds a half, as measured over a memory link, where the two together would be 1.8. The rest
      is mostly the collector: a session makes 230 KB of garbage where ws makes 68, of which XState's actors and the compiled steps are 70. Fewer
      actors, and steps that make less, would help.`,
  },
  {
    title: 'first session of a process, modules loaded, against ws',
    of: [['', figure('first')]],
    bound: '<=',
    goals: [2],
    unit: '×',
    above: ['first'],
    before: [2.5],
    why: 'V8 has compiled nothing yet, and a session runs more code once than ws does. Less code before the first reply is all that helps.',
  },
  {
    title: 'idle session over ws, both ends',
    of: [
      ['nothing opened', kibibytes('memory-websocket-session')],
      ['a call made on a connection', kibibytes('memory-websocket-call')],
      ['the same, typed', kibibytes('memory-websocket-typed')],
    ],
    bound: '<=',
    goals: [30, 40, 40],
    unit: 'KiB',
    before: [47.6, 58.6, 62.7],
    floor: [15, 19, 19],
    why: `By a heap snapshot, ws with its sockets is 6 KiB, and so are the functions and small objects of runtime, conduit and link. Maps
      and sets, most of them empty, take 2. The actors are 1 KiB smaller than XState makes them, and the system of a session is, too.`,
  },
  {
    title: 'virtual connection, both ends',
    of: [
      ['session', kibibytes('memory-connection')],
      ['typed', kibibytes('memory-typed-connection')],
    ],
    bound: '<=',
    goals: [6, 8],
    unit: 'KiB',
    before: [7.4, 9.8],
    floor: [3.2, 3.2],
    why: `Two actors with their snapshots and contexts are two thirds of it. The client's functions, one for each method, and the tables of its calls are the
      rest.`,
  },
  {
    title: 'echo 16 B, 64 in flight, against rsocket',
    of: both('echo-16B-x64', 'rsocket'),
    bound: '>=',
    goals: [1.9, 3],
    unit: '×',
    above: ['echo-16B-x64 typed', 'echo-16B-x64 session'],
    before: [1.5, 2.6],
    why: `A typed call makes a promise, a record, and views of its payloads at both ends, and checks its values; rsocket hands bytes
      over by callbacks.`,
  },
  {
    title: 'the same, against ws',
    of: both('echo-16B-x64', 'ws'),
    bound: '>=',
    goals: [1.3, 1.8],
    unit: '×',
    above: ['echo-16B-x64 typed', 'echo-16B-x64 session'],
    floor: [2.4, 2.4],
    why: `Messages that are sent together save system calls. Where these cost little, there is little to save, and the work of a call itself
      counts. A session that cost nothing would reach 2.4.`,
  },
  {
    title: 'echo 1 in flight, typed, against rsocket',
    of: [against('16 B', 'echo-16B-x1'), against('4 KiB', 'echo-4KiB-x1')],
    bound: '>=',
    goals: [1, 1],
    unit: '×',
    above: ['echo-16B-x1 typed', 'echo-4KiB-x1 typed'],
    before: [1, 0.9],
    why: 'A typed call encodes, checks and settles a promise, where rsocket hands bytes over by callbacks.',
  },
  {
    title: 'echo 4 KiB, 64 in flight, typed, against ws',
    of: [['', figure('echo-4KiB-x64 typed')]],
    bound: '>=',
    goals: [1],
    unit: '×',
    above: ['echo-4KiB-x64 typed'],
    before: [0.83],
    why: 'ws masks messages, and takes the masks off, byte by byte in JavaScript, for both. A call adds its own work, and one copy of the payload into the frame.',
  },
  {
    title: 'stream of 64 B, typed, against rsocket',
    of: [against('credit 16', 'stream-64B-c16'), against('credit 256', 'stream-64B-c256')],
    bound: '>=',
    goals: [1.3, 1.3],
    unit: '×',
    above: ['stream-64B-c16 typed', 'stream-64B-c256 typed'],
    before: [1.1, 1.1],
    why: 'An item is encoded and checked, and its reader awaits a promise for each.',
  },
  {
    title: 'stream of 16 KiB, typed, against rsocket',
    of: [against('credit 16', 'stream-16KiB-c16'), against('credit 256', 'stream-16KiB-c256')],
    bound: '>=',
    goals: [1, 1],
    unit: '×',
    above: ['stream-16KiB-c16 typed', 'stream-16KiB-c256 typed'],
    before: [0.78, 0.78],
    why: 'Each item is copied into its frame, and ws copies an item once more that two reads of the socket bring. Items of a server have no mask.',
  },
  {
    title: 'mark-compacts in 3 s above those of rsocket, typed',
    of: [
      ['echo 4 KiB', above('echo-4KiB-x1')],
      ['stream of 16 KiB', above('stream-16KiB-c16')],
    ],
    bound: '<=',
    goals: [5, 5],
    unit: '',
    before: [50, 60],
    why: 'Buffers that sockets read into count as old memory.',
  },
  {
    title: 'bundle for a browser, gzipped, with XState',
    of: [
      ['core, ws and the default codec', figure('bundle sessions with the default codec')],
      ['`roam-actors/core` and postcard', figure('bundle core and postcard')],
    ],
    bound: '<=',
    goals: [60, 52],
    unit: 'KB',
    before: [62.8, 62.8],
    why: `XState is 12.7 KB. With postcard the library's own code is 56 KB: calls and channels with their charts are 12, sessions and
      connections 11 and their charts 8, the compiler 8, the queues of messages 5.7, the codec 5, the base 3.5, link and message types 3.5. The
      default codec is 6, and msgpackr, which reads for it, 5.3. The goals were set at 62.8 KB, before the compiler, drains, authentication,
      notices and interruptions. A page that makes sessions takes nearly all of this: the texts of errors are 1.4 KB, and what the habits of
      official peers need 2.3. Shorter names of methods would save 1.3 KB, and spoil stack traces. Calls as a part that a page adds would
      save 12, and a reader in place of msgpackr's 5: together 58 KB with the default codec, and 57 with postcard; 49 without the compiler.`,
  },
];

function above(scenario: string) {
  return (figures: Goals['figures']) =>
    figure(`collections-${scenario}-typed`)(figures) - figure(`collections-${scenario}-rsocket`)(figures);
}

/** The rows of the compiler, whose figures bench/compile.json has. */
function compiler({ rows }: CompileFigures): Goal[] {
  const each = (value: (row: (typeof rows)[number]) => number) =>
    rows.map((row) => [row.machine, () => value(row)] as const);
  return [
    {
      title: 'compiled against XState, events a second',
      of: each(({ compiled, xstate }) => compiled.events / xstate.events),
      bound: '>=',
      goals: rows.map(() => 3),
      unit: '×',
      why: 'See compile.md.',
    },
    {
      title: 'compiled against XState, bytes of an idle actor',
      of: each(({ compiled, xstate }) => compiled.idle / xstate.idle),
      bound: '<=',
      goals: rows.map(() => 1),
      unit: '×',
      why: 'See compile.md.',
    },
  ];
}

/** Returns the table of docs/benchmark.md, and the reasons of the goals that are not reached. */
export function goalsTable(
  { commit, node, cpu, seed, starts, seconds, figures }: Goals,
  compile: CompileFigures,
): string {
  const head = ['measure', '', 'to reach', 'measured', 'above ws', 'before', 'of the way to the floor'];
  const lines: string[][] = [head];
  const reasons: string[] = [];
  for (const goal of [...GOALS, ...compiler(compile)]) {
    let isMissed = false;
    for (const [index, [text, value]] of goal.of.entries()) {
      const measured = value(figures);
      const wanted = goal.goals[index] as number;
      const isMet = goal.bound === '<=' ? round(measured) <= wanted : round(measured) >= wanted;
      isMissed ||= !isMet;
      const above = goal.above === undefined ? undefined : figures[`${goal.above[index]} above`];
      const before = goal.before?.[index];
      const cell = amount(measured, goal.unit);
      lines.push([
        index === 0 ? goal.title : '',
        text,
        `${goal.bound === '<=' ? '≤' : '≥'} ${amount(wanted, goal.unit)}`,
        isMet ? cell : `**${cell}**`,
        above === undefined ? '' : `${above < 0 ? '−' : ''}${Math.abs(Math.round(above * 10) / 10)} µs`,
        before === undefined ? '' : amount(before, goal.unit),
        way(measured, before, goal.floor?.[index], goal.unit),
      ]);
    }
    if (isMissed) reasons.push(`- **${goal.title}**: ${goal.why.replaceAll(/\s+/g, ' ')}`);
  }
  return [
    `At ${commit}, Node ${node}, ${cpu}, seed ${seed}, ${Math.ceil(seconds / 60)} minutes. Fresh processes for each comparison, ${starts} of
each contender. The rows of the compiler are of ${compile.commit}. A goal that is not reached is bold.`,
    '',
    ...markdown(lines),
    '',
    ...(reasons.length === 0 ? [] : ['Not reached, with the reason and what would reach it:', '', ...reasons]),
  ].join('\n');
}

/** The judgment is of what the table shows. */
function round(value: number): number {
  return Number(value.toFixed(2));
}

function amount(value: number, unit: Goal['unit']): string {
  if (unit === '×') return `× ${value.toFixed(2)}`;
  return unit === '' ? String(Math.round(value)).replace('-', '−') : `${Number(value.toFixed(1))} ${unit}`;
}

/** The part of the way from the figure before to the least that is known. */
function way(value: number, before: number | undefined, floor: number | undefined, unit: Goal['unit']): string {
  if (before === undefined || floor === undefined)
    return floor === undefined ? '' : `the floor is ${amount(floor, unit)}`;
  const part = Math.round((100 * (before - value)) / (before - floor));
  return `${part < 0 ? '−' : ''}${Math.abs(part)} % to ${amount(floor, unit)}`;
}
