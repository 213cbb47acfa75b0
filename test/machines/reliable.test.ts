import { describe, expect, jest, test } from '@jest/globals';
import { createActor, type EventObject } from 'xstate';
import { type ReliablePort, reliableMachine } from '../../machines/index.js';
import { Coverage } from './coverage.js';
import { event } from './inputs.js';
import { nameEvent, type Variant } from './part.js';
import { close, data, deeper, of, reliablePart as part, ready } from './reliable.part.js';
import { type Interpreter, play } from './stage.js';
import { pathsOf, unansweredBy } from './walks.js';

// The paths are many and short, so that each test plays all paths that end with one event.

type Walk = readonly { readonly event: EventObject; readonly snapshot: never }[];

const coverage = new Coverage(part.machine);

// Some walks go on behind an end, and XState warns of each event for a stopped actor.
jest.spyOn(console, 'warn').mockImplementation(() => {});

/** Plays the walks on the machine and on the oracle. Returns the last steps that differ. */
function differences(variant: Variant, walks: readonly Walk[], interpreter: Interpreter): unknown[] {
  return walks.flatMap((steps) => {
    const last = play(part, variant, { steps }, interpreter === 'actor' ? coverage : undefined, interpreter).at(-1);
    const { got, want } = last ?? {};
    return JSON.stringify(got) === JSON.stringify(want)
      ? []
      : [{ path: steps.map(({ event }) => nameEvent(event)), got, want }];
  });
}

describe.each(part.variants.map((variant) => [variant.name, variant] as const))('%s', (_, variant) => {
  const walks = new Map<string, Walk[]>();
  const note = (type: string, walk: unknown): void => {
    walks.set(type, [...(walks.get(type) ?? []), walk as Walk]);
  };
  for (const path of pathsOf(part, variant)) {
    note(path.steps.at(-1)?.event.type ?? 'the start', path.steps);
    if (!path.isShortest) continue;
    for (const unanswered of unansweredBy(part, variant, path)) {
      note(`${unanswered.type}, where it is not listed`, [...path.steps, { event: unanswered, snapshot: path.start }]);
    }
  }

  test.each([...walks])('%s does what the tables say, after every path', (_type, paths) => {
    expect(differences(variant, paths, 'actor')).toEqual([]);
    expect(differences(variant, paths, 'stepper')).toEqual([]);
  });
});

describe.each(part.variants.map((variant) => [variant.name, variant] as const))('%s', (_, variant) => {
  test.each(Object.entries(deeper(variant)))('%s', (_name, events) => {
    const steps = events.map((each) => ({ event: each }) as unknown as Walk[number]);
    const walks = steps.map((_step, index) => steps.slice(0, index + 1));
    expect(differences(variant, walks, 'actor')).toEqual([]);
    expect(differences(variant, walks, 'stepper')).toEqual([]);
  });
});

/** Runs events and returns the machine's state, its counts, and how often each effect was caused, by its name. */
function after(events: readonly EventObject[]): unknown {
  const effects: Record<string, number> = {};
  const port = new Proxy({} as ReliablePort, {
    get: (_, name) => (params?: { count?: number }) => {
      effects[String(name)] = (effects[String(name)] ?? 0) + (params?.count ?? 1);
    },
  });
  const input = { port, isDialer: false, retriesFirst: false, windowFrames: 3, windowBytes: 6 };
  const actor = createActor(reliableMachine, { input }).start();
  for (const each of events) actor.send(each as never);
  const { value, context } = actor.getSnapshot();
  const { port: _, ...counts } = context;
  return { value, counts, writes: effects['write'] };
}

const attached = [event('attach', { epoch: 1, received: 0 }), of('rx.Settings', { frames: 40, bytes: 1000 })];
const sent = [...attached, event('app.send', { count: 4 })];
const written = [...sent, event('tx.ready', { count: 1, size: 2, hasShare: true })];

test.each<[string, readonly EventObject[], EventObject, readonly EventObject[]]>([
  ['sent', attached, event('app.send', { count: 2 }), [1, 1].map((count) => event('app.send', { count }))],
  ['written', sent, event('tx.ready', { count: 3, size: 6, hasShare: true }), [ready, ready, ready]],
  ['received on a new link', attached, data(0, { count: 2, size: 4 }), [data(0), data(1)]],
  ['received behind another one', [...attached, data(0)], data(1, { count: 2, size: 4 }), [data(1), data(2)]],
  [
    'received, of which the last one owes much',
    [...attached, data(0)],
    data(1, { count: 2, size: 300 }),
    [data(1, { size: 200 }), data(2, { size: 100 })],
  ],
  [
    'received with an ack',
    written,
    data(0, { count: 2, size: 4, ack: 1, freed: 2 }),
    [data(0, { ack: 1, freed: 2 }), data(1, { ack: 1 })],
  ],
])('messages that share a step leave the same as a step for each: %s', (_, before, shared, each) => {
  expect(after([...before, shared])).not.toEqual(after(before));
  expect(after([...before, shared])).toEqual(after([...before, ...each]));
});

test.each<[string, readonly EventObject[], EventObject]>([
  ['more than were sent', attached, event('tx.ready', { count: 2, size: 2, hasShare: true })],
  ['more messages than the window', sent, event('tx.ready', { count: 4, size: 4, hasShare: true })],
  ['more bytes than the window', sent, event('tx.ready', { count: 2, size: 7, hasShare: true })],
  ['without memory for them', sent, event('tx.ready', { count: 2, size: 2, hasShare: false })],
  ['an old one first', [...attached, data(0)], data(0, { count: 2 })],
  ['one that is missing', attached, data(1, { count: 2 })],
  ['an ack of what was not written', attached, data(0, { count: 2, ack: 1 })],
  ['beyond the total of the peer', [...attached, close(1)], data(0, { count: 2 })],
])('several messages do nothing in one step: %s', (_, before, shared) => {
  expect(after([...before, shared])).toEqual(after(before));
});

test('every transition of the reliable link was taken, or has a reason not to be', () => {
  // A new session has sent nothing, so no other count than 0 fits, and it is not closing.
  expect(coverage.missed).toEqual(['reliable.created + attach [1 of 3]', 'reliable.created + attach [2 of 3]']);
});
