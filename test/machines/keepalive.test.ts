import { expect, test } from '@jest/globals';
import { transition } from 'xstate';
import { keepaliveMachine } from '../../machines/index.js';
import { ping } from '../../spec/rows/messages.js';
import { keepalivePart } from './keepalive.part.js';
import { machineSuite } from './suite.js';

machineSuite(keepalivePart);

// No generated path is that long.
test('behind the largest nonce that a number holds exactly, keepalive counts from 0', () => {
  const nonces = [Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER].map((nonce) => {
    const context = { pingInterval: 100, pongTimeout: 50, nonce, isReading: true } as never;
    const waiting = keepaliveMachine.resolveState({ value: 'waiting', context });
    const [, actions] = transition(keepaliveMachine, waiting, {
      type: 'xstate.after.pingInterval.keepalive.waiting',
    } as never);
    return actions.filter(({ type }) => (type as string) === 'transmit').map(({ params }) => params);
  });
  expect(nonces).toEqual([[ping(BigInt(Number.MAX_SAFE_INTEGER))], [ping(0n)]]);
});
