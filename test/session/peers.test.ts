import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { type PeerSurroundings, peerConfigOf } from '../../src/session/peers.js';

const AROUND: PeerSurroundings = { role: 'initiator', parity: 'odd', conformance: 'reference', isStream: false };
const NONE = {
  awaitAnswers: false,
  emptyRejects: false,
  maxUnconsumed: Number.POSITIVE_INFINITY,
  answersOnRoot: false,
  cancelTimeout: Number.POSITIVE_INFINITY,
  awaitHello: false,
  keepalive: undefined,
};

// docs/peers.md has what each peer needs.
describe('the options for a peer', () => {
  test.each([
    ['that keeps to the specification', undefined, {}],
    ['in Rust', 'roam-rust-7', { awaitAnswers: true, emptyRejects: true, maxUnconsumed: 64 }],
    [
      'in TypeScript',
      'roam-typescript-7',
      {
        answersOnRoot: true,
        awaitHello: true,
        keepalive: { pingInterval: 25_000, pongTimeout: Number.POSITIVE_INFINITY },
      },
    ],
    ['in Swift', 'roam-swift-7', { answersOnRoot: true, cancelTimeout: 5_000, awaitHello: true }],
  ] as const)('%s', (_, peer, options) => {
    expect(peerConfigOf({ peer }, AROUND)).toEqual({ ...NONE, ...options });
  });

  test('in Rust over a byte stream need not await answers, unless the application says so', () => {
    const stream = { ...AROUND, isStream: true };
    expect(peerConfigOf({ peer: 'roam-rust-7' }, stream)).toMatchObject({ awaitAnswers: false, maxUnconsumed: 64 });
    expect(peerConfigOf({ peer: 'roam-rust-7', awaitAnswers: true }, stream)).toMatchObject({ awaitAnswers: true });
  });

  test('are those of the application first, one by one', () => {
    const own = {
      awaitAnswers: false,
      emptyRejects: false,
      maxUnconsumed: 1,
      answersOnRoot: true,
      cancelTimeout: 2 ** 31 - 1,
      awaitHello: true,
    };
    expect(peerConfigOf({ peer: 'roam-rust-7', ...own }, AROUND)).toEqual({ ...NONE, ...own });
    const most = { maxUnconsumed: Number.MAX_SAFE_INTEGER, cancelTimeout: 1 };
    expect(peerConfigOf(most, AROUND)).toEqual({ ...NONE, ...most });
    const endless = { maxUnconsumed: Number.POSITIVE_INFINITY, cancelTimeout: Number.POSITIVE_INFINITY };
    expect(peerConfigOf(endless, { ...AROUND, conformance: 'strict' })).toEqual(NONE);
  });

  test.each<[object, string | RegExp]>([
    [{ peer: 'roam' }, "peer must be one of 'roam-rust-7', 'roam-typescript-7', 'roam-swift-7', not 'roam'"],
    [{ peer: 'toString' }, "peer must be one of 'roam-rust-7', 'roam-typescript-7', 'roam-swift-7', not 'toString'"],
    [{ awaitAnswers: 1 }, 'awaitAnswers must be true or false, not 1'],
    [{ emptyRejects: 'yes' }, "emptyRejects must be true or false, not 'yes'"],
    [{ answersOnRoot: null }, 'answersOnRoot must be true or false, not null'],
    [{ awaitHello: 0 }, 'awaitHello must be true or false, not 0'],
    ...[0, 1.5, '1', Number.NEGATIVE_INFINITY, 2 ** 53].map((maxUnconsumed): [object, RegExp] => [
      { maxUnconsumed },
      /^maxUnconsumed must be an integer from 1 to 9007199254740991, or Infinity, not /,
    ]),
    ...[0, 1.5, '1', 2 ** 31].map((cancelTimeout): [object, RegExp] => [
      { cancelTimeout },
      /^cancelTimeout must be an integer from 1 to 2147483647, or Infinity, not /,
    ]),
  ])('are refused if one is wrong: %j', (options, message) => {
    expect(() => peerConfigOf(options as never, AROUND)).toThrow(InvalidArgument);
    expect(() => peerConfigOf(options as never, AROUND)).toThrow(message);
  });

  test.each(['roam-typescript-7', 'roam-swift-7'] as const)('%s do not go with strict conformance', (peer) => {
    for (const role of ['initiator', 'acceptor'] as const) {
      expect(() => peerConfigOf({ peer }, { ...AROUND, role, conformance: 'strict' })).toThrow(
        new InvalidArgument(
          `peer '${peer}' breaks rules that conformance 'strict' enforces: leave conformance out, or make it 'reference'`,
        ),
      );
    }
    expect(peerConfigOf({ peer: 'roam-rust-7' }, { ...AROUND, conformance: 'strict' })).toMatchObject({
      emptyRejects: true,
    });
  });

  test.each(['roam-typescript-7', 'roam-swift-7'] as const)('%s do not go with even parity of ours', (peer) => {
    expect(() => peerConfigOf({ peer }, { ...AROUND, parity: 'even' })).toThrow(
      new InvalidArgument(
        `peer '${peer}' always takes even parity itself, and ignores that of Hello: leave parity out, or make it 'odd'`,
      ),
    );
    // An acceptor takes what is left.
    expect(peerConfigOf({ peer }, { ...AROUND, role: 'acceptor', parity: 'even' }).awaitHello).toBe(true);
    expect(peerConfigOf({ peer: 'roam-rust-7' }, { ...AROUND, parity: 'even' }).awaitHello).toBe(false);
  });

  test.each([
    [{ answersOnRoot: true }, 'answersOnRoot'],
    [{ cancelTimeout: 5 }, 'cancelTimeout'],
    [{ answersOnRoot: true, cancelTimeout: 5 }, 'answersOnRoot'],
  ])('that allow a peer to break rules do not go with strict conformance: %j', (options, name) => {
    expect(() => peerConfigOf(options, { ...AROUND, conformance: 'strict' })).toThrow(
      new InvalidArgument(`${name} is for peers that break rules: with it, conformance must be 'reference'`),
    );
  });
});
