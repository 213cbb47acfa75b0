import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/index.js';
import { conformanceCases } from '../../src/testing/conformance.js';
import { conformance } from '../../src/testing/index.js';
import { response } from '../../src/testing/phrases.js';
import { Meddler, type Meddling } from './meddler.js';
import { ours } from './peers.js';

/** Returns the verdict on an acceptor of ours in one case, judged as a peer of the official crates or as any other peer. */
async function verdictOn(name: string, meddling: Meddling, peer?: 'roam-rust-7') {
  const subject = ours('acceptor', {}, (link) => new Meddler(link, meddling));
  const [result] = await conformance(subject.connect, {
    ...subject.options,
    ...(peer === undefined ? {} : { peer }),
    timeouts: { answer: 2_000, late: 100 },
    filter: (spec) => spec.name === name,
  });
  const { verdict, row, reason } = result ?? {};
  return { verdict, row, reason };
}

const IGNORES_IT = 'a ProtocolError ends the session with its description, the peer accused';
const CLOSED = 'on a connection of the tester’s that it closed everything late is dropped';
/** A Call right before a Close of its connection. */
const BEHIND = 'messages of one segment take effect in wire order';

describe('a peer whose deviations are known', () => {
  test('deviates where it does what is known of it, and does not pass', async () => {
    const deaf: Meddling = { in: (message) => (message.type === 'ProtocolError' ? undefined : message) };
    expect(await verdictOn(IGNORES_IT, deaf, 'roam-rust-7')).toEqual({
      verdict: 'deviates',
      row: '9b.16',
      reason: 'a roam-rust-7 peer ignores a ProtocolError after the handshake',
    });
    expect(await verdictOn(IGNORES_IT, deaf)).toMatchObject({ verdict: 'fail', row: '9a.10' });
  });

  test('fails where it does something else, be that what the protocol says', async () => {
    expect(await verdictOn(IGNORES_IT, {})).toMatchObject({ verdict: 'pass' });
    expect(await verdictOn(IGNORES_IT, {}, 'roam-rust-7')).toEqual({
      verdict: 'fail',
      row: '9b.16',
      reason:
        'a roam-rust-7 peer ignores a ProtocolError after the handshake, and here the session should go on, and the peer ends it',
    });
  });

  test('is excused where it answers on a connection that is closed', async () => {
    // Behind the Pong that follows the Close: by then the peer has taken it.
    const late = (): Meddling => {
      let isClosed = false;
      return {
        in: (message) => {
          isClosed ||= message.type === 'ConnectionClose';
          return message;
        },
        out: (message) => (isClosed && message.type === 'Pong' ? [message, response(1, 1)] : message),
      };
    };
    expect(await verdictOn(CLOSED, late())).toEqual({
      verdict: 'fail',
      row: '9b.01',
      reason: 'it sends data on id 1, which is closed',
    });
    expect(await verdictOn(CLOSED, late(), 'roam-rust-7')).toEqual({
      verdict: 'deviates',
      row: '9b.01',
      reason: 'a roam-rust-7 peer may do that: it sends data on id 1, which is closed',
    });
  });

  test('may answer before it hears of the Close, as any peer', async () => {
    const prompt: Meddling = {
      in: (message, meddler) => {
        if (message.type === 'RequestMessage') meddler.say(response(message.connectionId, message.id));
        return message;
      },
    };
    expect(await verdictOn(BEHIND, prompt)).toMatchObject({ verdict: 'pass' });
  });

  test('is one that is known', async () => {
    const { connect } = ours('acceptor');
    const of = (options: object) => conformance(connect, { filter: () => false, ...options }).catch(String);
    expect(await of({ peer: 'roam-java-7' })).toBe(
      String(new InvalidArgument("peer must be 'roam-rust-7', not roam-java-7")),
    );
    expect(await of({ peer: 'roam-rust-7', conformance: 'strict' })).toBe(
      String(new InvalidArgument("peer: a roam-rust-7 peer is not strict, so conformance can't be 'strict'")),
    );
  });

  test.each(['acceptor', 'initiator'] as const)('deviates in cases that there are, as an %s', (role) => {
    const plain = conformanceCases({ role });
    const known = conformanceCases({ role, peer: 'roam-rust-7' });
    expect(known.map(({ name }) => name)).toEqual(plain.map(({ name }) => name));
    // The presets of a peer know some of the cases by name. A name that matches no case would never be checked.
    expect(known.filter(({ deviates }) => deviates !== undefined).map(({ row, name }) => `${row} ${name}`)).toEqual([
      '9b.16 a ProtocolError is not answered',
      '9b.02 an Accept for the root',
      '9b.02 a Reject for the root',
      '9b.16 a ProtocolError ends the session with its description, the peer accused',
      '9b.16 a ProtocolError without a description ends the session too',
      '9b.16 a ProtocolError on another id than 0',
      '9b.16 a ProtocolError on the tester’s active connection',
      '9b.03 an Open on 0 behind a Close on the root finds the session ended by the violation',
      '9a.12 a connection id of 2^53',
      '9a.12 a request id of 2^53',
      '9a.12 a channel id of 2^53',
      '9a.12 a credit of 2^32',
      '9a.12 a frame with bytes behind the message',
    ]);
  });
});
