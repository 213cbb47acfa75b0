import { describe, expect, test } from '@jest/globals';
import { accept, call, close, hello, item, pong, reject } from '../../spec/rows/messages.js';
import type { ConnectionId, Message, StartOptions } from '../../src/index.js';
import { conformance } from '../../src/testing/index.js';
import { Meddler, type Meddling } from './meddler.js';
import { LIMITS, ours } from './peers.js';

/** A peer that makes one mistake, and the verdict of the suite. */
interface Broken {
  readonly mistake: string;
  readonly role?: 'initiator';
  /** A function if the mistake has state: each session gets its own. */
  readonly meddling: Meddling | (() => Meddling);
  readonly options?: StartOptions;
  /** The cases to run. Others may also fail. */
  readonly only: RegExp;
  /** `row rule` of every case that fails. */
  readonly failures: readonly string[];
}

const ifType = <T extends Message['type']>(
  type: T,
  change: (message: Extract<Message, { type: T }>, meddler: Meddler) => readonly Message[] | Message | undefined,
) => {
  return (message: Message, meddler: Meddler) =>
    message.type === type ? change(message as Extract<Message, { type: T }>, meddler) : message;
};

/** Answers every open as a notice. The session does not hear of it. */
const answersNotices = (answer: string, ...more: readonly Message[]): Meddling => ({
  in: ifType('ConnectionOpen', ({ connectionId }, meddler) => {
    const metadata = [{ key: 'roam-actors.notice', value: answer, flags: 0n }];
    for (const message of [reject(connectionId, metadata), ...more]) meddler.say(message);
    return undefined;
  }),
});

const on = (message: Message, connectionId: ConnectionId) => ({ ...message, connectionId }) as Message;

