import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Ran } from '../../src/base/errors.js';
import type { Attempt } from '../../src/client/options.js';
import type { ClientStatus } from '../../src/client/status.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { settle } from '../support/settle.js';
import { Stage } from './stage.js';

const Log = service('Log', {
  note: method<[number], number>(),
  again: method<[number], number>({ idempotent: true }),
});

type Step =
  | 'note'
  | 'again'
  | 'once'
  | 'drain'
  | 'cut'
  | 'down'
  | 'up'
  | 'answer'
  | 'reconnect'
  | 'online'
  | 'offline'
  | 'suspect'
  | 'settle'
  | number;

const STEPS: readonly Step[] = [
  ...([
    'note',
    'once',
    'once',
    'again',
    'cut',
    'cut',
    'drain',
    'down',
    'up',
    'up',
    'answer',
    'answer',
    'reconnect',
  ] as const),
  ...(['online', 'offline', 'suspect', 'settle', 'settle', 50, 200, 1_000, 12_000] as const),
];

describe('in any script of calls, cuts, restarts, drains and network events', () => {
  test('each call settles once, runs at most once unless it is idempotent, and says truly if it ran', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...STEPS), { minLength: 5, maxLength: 40 }),
        fc.constantFrom(500, 30_000),
        async (steps, waitTimeout) => {
          const runs = new Map<number, number>();
          const waiting: (() => void)[] = [];
          /** The calls in the order in which they ran. */
          const ran: number[] = [];
          const late: number[] = [];
          const run = withContext(({ draining }, number: number) => {
            if (draining.aborted) late.push(number);
            ran.push(number);
            runs.set(number, (runs.get(number) ?? 0) + 1);
            return new Promise<number>((resolve) => waiting.push(() => resolve(number)));
          });
          const stage = new Stage([Log.handler({ note: run, again: run })]);
          let open = 0;
          let most = 0;
          const asked: Attempt[] = [];
          const dialed: Attempt[] = [];
          const credentials = (attempt: Attempt) => {
            asked.push(attempt);
            return { token: String(asked.length) };
          };
          const client = stage.client({ waitTimeout, credentials, onReport: () => {} }, async (attempt) => {
            dialed.push(attempt);
            open++;
            most = Math.max(most, open);
            try {
              return await stage.target();
            } finally {
              open--;
            }
          });
          const statuses: ClientStatus[] = [];
          client.status.subscribe(() => void statuses.push(client.status.current));
          const log = client.use(Log);
          const outcomes: (string | undefined)[] = [];
          let settled = 0;
          const call = (name: 'note' | 'again', options = {}) => {
            const number = outcomes.push(undefined) - 1;
            const isSafe = name === 'again';
            log[name](number, options).then(
              (value) => {
                settled++;
                expect(value).toBe(number);
                outcomes[number] = 'answered';
              },
              (error: Error & { ran?: Ran; code: string }) => {
                settled++;
                outcomes[number] = `${error.code} ${String(error.ran)}${isSafe ? ', idempotent' : ''}`;
              },
            );
            return number;
          };
          const single: number[] = [];
          const once: number[] = [];
          for (const step of steps) {
            if (step === 'note') single.push(call('note'));
            else if (step === 'again') call('again');
            else if (step === 'once') once.push(call('note', { retry: false }));
            else if (step === 'drain') stage.sessions.at(-1)?.drain({ timeout: 3_000 });
            else if (step === 'cut') stage.cut();
            else if (step === 'down') stage.isUp = false;
            else if (step === 'up') stage.isUp = true;
            else if (step === 'answer') for (const answer of waiting.splice(0)) answer();
            else if (step === 'reconnect') client.reconnect();
            else if (step === 'offline') client.actor.send({ type: 'network.offline' });
            else if (step === 'online' || step === 'suspect')
              client.actor.send({ type: `network.${step}`, jitter: 0.5 });
            else if (step === 'settle') await settle();
            else await stage.clock.advance(step);
          }
          expect(await stage.end(client)).toEqual(['closed', 0]);
          await settle();
          // C1: each call settles, once, and no timer is left.
          expect(settled).toBe(outcomes.length);
          for (const [number, outcome = ''] of outcomes.entries()) {
            seen.add(outcome);
            // C2: what ran `no` is not in the log of the handlers.
            if (outcome.includes(' no')) expect([number, runs.get(number)]).toEqual([number, undefined]);
            if (outcome === 'answered') expect(runs.get(number)).toBeGreaterThanOrEqual(1);
            if (single.includes(number) || once.includes(number)) expect(runs.get(number) ?? 0).toBeLessThanOrEqual(1);
          }
          // D1: no handler starts in a session that is drained.
          expect(late).toEqual([]);
          // C3: one attempt at a time.
          expect(most).toBeLessThanOrEqual(1);
          // C4: the credentials are asked for once in each attempt, before it dials.
          expect(new Set(asked).size).toBe(asked.length);
          expect(dialed).toEqual(asked.filter((attempt) => dialed.includes(attempt)));
          // C5: calls leave in order. One that is made again comes later.
          const order = ran.filter((number) => once.includes(number));
          expect(order).toEqual(order.toSorted((one, other) => one - other));
          // C5: no two statuses in a row are alike, and the last one is true.
          for (const [index, status] of statuses.entries()) expect(status).not.toEqual(statuses[index - 1]);
          expect(client.status.current.state).toBe('closed');
        },
      ),
      { numRuns: 150, endOnFailure: true },
    );
    expect([...seen]).toEqual(
      expect.arrayContaining(['answered', 'limit no', 'session-closed no', 'connection-closed maybe']),
    );
  }, 120_000);
});
