import { describe, expect, test } from '@jest/globals';
import type { EventObject } from 'xstate';
import type { ReliableContext } from '../../machines/index.js';
import { Coverage } from './coverage.js';
import { event } from './inputs.js';
import { nameEvent, type Variant } from './part.js';
import { reliablePart as part } from './reliable.part.js';
import { type Interpreter, play } from './stage.js';
import { pathsOf, unansweredBy } from './walks.js';

// The paths are many and short, so that each test plays all paths that end with one event.

type Walk = readonly { readonly event: EventObject; readonly snapshot: never }[];

const coverage = new Coverage(part.machine);

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

/** Events on the first link, unless they say otherwise. */
const of = (type: string, facts: object = {}): EventObject => event(type, { epoch: 1, ...facts });
const ready = event('tx.ready', { size: 2, hasShare: true });
const data = (seq: number, facts: object = {}): EventObject =>
  of('rx.Data', { seq, ack: 0, size: 2, freed: 0, ...facts });
const close = (total: number): EventObject => of('rx.Close', { total, ack: 0, freed: 0 });
const settings = of('rx.Settings', { frames: 8, bytes: 1000 });
const owes = [event('app.send'), ready, settings, data(0)];

/** Deeper than the generated paths go: each begins behind the first attachment. */
const DEEP: Readonly<Record<string, readonly EventObject[]>> = {
  'everything of the peer has come, and it owes an ack: the ack ends the link': [
    ...owes,
    close(1),
    of('rx.Ack', { ack: 1, freed: 2 }),
    of('rx.Probe'),
  ],
  'everything of the peer has come, and its ack does not: the time to flush ends the link': [
    ...owes,
    close(1),
    event('time.flush'),
  ],
  'the last message follows the Close, and an ack is missing': [...owes, close(2), data(1)],
  'a message comes again on a new link, which has not proven itself': [
    ...owes,
    of('link.lost', { isOrderly: false }),
    event('attach', { epoch: 2, received: 0 }),
    of('dial.opened', { epoch: 2 }),
    of('rx.Welcome', { epoch: 2, received: 0 }),
    data(0, { epoch: 2 }),
  ],
  'a key that is found again after everything has come, while nothing has left': [
    ...owes,
    close(1),
    of('link.lost', { isOrderly: false }),
    event('time.giveUp'),
  ],
};

test.each(Object.entries(DEEP))('%s', (_, events) => {
  for (const variant of part.variants) {
    const { isDialer } = variant.input as ReliableContext;
    const opening = isDialer
      ? [event('app.dial'), of('dial.opened'), of('rx.Welcome', { received: 0 })]
      : [of('attach', { received: 0 })];
    const steps = [...opening, ...events].map((each) => ({ event: each }) as unknown as Walk[number]);
    const walks = steps.map((_step, index) => steps.slice(0, index + 1));
    expect(differences(variant, walks, 'actor')).toEqual([]);
    expect(differences(variant, walks, 'stepper')).toEqual([]);
  }
});

test('every transition of the reliable link was taken, or has a reason not to be', () => {
  // A new session has sent nothing, so no other count than 0 fits, and it is not closing.
  expect(coverage.missed).toEqual(['reliable.created + attach [1 of 3]', 'reliable.created + attach [2 of 3]']);
});
