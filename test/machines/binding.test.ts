import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { receiverMachine, senderMachine, unboundChannelMachine } from '../../machines/index.js';
import type { Mode } from '../../spec/rows/vocabulary.js';
import { Stepper, tableOf } from '../../src/compile/stepper.js';
import type { ChannelMessage } from '../../src/wire/message.js';

// The time at which a channel is bound makes no difference: messages that were kept until then have the same effects as
// messages that come later.

type Body = ChannelMessage['body'];
type Role = 'sender' | 'receiver';

const CREDIT = 3;
const TABLES = {
  offer: tableOf(unboundChannelMachine),
  sender: tableOf(senderMachine),
  receiver: tableOf(receiverMachine),
};

const item: Body = { type: 'Item', item: new Uint8Array([1]) };
const close: Body = { type: 'Close', metadata: [] };
const reset: Body = { type: 'Reset', metadata: [] };
const grant: Body = { type: 'GrantCredit', additional: 2 };

/** Returns the states and effects of a channel when its first `early` messages come before it is bound. */
function outcome(role: Role, conformance: Mode, messages: readonly Body[], early: number) {
  const seen: unknown[] = [];
  const kept: Body[] = [];
  let granted = 0;
  const nothing = () => {};
  const port = {
    transmit: (body: Body) => seen.push(['transmit', body]),
    deliver: (body: Body) => seen.push(['deliver', body]),
    conclude: (end: object) => seen.push(['conclude', end]),
    keep: (body: Body) => {
      if (body.type === 'GrantCredit') granted += body.additional;
      else kept.push(body);
    },
    ...{ wait: nothing, free: nothing, refuse: nothing, resume: nothing, accuse: nothing },
  };
  const offer = new Stepper(TABLES.offer, { port, conformance, room: CREDIT });
  offer.start();
  for (const body of messages.slice(0, early)) offer.send({ type: `rx.${body.type}`, body } as never);
  offer.send({ type: 'app.bind' });
  const end =
    role === 'sender'
      ? new Stepper(TABLES.sender, { port, conformance, credit: CREDIT })
      : new Stepper(TABLES.receiver, { port, conformance, window: CREDIT, room: CREDIT });
  end.start();
  const first: readonly Body[] = granted > 0 ? [{ type: 'GrantCredit', additional: granted }] : [];
  for (const body of [...first, ...kept, ...messages.slice(early)])
    end.send({ type: `rx.${body.type}`, body } as never);
  return { offer: offer.value, value: end.value, seen };
}

/** As many items as there is credit for. */
function covered(messages: readonly Body[]): readonly Body[] {
  let left = CREDIT;
  return messages.filter(({ type }) => type !== 'Item' || left-- > 0);
}

const early = fc.nat(12);

// 9a.18: r[rpc.channel.lifecycle]
test.each(['sender', 'receiver'] as const)(
  'in reference mode the time at which the %s’s end is bound makes no difference',
  (role) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(item, close, reset, grant), { maxLength: 12 }), early, (said, count) => {
        const messages = covered(said);
        expect(outcome(role, 'reference', messages, count)).toEqual(outcome(role, 'reference', messages, 0));
      }),
      { numRuns: 500 },
    );
  },
);

test.each([
  ['sender', grant, reset],
  ['receiver', item, close],
] as const)('in strict mode the same holds of what the other end of the %s’s may say', (role, often, last) => {
  fc.assert(
    fc.property(fc.nat(CREDIT), fc.boolean(), early, (count, isOver, at) => {
      const messages = [...Array.from({ length: count }, () => often), ...(isOver ? [last] : [])];
      const late = outcome(role, 'strict', messages, at);
      expect(late).toEqual(outcome(role, 'strict', messages, 0));
      expect(late.value).not.toBe('violated');
    }),
  );
});
