import { describe, expect, test } from '@jest/globals';
import { accept, InvalidArgument } from '../../src/index.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { ACK, ANSWER, CLOSE, DATA, SETTINGS } from '../../src/reliable/frames.js';
import { reliableAcceptor } from '../../src/reliable/index.js';
import { type ConformanceResult, conformance } from '../../src/testing/index.js';

type Change = (bytes: Uint8Array, sent: number) => Uint8Array | undefined;

/**
 * An acceptor of sessions whose links outlive their connections. `change` may spoil what it sends, or leave it out. `suits` may
 * refuse what it receives: then the link fails.
 */
function acceptorWith(change: Change = (bytes) => bytes, suits = (_bytes: Uint8Array, _received: number) => true) {
  const acceptor = reliableAcceptor({
    helloTimeout: 500,
    onLink: (link) => void accept(link, { onReport: () => {} }).catch(() => {}),
  });
  const connect = (): Link => {
    const [near, far] = memoryLinkPair();
    let sent = 0;
    let received = 0;
    const spoiling = new Proxy(far, {
      get: (target, name) => {
        if (name === 'send') {
          return (bytes: Uint8Array) => {
            const changed = change(bytes.slice(), sent++);
            if (changed !== undefined) target.send(changed);
          };
        }
        if (name === 'start') {
          return (events: LinkEvents) => {
            const message = (bytes: Uint8Array): void => {
              if (suits(bytes, received++)) events.message(bytes);
              else far.abort();
            };
            const rest = { drained: () => events.drained(), ended: () => events.ended() };
            target.start({ ...rest, failed: (error) => events.failed(error), message });
          };
        }
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    acceptor.take(spoiling);
    return near;
  };
  return { acceptor, connect };
}

async function results(...how: Parameters<typeof acceptorWith>): Promise<readonly ConformanceResult[]> {
  const { acceptor, connect } = acceptorWith(...how);
  try {
    return await conformance(connect, {
      reliable: true,
      timeouts: { answer: 300, late: 0 },
      filter: ({ row }) => row === 'reliable',
    });
  } finally {
    acceptor.close();
  }
}

const failed = (all: readonly ConformanceResult[]): string[] =>
  all.filter(({ verdict }) => verdict === 'fail').map(({ name, reason }) => `${name.slice(17)}: ${reason}`);

describe('the cases of links that break', () => {
  test('are passed by our own acceptor', async () => {
    const all = await results();
    expect(failed(all)).toEqual([]);
    expect(all.map(({ verdict, row }) => [verdict, row])).toEqual(
      Array.from({ length: 11 }, () => ['pass', 'reliable']),
    );
  });

  test('are passed by an acceptor that demands a window first on each link', async () => {
    const all = await results(undefined, (bytes, received) => received !== 1 || bytes[0] === SETTINGS);
    expect(failed(all)).toEqual([]);
  });

  const without =
    (kind: number): Change =>
    (bytes, sent) =>
      sent > 0 && bytes[0] === kind ? undefined : bytes;

  test.each<[string, Change, RegExp]>([
    ['tells no window', without(SETTINGS), /a greeting is answered .*: Settings did not come within 300 ms/],
    ['acknowledges with messages only', without(ACK), /although none goes .*: an acknowledgement did not come/],
    ['does not answer a probe', without(ANSWER), /a probe is answered: an answer did not come within 300 ms/],
    ['ends without a word', without(CLOSE), /an orderly end .*: the connection ends, and not the peer's Close comes/],
    ['sends no message', without(DATA), /a message that comes again .*: the session's answer did not come/],
    [
      'sends messages that are none',
      (bytes, sent) => (sent > 0 && bytes[0] === DATA ? Uint8Array.of(DATA, 0, 1, 0xc1) : bytes),
      /a message that comes again .*: a message can't be read: /,
    ],
    [
      'numbers messages from 1',
      (bytes, sent) => {
        if (sent > 0 && bytes[0] === DATA) bytes[1] = (bytes[1] as number) + 1;
        return bytes;
      },
      /after a cut .*: seq is 1, and must be 0/,
    ],
    [
      'takes every key',
      (bytes, sent) => {
        if (sent === 0) bytes[4] = 0x80;
        return bytes;
      },
      /a key that is not known is refused: isRejected is false, and must be true/,
    ],
    [
      'has one key for all',
      (bytes, sent) => {
        if (sent === 0) bytes.fill(7, 5, 21);
        return bytes;
      },
      /a greeting is answered .*: two sessions have one key/,
    ],
    [
      'says a count of its own',
      (bytes, sent) => {
        if (sent === 0 && (bytes[4] as number) & 2) bytes[21] = (bytes[21] as number) + 1;
        return bytes;
      },
      /after a cut .*: received is 3, and must be 2/,
    ],
    [
      'answers a greeting with something else',
      (bytes, sent) => (sent === 0 ? Uint8Array.of(1) : bytes),
      /a greeting is answered .*: no greeting comes first/,
    ],
  ])('find an acceptor that %s', async (_, change, reason) => {
    expect(failed(await results(change))).toEqual(expect.arrayContaining([expect.stringMatching(reason)]));
  });

  test('are not played unless they are asked for, and not to an initiator', async () => {
    const { acceptor, connect } = acceptorWith();
    expect(await conformance(connect, { filter: ({ row }) => row === 'reliable' })).toEqual([]);
    const wrong = conformance(connect, { reliable: true, role: 'initiator' });
    await expect(wrong).rejects.toThrow(
      new InvalidArgument('reliable: the cases of links that break are for an acceptor'),
    );
    await expect(conformance(connect, { reliable: 1 as never })).rejects.toThrow('reliable must be a boolean, not 1');
    acceptor.close();
  });
});
