import { describe, expect, test } from '@jest/globals';
import { incomingCallPart, outgoingCallPart } from './call.part.js';
import { receiverPart, senderPart, unboundChannelPart } from './channel.part.js';
import { playOutside } from './outside.js';
import { answerWay, callWay, offerWay, receiverWay, senderWay, type Way } from './outside-calls.js';
import { nameEvent, type Part } from './part.js';
import { pathsOf } from './walks.js';

// The generated paths of the machines of calls and channels, on a public Session: the machines' own tests take the same
// ones on the two interpreters.

/** Events that cannot be caused from outside, or not alone, by state and event, or by the event, each with the reason. */
const INSIDE: Readonly<Record<string, string>> = {
  'waiting: calls.refused': 'the peer drains the session: test/session/drain.test.ts',
  'session.cut': 'the time of a drain is over: test/session/drain.test.ts',
  'inFlight: calls.refused':
    'what can’t be sent is known in the same turn as its turn: test/calls/caller.test.ts makes an outbox overflow',
  'cancelled: calls.refused': 'the same, of a call that waits for room and is given up meanwhile',
  'cancelled: deadline.passed':
    'a session without cancelTimeout never says it: test/session/peers.test.ts has one with it',
  'app.fail': 'by the abort of a Tx, or of a service’s call: test/calls/channels.test.ts and test/service have them',
  'app.send(no room)': 'it takes 16 MiB of items that wait: test/calls/channels.test.ts sets a lower limit',
  'released: app.bind': 'it throws InvalidArgument: test/calls/released.test.ts',
  'released: channels.forgotten': 'it takes more channels than one: test/calls/released.test.ts has them',
};

const PARTS: readonly (readonly [string, Part, Way])[] = [
  ['a call of ours', outgoingCallPart, callWay],
  ['a call of the peer’s', incomingCallPart, answerWay],
  ['a channel whose receiver’s end is taken', unboundChannelPart, offerWay('rx')],
  ['a channel whose sender’s end is taken', unboundChannelPart, offerWay('tx')],
  ['a sender', senderPart, senderWay],
  ['a receiver', receiverPart, receiverWay],
];

const met = new Map<string, boolean>();

describe.each(PARTS)('on a public session: %s', (_, part, way) => {
  describe.each(part.variants.map((variant) => [variant.name, variant] as const))('%s', (__, variant) => {
    const walks = pathsOf(part, variant).flatMap((path) => {
      const steps = way(variant, path);
      const last = path.steps.at(-1);
      if (last !== undefined) {
        const from = part.nameState(path.steps.at(-2)?.snapshot ?? path.start);
        const name = `${from}: ${nameEvent(last.event)}`;
        met.set(name, (met.get(name) ?? false) || steps !== undefined);
      }
      return steps === undefined ? [] : [[path.name, steps] as const];
    });
    if (walks.length > 0) test.each(walks)('%s', async (___, steps) => playOutside({}, variant.mode, steps));
  });
});

test('every event is brought about from outside in every state, or has a reason not to be', () => {
  // States with almost endless credit are left out: no peer can grant so much.
  const inside = [...met].filter(([name, isWalked]) => !isWalked && !/^sending\[\d{10,}\]/.test(name));
  const keyOf = (name: string): string => {
    const event = name.slice(name.indexOf(': ') + 2);
    return event in INSIDE ? event : name;
  };
  expect([...new Set(inside.map(([name]) => keyOf(name)))].sort()).toEqual(Object.keys(INSIDE).sort());
});
