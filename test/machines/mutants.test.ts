import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Coverage } from './coverage.js';
import { Mutants } from './mutants.js';
import { mutatedParts as parts } from './parts.js';

// Checks that the paths can fail. Each transition is made wrong in every simple way. The paths of the right machine, played
// on the wrong one, must then disagree with the oracle.

/** Mutations that no test can detect, grouped by the reason. */
const ALIKE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'the state that it leads to is left at once, for the right one': {
    'keepalive.awaitingPong + rx.Pong': 'leads to keepalive.starting',
    'keepalive.confirming + rx.Pong': 'leads to keepalive.starting',
    'keepalive.suspended + rx.Pong': 'leads to keepalive.starting',
    'keepalive.pinging + xstate.after.pingInterval.keepalive.pinging': 'leads to keepalive.starting',
    'session.running.outbound.full + outbox.progressed': 'leads to session.running.outbound.full.interrupted',
    'session.running.deadlines.sweeping + xstate.after.sweepInterval.session.running.deadlines.sweeping':
      'leads to session.running.deadlines.idle',
  },
  'the next row in turn says the same of it, but for the words': {
    'connection.opening + rx.RequestMessage [2 of 2]': 'is not there',
    'connection.opening + rx.ChannelMessage [2 of 2]': 'is not there',
    'connection.deciding + rx.RequestMessage [2 of 2]': 'is not there',
    'connection.deciding + rx.ChannelMessage [2 of 2]': 'is not there',
    'session.running + rx.ConnectionClose [2 of 6]': 'is not there',
  },
  'it says that nothing is to be done, and nothing would be': {
    'session.running + app.release [2 of 2]': 'is not there',
    'session.running + app.abandonOpen [2 of 2]': 'is not there',
    'session.running + deadline.passed [2 of 2]': 'is not there',
    'session.handshaking + app.abandonOpen [2 of 2]': 'is not there',
    'session.running + app.accept [2 of 2]': 'is not there',
    'session.running + app.reject [2 of 2]': 'is not there',
    'session.running + app.leave [2 of 2]': 'is not there',
    'session.ending + rx.*': 'is not there',
    'calls.open + rx.Cancel': 'is not there',
    'channels.open + rx.unknown [9 of 9]': 'is not there',
  },
  'only sessions without a keepalive would notice, and none of them takes it': {
    'session.running.liveness.unwatched always': 'has no guard',
  },
  'no path takes a timer that the guard holds back': {
    'client.connecting + xstate.after.giveUp.client.connecting': 'has no guard',
  },
};

// Wrong machines send events to stopped actors, and XState warns of each.
beforeAll(() => {
  jest.spyOn(console, 'warn').mockImplementation(() => {});
});
afterAll(() => {
  jest.restoreAllMocks();
});

const alike = new Map(Object.values(ALIKE).flatMap((of) => Object.entries(of)));

test('nothing is listed as alike that is not there any more', () => {
  const names = new Set(parts.flatMap((part) => new Coverage(part.machine).names));
  expect([...alike.keys()].filter((name) => !names.has(name))).toEqual([]);
});

describe.each(parts.map((part) => [part.machine.id, part] as const))('the paths of the %s notice', (_, part) => {
  const mutants = new Mutants(part);

  test.each(mutants.branches.map((branch) => [branch.name, branch] as const))('the mutant of %s', (name, branch) => {
    expect(mutants.survivors(branch)).toEqual([alike.get(name) ?? []].flat());
  });
});
