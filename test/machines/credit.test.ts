import { describe, expect, test } from '@jest/globals';
import type { AnyStateMachine, InputFrom } from 'xstate';
import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { receiverMachine, senderMachine, unboundChannelMachine } from '../../machines/index.js';
import { Stepper, tableOf } from '../../src/compile/stepper.js';
import { MODES } from './inputs.js';

// Channels at their limits: one less, as many, one more.

const ITEM = { type: 'Item', item: new Uint8Array([1]) } as const;
const RECEIVED = { type: 'rx.Item', body: ITEM } as const;
const SEND = { type: 'app.send', item: ITEM.item, hasRoom: true } as const;
const TAKE = { type: 'app.take' } as const;

/** Runs a machine on the stepper, and notes its effects in order. */
function run<Machine extends AnyStateMachine>(machine: Machine, input: object) {
  const effects: unknown[] = [];
  const note = (name: string) => (what?: { type?: string; additional?: number; rule?: string }) => {
    effects.push([name, what?.additional ?? what?.rule ?? what?.type].filter((fact) => fact !== undefined).join(' '));
  };
  const names = ['transmit', 'deliver', 'keep', 'wait', 'resume', 'conclude', 'accuse'];
  const port = Object.fromEntries(names.map((name) => [name, note(name)]));
  const stepper = new Stepper(tableOf(machine), { ...input, port } as unknown as InputFrom<Machine>);
  stepper.start();
  return { stepper, take: () => effects.splice(0) };
}

function times<T>(count: number, what: () => T): readonly T[] {
  return Array.from({ length: count }, what);
}

// r[rpc.flow-control.credit.initial]
test('a channel begins with a credit of 16 where its service does not say', () => {
  expect(INITIAL_CREDIT).toBe(16);
});

// r[rpc.flow-control.credit.grant]
describe('a receiver gives credit back in batches of half its window', () => {
  test.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [15, 7],
    [INITIAL_CREDIT, 8],
    [17, 8],
  ])('with a window of %d, %d at a time', (window, batch) => {
    const { stepper, take } = run(receiverMachine, { window, room: window, conformance: 'strict' });
    times(window, () => stepper.send(RECEIVED));
    take();
    const grants = times(window, () => {
      stepper.send(TAKE);
      return take();
    });
    const expected = grants.map((_, index) => ((index + 1) % batch === 0 ? [`transmit ${String(batch)}`] : []));
    expect(grants).toEqual(expected);
    expect(stepper.context.credit).toBe(window - (window % batch));
  });

  // r[rpc.flow-control.credit.initial.zero]
  test('with a window of 0, by hand alone', () => {
    const { stepper, take } = run(receiverMachine, { window: 0, room: 0, conformance: 'strict' });
    stepper.send({ type: 'app.grant', additional: 3 });
    times(3, () => stepper.send(RECEIVED));
    times(3, () => stepper.send(TAKE));
    expect(take()).toEqual(['transmit 3', ...times(3, () => 'deliver Item')]);
    expect(stepper.context.credit).toBe(0);
  });
});

// r[rpc.flow-control.credit]
describe.each(MODES)('in %s mode', (conformance) => {
  const END = { reference: ['transmit Reset', 'conclude overrun'], strict: ['accuse rpc.flow-control.credit'] };

  test.each([0, 1, 2, INITIAL_CREDIT])('a receiver takes what its window of %d covers, and not one more', (window) => {
    const { stepper, take } = run(receiverMachine, { window, room: window, conformance });
    times(window, () => stepper.send(RECEIVED));
    expect(take()).toEqual(times(window, () => 'deliver Item'));
    stepper.send(RECEIVED);
    expect({ effects: take(), isDone: stepper.isDone }).toEqual({ effects: END[conformance], isDone: true });
  });

  test.each([0, 1, 2, INITIAL_CREDIT])('what came before its end was known is kept up to %d items', (room) => {
    const { stepper, take } = run(unboundChannelMachine, { room, conformance });
    times(room, () => stepper.send(RECEIVED));
    expect(take()).toEqual(times(room, () => 'keep Item'));
    stepper.send(RECEIVED);
    expect({ effects: take(), isDone: stepper.isDone }).toEqual({
      effects: END[conformance].slice(0, 1),
      isDone: true,
    });
  });
});

test('in reference mode a receiver takes more than its window as long as there is room', () => {
  const { stepper, take } = run(receiverMachine, { window: 1, room: 3, conformance: 'reference' });
  times(4, () => stepper.send(RECEIVED));
  expect(take()).toEqual([...times(3, () => 'deliver Item'), 'transmit Reset', 'conclude overrun']);
});

// r[rpc.flow-control.credit.exhaustion]
test.each([0, 1, 2, 4, INITIAL_CREDIT])(
  'a sender sends %d items on that much credit, and the next one waits',
  (credit) => {
    const { stepper, take } = run(senderMachine, { credit, conformance: 'strict' });
    times(credit + 1, () => stepper.send(SEND));
    expect(take()).toEqual([...times(credit, () => 'transmit Item'), 'wait']);
  },
);

// r[rpc.flow-control.credit.grant.additive]
test.each([0, 1, 2 ** 32 - 1])('a grant of %d adds to what a sender has', (additional) => {
  const { stepper } = run(senderMachine, { credit: 2, conformance: 'strict' });
  stepper.send({ type: 'rx.GrantCredit', body: { type: 'GrantCredit', additional } });
  stepper.send({ type: 'rx.GrantCredit', body: { type: 'GrantCredit', additional } });
  stepper.send(SEND);
  expect(stepper.context.credit).toBe(1 + 2 * additional);
});

test('a sender has its new credit when it is told to go on', () => {
  const resume = () => seen.push(stepper.context.credit);
  const seen: number[] = [];
  const port = { resume } as unknown as InputFrom<typeof senderMachine>['port'];
  const stepper = new Stepper(tableOf(senderMachine), { credit: 0, conformance: 'strict', port });
  stepper.start();
  stepper.send({ type: 'rx.GrantCredit', body: { type: 'GrantCredit', additional: 2 } });
  expect(seen).toEqual([2]);
});
