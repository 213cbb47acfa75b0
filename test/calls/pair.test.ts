import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accept, type CallOptions, channel, type Handler, initiate, type Rx, type Tx } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { settle } from '../support/settle.js';
import { bytes } from '../support/traffic.js';

// Both sides are ours and strict. Each side accuses the other one of every mistake, so the test finds mistakes that any use
// by the applications can cause.

/** One step of an application. `pick` chooses the call or the channel that the step is applied to. */
type Act =
  | { readonly do: 'call'; readonly from: 0 | 1; readonly pass: 'tx' | 'rx' | undefined; readonly credit: number }
  | { readonly do: 'abort' | 'answer' | 'fail' | 'send' | 'close' | 'take' | 'reset'; readonly pick: number }
  | { readonly do: 'settle' };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    do: fc.constant('call' as const),
    from: fc.constantFrom(0 as const, 1 as const),
    pass: fc.constantFrom('tx' as const, 'rx' as const, undefined),
    credit: fc.nat({ max: 4 }),
  }),
  fc.record({
    do: fc.constantFrom('abort', 'answer', 'fail', 'send', 'send', 'send', 'close', 'take', 'take', 'reset'),
    pick: fc.nat({ max: 5 }),
  }) as fc.Arbitrary<Act>,
  fc.constant<Act>({ do: 'settle' }),
);

interface Work {
  readonly answer: (ret: Uint8Array) => void;
  readonly fail: () => void;
}

test('two strict sides never accuse each other, and everything that was begun ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), fc.nat({ max: 3 }), async (acts, most) => {
      const [near, far] = memoryLinkPair();
      const options = { conformance: 'strict', maxConcurrentRequests: most, onReport: () => {} } as const;
      const sessions = await Promise.all([initiate(near, options), accept(far, options)]);
      const work: Work[] = [];
      const aborts: AbortController[] = [];
      const senders: Tx[] = [];
      const receivers: Rx[] = [];
      let pending = 0;
      const track = (promise: Promise<unknown>) => {
        pending++;
        const done = () => {
          pending--;
        };
        promise.then(done, done);
      };
      const handler: Handler = ({ args, channels, signal }) => {
        const credit = args[0] as number;
        for (const offered of channels) {
          if (args[1] === 1) receivers.push(offered.receive({ credit }));
          else senders.push(offered.send({ credit }));
        }
        return new Promise((answer, reject) => {
          work.push({ answer, fail: () => reject(new Error('no')) });
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      };
      for (const { root } of sessions) root.serve(handler);
      const at = <T>(list: readonly T[], pick: number): T | undefined => list.at(-(1 + pick));
      for (const one of acts) {
        switch (one.do) {
          case 'call': {
            const controller = new AbortController();
            aborts.push(controller);
            let options: CallOptions = { signal: controller.signal };
            if (one.pass !== undefined) {
              const [tx, rx] = channel({ credit: one.credit });
              options = { ...options, channels: [one.pass === 'tx' ? tx : rx] };
              if (one.pass === 'tx') receivers.push(rx);
              else senders.push(tx);
            }
            const session = sessions[one.from] as (typeof sessions)[number];
            track(session.root.caller().call(1n, bytes(one.credit, one.pass === 'rx' ? 1 : 0), options));
            break;
          }
          case 'abort':
            at(aborts, one.pick)?.abort();
            break;
          case 'answer':
            at(work, one.pick)?.answer(bytes(1));
            break;
          case 'fail':
            at(work, one.pick)?.fail();
            break;
          case 'send': {
            const tx = at(senders, one.pick);
            if (tx !== undefined) track(tx.send(bytes(1)));
            break;
          }
          case 'close': {
            const tx = at(senders, one.pick);
            if (tx !== undefined) track(tx.close());
            break;
          }
          case 'take': {
            const rx = at(receivers, one.pick);
            if (rx !== undefined) track(rx[Symbol.asyncIterator]().next());
            break;
          }
          case 'reset':
            at(receivers, one.pick)?.reset();
            break;
          case 'settle':
            await settle();
        }
      }
      await settle();
      for (const session of sessions) session.shutdown();
      const reasons = await Promise.all(sessions.map(({ closed }) => closed));
      await settle();
      expect(reasons.filter(({ error }) => error !== undefined)).toEqual([]);
      expect(pending).toBe(0);
      const loads = sessions.map(({ root }) => root.calls.scope.load);
      expect(loads).toEqual([
        { calls: 0, requests: 0, unanswered: 0, channels: 0, kept: 0 },
        { calls: 0, requests: 0, unanswered: 0, channels: 0, kept: 0 },
      ]);
    }),
    { numRuns: 150 },
  );
}, 60_000);
