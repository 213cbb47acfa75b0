import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { Coverage } from './coverage.js';
import { Mutants } from './mutants.js';
import { parts } from './parts.js';

// Checks that the paths can fail. Each transition is made wrong in every simple way. The paths of the right machine, played
// on the wrong one, must then disagree with the oracle.

/** Mutations that no test can detect, grouped by the reason. */
const ALIKE: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = {
  'the state that it leads to is left at once, for the right one': {
    'keepalive.awaitingPong + rx.Pong': 'leads to keepalive.starting',
    'keepalive.confirming + rx.Pong': 'leads to keepalive.starting',
    'keepalive.suspended + rx.Pong': 'leads to keepalive.starting',
    'keepalive.pinging + xstate.after.pingInterval.keepalive.pinging': 'leads to keepalive.starting',
    'session.running.outbound.full + outbox.progressed': 'leads to session.running.outbound.full.interrupted',
    'session.running.deadlines.sweeping + xstate.after.sweepInterval.session.running.deadlines.sweeping':
      'leads to session.running.deadlines.idle',
  },
  'it leads to the state that it comes from, and that has nothing to do when it begins': {
    ...reliable('fresh', ['attach [2 of 3]', 'attach [3 of 3]'], 'leads nowhere', 'does not begin anew'),
    ...reliable('settled', ['rx.Data [8 of 10]', 'rx.Data [9 of 10]'], 'leads nowhere', 'does not begin anew'),
    ...reliable('owing', ['rx.Data [5 of 10]', 'rx.Data [10 of 10]'], 'leads nowhere'),
  },
  'a new session has sent nothing: no other count than 0 fits, and it is not closing': {
    ...reliable('created', ['attach [1 of 3]'], 'is not there', 'leads to reliable.dialing', 'does not refuse'),
    'reliable.created + attach [2 of 3]': [
      ...['is not there', 'leads nowhere', 'leads to reliable.dialing', 'does not noteLink', 'does not noteAttached'],
      ...['does not trim', 'does not take', 'does not welcome', 'does not settings', 'does not startTimer'],
      ...['does not startTimer', 'does not restored', 'does not bye', 'does not startTimer'],
    ],
    ...reliable('created', ['attach [3 of 3]'], 'does not noteAttached'),
  },
  'an end is `closed` unless another one is noted': {
    ...reliable('dialing', ['time.giveUp [1 of 2]'], 'does not noteEnd'),
    ...reliable('greeting', ['time.giveUp [1 of 2]', 'rx.Rejected [2 of 3]'], 'does not noteEnd'),
    ...reliable('backingOff', ['time.giveUp [1 of 2]'], 'does not noteEnd'),
    ...reliable('waiting', ['time.giveUp [1 of 2]'], 'does not noteEnd'),
    ...reliable('fresh', ['time.flush [1 of 2]'], 'does not noteEnd'),
    ...reliable('settled', ['time.flush [1 of 2]', 'rx.Data [7 of 10]', 'rx.Ack [6 of 7]'], 'does not noteEnd'),
    ...reliable('owing', ['time.flush [1 of 2]', 'rx.Close [5 of 7]'], 'does not noteEnd'),
    ...reliable('owing', ['rx.Data [7 of 10]', 'rx.Ack [6 of 7]'], 'does not noteEnd'),
    ...reliable('lingering', ['link.lost [2 of 3]', 'time.flush'], 'does not noteEnd'),
  },
  'an end is `closed` unless another one is noted, and an acceptor counts no attempts': {
    ...reliable('fresh', ['rx.Data [7 of 10]', 'rx.Ack [6 of 7]'], 'does not noteProven', 'does not noteEnd'),
  },
  'the peer knows our count already, as in every state but `owing`': {
    ...reliable('fresh', ['app.close [2 of 2]', 'tx.ready'], 'does not noteSaid'),
    ...reliable('fresh', ['rx.Close [4 of 7]', 'rx.Close [6 of 7]'], 'does not noteSaid'),
    ...reliable('settled', ['app.close [2 of 2]', 'tx.ready'], 'does not noteSaid'),
    ...reliable('settled', ['rx.Close [4 of 7]', 'rx.Close [6 of 7]'], 'does not noteSaid'),
  },
  'the peer knows our count already, and an end is `closed` unless another one is noted': {
    ...reliable('fresh', ['rx.Close [5 of 7]'], 'does not noteSaid', 'does not noteEnd'),
    ...reliable('settled', ['rx.Close [5 of 7]'], 'does not noteSaid', 'does not noteEnd'),
  },
  'bytes that are no frame are always a fault': {
    ...reliable('fresh', ['rx.Malformed [3 of 3]'], 'has no guard'),
    ...reliable('settled', ['rx.Malformed [3 of 3]'], 'has no guard'),
    ...reliable('owing', ['rx.Malformed [3 of 3]'], 'has no guard'),
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

/** The same mutations of several branches of one state of a reliable link. */
function reliable(state: string, branches: readonly string[], ...mutations: readonly string[]) {
  return Object.fromEntries(branches.map((branch) => [`reliable.${state} + ${branch}`, mutations]));
}

// Wrong machines send events to stopped actors, and so do walks that go on behind an end. XState warns of each.
jest.spyOn(console, 'warn').mockImplementation(() => {});
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