const brokenPeers: readonly Broken[] = [
  {
    mistake: 'answers Pings with another nonce',
    meddling: { out: ifType('Pong', (message) => ({ ...message, nonce: message.nonce + 1n })) },
    only: /a Ping is answered with its nonce/,
    failures: ['5.17 session.keepalive'],
  },
  {
    mistake: 'answers no Ping',
    meddling: { out: ifType('Pong', () => undefined) },
    only: /a Ping is answered with its nonce/,
    failures: ['5.17 session.keepalive'],
  },
  {
    mistake: 'answers Pings in the wrong order',
    meddling: () => {
      const waiting: Message[] = [];
      return {
        out: ifType('Pong', (message, meddler) => {
          if (waiting.push(message) === 1) {
            queueMicrotask(() => {
              for (const one of waiting.splice(0).reverse()) meddler.say(one);
            });
          }
          return undefined;
        }),
      };
    },
    only: /a Ping is answered with its nonce/,
    failures: ['5.17 session.keepalive'],
  },
  {
    mistake: 'pings on another id than the root',
    meddling: { out: ifType('Ping', (message) => on(message, 2)) },
    only: /a peer that pings goes on/,
    failures: ['9a.11 session.keepalive'],
  },
  {
    mistake: 'takes a Pong for granted',
    meddling: {
      out: ifType('Ping', (message, meddler) => {
        queueMicrotask(() => meddler.hear(pong(message.nonce)));
        return message;
      }),
    },
    only: /ends the session when no Pong comes/,
    failures: ['6.10 session.keepalive'],
  },
  {
    mistake: "answers Hello with the initiator's own parity",
    meddling: {
      out: ifType('HelloYourself', (message) => ({
        ...message,
        connectionSettings: { ...message.connectionSettings, parity: 'odd' },
      })),
    },
    only: /that an odd initiator leaves it/,
    failures: ['3.08 session.parity'],
  },
  {
    mistake: 'answers Hello on id 2',
    meddling: { out: ifType('HelloYourself', (message) => on(message, 2)) },
    only: /that an odd initiator leaves it/,
    failures: ['3.08 session.handshake'],
  },
  {
    mistake: 'ignores the version in Hello',
    meddling: { in: ifType('Hello', (message) => ({ ...message, version: 7 })) },
    only: /Hello of version [68] /,
    failures: ['3.09 session.handshake', '3.09 session.handshake'],
  },
  {
    mistake: 'waits for Hello for ever',
    meddling: {},
    options: { limits: { handshakeTimeout: 60_000 } },
    only: /waits for the handshake no longer/,
    failures: ['3.11 session.handshake'],
  },
  {
    mistake: 'says Hello with another version',
    role: 'initiator',
    meddling: { out: ifType('Hello', (message) => ({ ...message, version: 8 })) },
    only: /HelloYourself establishes the session/,
    failures: ['3.08 session.handshake'],
  },
  {
    mistake: 'says Hello again after the handshake',
    role: 'initiator',
    meddling: {
      in: ifType('HelloYourself', (message, meddler) => {
        meddler.say(hello());
        return message;
      }),
    },
    only: /HelloYourself establishes the session/,
    failures: ['9a.09 session.handshake'],
  },
  {
    mistake: 'answers opens on the wrong id',
    meddling: { out: ifType('ConnectionAccept', (message) => on(message, message.connectionId + 2)) },
    only: /SENSITIVE metadata reaches/,
    failures: ['9a.04 connection.open'],
  },
  {
    mistake: 'never answers an open',
    meddling: { out: ifType('ConnectionAccept', () => undefined) },
    only: /SENSITIVE metadata reaches/,
    failures: ['5.05 connection.open'],
  },
  {
    mistake: 'loses its rejections',
    meddling: { out: ifType('ConnectionReject', () => undefined) },
    only: /a rejection carries its metadata/,
    failures: ['5.04 connection.open.rejection'],
  },
  {
    mistake: 'accepts twice',
    meddling: { out: ifType('ConnectionAccept', (message) => [message, message]) },
    only: /SENSITIVE metadata reaches/,
    failures: ['9a.04 connection.open'],
  },
  {
    mistake: "accepts an id of its own parity, and the root's",
    meddling: { out: ifType('ConnectionReject', ({ connectionId }) => accept(connectionId)) },
    only: /an Open on/,
    failures: [
      ...['9a.03 session.parity', '9a.03 session.parity', '9a.03 session.parity'],
      ...['9a.03 connection.open', '9a.03 connection.open'],
    ],
  },
  {
    mistake: "accepts with the opener's own parity",
    meddling: {
      out: ifType('ConnectionAccept', ({ connectionId }) =>
        accept(connectionId, { parity: 'odd', maxConcurrentRequests: 1 }),
      ),
    },
    only: /SENSITIVE metadata reaches/,
    failures: ['9a.02 connection.parity'],
  },
  {
    mistake: 'sends data before its Accept',
    meddling: { out: ifType('ConnectionAccept', (message) => [item(message.connectionId, 2), message]) },
    only: /SENSITIVE metadata reaches/,
    failures: ['9a.06 session.message'],
  },
  {
    mistake: "sends data before the tester's Accept",
    meddling: { out: ifType('ConnectionOpen', (message) => [message, item(message.connectionId, 2)]) },
    only: /an Accept gives the opener its connection/,
    failures: ['9a.06 session.message'],
  },
  {
    mistake: 'sends data after its Close',
    meddling: { out: ifType('ConnectionClose', (message) => [message, item(message.connectionId, 2)]) },
    only: /a close goes out with its metadata/,
    failures: ['9b.01 connection.close'],
  },
  {
    mistake: 'answers a Close with a Close',
    meddling: {
      in: ifType('ConnectionClose', (message, meddler) => {
        meddler.say(close(message.connectionId));
        return message;
      }),
    },
    only: /a Close tells the handle/,
    failures: ['5.10 connection.close.semantics'],
  },
  {
    mistake: 'closes the root',
    meddling: { out: ifType('HelloYourself', (message) => [message, close(0)]) },
    only: /that an odd initiator leaves it/,
    failures: ['9a.08 connection.close'],
  },
  {
    mistake: 'closes its connections twice',
    meddling: { out: ifType('ConnectionClose', (message) => [message, message]) },
    only: /a close goes out with its metadata/,
    failures: ['9a.05 connection.close'],
  },
  {
    mistake: 'closes what was never opened',
    meddling: { out: ifType('HelloYourself', (message) => [message, close(9)]) },
    only: /that an odd initiator leaves it/,
    failures: ['9a.06 connection.close'],
  },
  {
    mistake: 'sends data on an id that was never opened',
    meddling: { out: ifType('HelloYourself', (message) => [message, item(9, 2)]) },
    only: /that an odd initiator leaves it/,
    failures: ['9a.06 session.message'],
  },
  {
    mistake: 'accuses the tester for nothing',
    meddling: {
      out: ifType('ConnectionAccept', () => ({ type: 'ProtocolError', connectionId: 0, description: 'no reason' })),
    },
    only: /SENSITIVE metadata reaches/,
    failures: ['5.05 connection.open'],
  },
  {
    mistake: 'accuses on another id than the root',
    meddling: { out: ifType('ProtocolError', (message) => on(message, 2)) },
    options: { conformance: 'strict' },
    only: /a Hello after the handshake \(1\)/,
    failures: ['9a.11 session.message'],
  },
  {
    mistake: 'ends the session when a connection is closed',
    meddling: { in: ifType('ConnectionClose', () => ({ type: 'ProtocolError', connectionId: 0, description: '' })) },
    only: /a Close tells the handle/,
    failures: ['5.10 connection.close.semantics'],
  },
  {
    mistake: "opens ids of the tester's parity",
    meddling: { out: ifType('ConnectionOpen', (message) => on(message, message.connectionId + 1)) },
    only: /a Reject fails the open with its metadata/,
    failures: ['9a.03 session.parity'],
  },
  {
    mistake: 'opens an id that is in use',
    meddling: { out: ifType('ConnectionOpen', (message) => on(message, 2)) },
    only: /an open goes out with its settings/,
    failures: ['9a.03 connection.open'],
  },
  {
    mistake: 'takes no id a second time',
    meddling: () => {
      const seen = new Set<ConnectionId>();
      return {
        in: ifType('ConnectionOpen', (message) => {
          if (seen.has(message.connectionId)) return undefined;
          seen.add(message.connectionId);
          return message;
        }),
      };
    },
    only: /again after it was closed/,
    failures: ['4 session.parity'],
  },
  {
    mistake: 'goes on after a ProtocolError',
    meddling: { in: ifType('ProtocolError', () => undefined) },
    only: /a ProtocolError ends the session with its description/,
    failures: ['9a.10 session.message'],
  },
  {
    mistake: 'keeps the link open after its own ProtocolError',
    meddling: { stays: true },
    options: { conformance: 'strict' },
    only: /a Hello after the handshake \(1\)/,
    failures: ['9a.09 session.handshake'],
  },
  {
    mistake: 'goes on talking after its own ProtocolError',
    meddling: { out: ifType('ProtocolError', (message) => [message, pong(1n)]) },
    options: { conformance: 'strict' },
    only: /a Hello after the handshake \(1\)/,
    failures: ['9a session.message'],
  },
  {
    mistake: 'ignores what does not decode',
    meddling: { garbage: 'lost' },
    only: /^(an empty frame|a frame cut short|an unknown tag)$/,
    failures: ['9a.12 session.message', '9a.12 session.message', '9a.12 session.message'],
  },
  {
    mistake: 'has twice the limits that it says it has',
    meddling: {},
    options: {
      limits: {
        frame: 2 * LIMITS.frame,
        metadataEntries: 2 * LIMITS.metadataEntries,
        metadataBytes: 2 * LIMITS.metadataBytes,
        connections: 2 * LIMITS.connections,
        undecided: 2 * LIMITS.undecided,
      },
    },
    only: /past the limit/,
    failures: [
      ...['9a.12 session.message', '9a.12 session.message', '9a.12 session.message'],
      ...['5.03 connection.open.rejection', '5.03 connection.open.rejection'],
    ],
  },
  {
    mistake: 'takes one connection less than it says it does',
    meddling: {},
    options: { limits: { connections: LIMITS.connections - 1, undecided: LIMITS.undecided - 1 } },
    only: /an open past the limit/,
    failures: ['5.03 connection.open.rejection', '5.03 connection.open.rejection'],
  },
  {
    mistake: 'counts connections for ever',
    meddling: { in: ifType('ConnectionClose', () => undefined) },
    only: /an open past the limit/,
    failures: ['5.03 connection.open.rejection', '5.03 connection.open.rejection'],
  },
  {
    mistake: 'accepts once more, later',
    meddling: {
      out: ifType('ConnectionAccept', (message, meddler) => {
        setTimeout(() => meddler.say(message), 5);
        return message;
      }),
    },
    only: /SENSITIVE metadata reaches/,
    failures: ['9a.04 connection.open'],
  },
  {
    mistake: 'sends data after its Close, later',
    meddling: {
      out: ifType('ConnectionClose', (message, meddler) => {
        setTimeout(() => meddler.say(item(message.connectionId, 2)), 5);
        return message;
      }),
    },
    only: /a close goes out with its metadata/,
    failures: ['9b.01 connection.close'],
  },
  {
    mistake: 'ends the session some time after a connection is closed',
    meddling: {
      in: ifType('ConnectionClose', (message, meddler) => {
        setTimeout(() => meddler.close(), 5);
        return message;
      }),
    },
    only: /a Close tells the handle/,
    failures: ['5.10 connection.close.semantics'],
  },
  {
    mistake: 'keeps a session whose link is broken',
    meddling: { failed: () => {} },
    options: { keepalive: { pingInterval: 60_000, pongTimeout: 60_000 } },
    only: /the link breaks/,
    failures: ['5 end session.message', '5 end session.message', '5 end session.message'],
  },
  {
    mistake: 'comes to harm when a link breaks',
    meddling: (() => {
      let isHarmed = false;
      return {
        failed: () => {
          isHarmed = true;
        },
        out: (message: Message) => (isHarmed ? undefined : message),
      };
    })(),
    only: /after a link that broke in the handshake/,
    failures: ['3.08 session.handshake'],
  },
  {
    mistake: 'answers an open that was taken back',
    meddling: {
      in: ifType('ConnectionClose', (message, meddler) => {
        meddler.say(accept(message.connectionId));
        return message;
      }),
    },
    only: /a Close on an undecided connection/,
    failures: ['5.12 connection.close'],
  },
  {
    mistake: 'refuses the notice that the tester drains',
    meddling: answersNotices('refused.unknown'),
    only: /a notice that the tester drains/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'opens a connection though it knows that the tester drains',
    meddling: answersNotices('ok'),
    only: /that knows that the tester drains/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'calls though it knows that the tester drains',
    meddling: answersNotices('ok', call(0, 2)),
    only: /a notice that the tester drains/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'takes a notice of an unknown kind',
    meddling: answersNotices('ok'),
    only: /a notice of an unknown kind/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'answers new credentials with neither ok nor a refusal',
    meddling: answersNotices('later'),
    only: /new credentials are accepted or refused/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'takes new credentials that it is to refuse',
    meddling: answersNotices('ok'),
    only: /new credentials that are refused/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'ends the session when it refuses new credentials',
    meddling: {
      out: ifType('ConnectionReject', (message, meddler) => {
        queueMicrotask(() => meddler.close());
        return message;
      }),
    },
    only: /new credentials that are refused/,
    failures: ['5.31 connection.open.rejection'],
  },
  {
    mistake: 'does not end when it is shut down',
    meddling: { stays: true },
    only: /a shutdown ends everything/,
    failures: ['5.29 session.message'],
  },
];

describe('a peer fails, and under the rule that it breaks, that', () => {
  test.each([...brokenPeers])('$mistake', async ({ meddling, only, role, options, failures }: Broken) => {
    const subject = ours(role ?? 'acceptor', options, (link) => {
      return new Meddler(link, typeof meddling === 'function' ? meddling() : meddling);
    });
    const results = await conformance(subject.connect, {
      ...subject.options,
      timeouts: { answer: 120, late: 40 },
      filter: ({ name }) => only.test(name),
    });
    // A peer with such a mistake may not end by itself.
    for (const session of [...subject.alive]) session.shutdown();
    const failed = results.filter(({ verdict }) => verdict === 'fail');
    expect(failed.map(({ row, rule }) => `${row} ${rule}`)).toEqual(failures);
    for (const { reason } of failed) expect(reason).toMatch(/\w/);
  });
});
