import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { InvalidArgument } from '../../src/base/errors.js';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate, sessionLogic } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';
import { type Metadata, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { acceptOf, established } from '../support/rig.js';
import { settle } from '../support/settle.js';

/** A wrong argument and the message of its error, which begins with the argument's name. */
type Case = readonly [what: string, options: Record<string, unknown>, message: string | RegExp];

const KEEPALIVE: readonly Case[] = [
  [
    'NaN',
    { pingInterval: Number.NaN, pongTimeout: 1 },
    'keepalive.pingInterval must be a number of milliseconds up to 2^31 − 1, not NaN',
  ],
  [
    '2^31',
    { pingInterval: 1, pongTimeout: 2 ** 31 },
    'keepalive.pongTimeout must be a number of milliseconds up to 2^31 − 1, not 2147483648',
  ],
  [
    'Infinity',
    { pingInterval: Number.POSITIVE_INFINITY, pongTimeout: 1 },
    /^keepalive.pingInterval must .* not Infinity$/,
  ],
  ['a string', { pingInterval: '5', pongTimeout: 1 }, /^keepalive.pingInterval must .* not '5'$/],
  ['one time alone', { pingInterval: 5 }, /^keepalive.pongTimeout must .* not undefined$/],
].map(([what, keepalive, message]) => [`a keepalive with ${String(what)}`, { keepalive }, message] as Case);

const METADATA: readonly Case[] = [
  ['that is no array', 'k=v', /^metadata must be an array of entries, not string$/],
  ['that is null', null, /^metadata must be an array/],
  ['with an entry that is null', [null], 'metadata[0] must be an object'],
  ['with a key that is no string', [{ key: 1, value: '', flags: 0n }], 'metadata[0].key must be a string'],
  ['with half a surrogate pair', [{ key: '\ud800', value: '', flags: 0n }], /metadata\[0\].key has a lone surrogate/],
  [
    'with a value that is a number',
    [{ key: '', value: 5, flags: 0n }],
    /metadata\[0\].value must be a string, a Uint8Array or a bigint/,
  ],
  [
    'with a negative value',
    [{ key: '', value: -1n, flags: 0n }],
    /metadata\[0\].value must be a bigint from 0 to 2\^64/,
  ],
  [
    'with a value past a u64',
    [{ key: '', value: 2n ** 64n, flags: 0n }],
    /metadata\[0\].value must be a bigint from 0 to 2\^64/,
  ],
  ['with flags that are a number', [{ key: '', value: '', flags: 1 }], /^metadata\[0\].flags must be a bigint/],
  [
    'that hides what its flags do not',
    [{ key: '', value: new Sensitive(''), flags: 0n }],
    /metadata\[0\].value is Sensitive/,
  ],
  [
    'that hides what cannot be sent',
    [{ key: '', value: new Sensitive(5 as never), flags: SENSITIVE }],
    /metadata\[0\].value/,
  ],
  [
    'that fits no frame',
    [{ key: '', value: new Uint8Array(2 ** 20), flags: 0n }],
    /^metadata takes \d+ bytes and does not fit limits.frame: 1048576$/,
  ],
  ['with a hole', new Array(1), 'metadata[0] must be an object'],
  [
    'with an entry more than a peer of the same limits takes',
    new Array(65).fill({ key: '', value: '', flags: 0n }),
    'metadata has 65 entries, more than limits.metadataEntries: 64',
  ],
  [
    'with a byte more than a peer of the same limits takes',
    [
      { key: '€', value: new Uint8Array(10), flags: 0n },
      { key: '', value: 1n, flags: 0n },
      { key: 'k', value: new Sensitive('v'.repeat(16_363)), flags: SENSITIVE },
    ],
    'metadata has 16385 bytes, more than limits.metadataBytes: 16384',
  ],
].map(([what, metadata, message]) => [`metadata ${String(what)}`, { metadata }, message] as Case);

const SETTINGS: readonly Case[] = [
  ['a parity', { parity: 'none' }, "parity must be 'odd' or 'even', not 'none'"],
  [
    'a maximum of requests that is negative',
    { maxConcurrentRequests: -1 },
    'maxConcurrentRequests must be an integer from 0 to 2^32 − 1, not -1',
  ],
  [
    'a maximum of requests past a u32',
    { maxConcurrentRequests: 2 ** 32 },
    /^maxConcurrentRequests must .* not 4294967296$/,
  ],
  ['a maximum of requests with a fraction', { maxConcurrentRequests: 1.5 }, /^maxConcurrentRequests must .* not 1.5$/],
];

const LIMITS: readonly Case[] = [
  ...Object.keys(DEFAULT_LIMITS).flatMap((name): Case[] => {
    const least = /^(connections|undecided|requests|channels|metadata.*)$/.test(name) ? 0 : 1;
    const most = name.endsWith('Timeout') ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
    return [least - 1, 1.5, Number.NaN, most + 1, '1', undefined, null].map((value) => [
      `limits.${name}: ${String(value)}`,
      { limits: { [name]: value } },
      `limits.${name} must be an integer from ${String(least)} to ${String(most)}, not ${String(value)}`,
    ]);
  }),
  ['a limit that is none', { limits: { frames: 1 } }, 'limits.frames is not a limit'],
  ['a limit by a name that every object has', { limits: { constructor: 1 } }, 'limits.constructor is not a limit'],
  ['limits that are null', { limits: null }, 'limits must be an object, not null'],
  ['limits that are a number', { limits: 5 }, 'limits must be an object, not 5'],
];

const OPTIONS: readonly Case[] = [
  ...KEEPALIVE,
  ['a keepalive that is null', { keepalive: null }, 'keepalive must be an object, not null'],
  ['a keepalive that is a number', { keepalive: 1_000 }, 'keepalive must be an object, not 1000'],
  ...METADATA,
  ...SETTINGS,
  ...LIMITS,
  ['a conformance', { conformance: 'lax' }, "conformance must be 'reference' or 'strict', not lax"],
  ['an onConnection', { onConnection: 'yes' }, 'onConnection must be a function'],
  ['an onReport', { onReport: 'yes' }, 'onReport must be a function'],
  ['a codec without decode', { codec: { encode: () => new Uint8Array() } }, 'codec must have encode and decode'],
  [
    'a codec whose release is no function',
    { codec: { encode: () => new Uint8Array(), decode: () => {}, release: 1 } },
    'codec.release must be a function, if it is there',
  ],
  ['a codec that is null', { codec: null }, 'codec must have encode and decode'],
  ['a signal', { signal: 'stop' }, 'signal must be an AbortSignal'],
  ['a clock', { clock: {} }, 'clock must have setTimeout and clearTimeout'],
  ['an inspector', { inspect: 'yes' }, 'inspect must be a function or an observer'],
];

function matching(message: string | RegExp): object {
  return expect.objectContaining({
    name: 'InvalidArgument',
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });
}

describe('initiate and accept refuse at once, and leave the link alone', () => {
  test.each(OPTIONS)('%s', async (_, options, message) => {
    for (const start of [initiate, accept]) {
      const [near] = memoryLinkPair();
      await expect(start(near, options as StartOptions)).rejects.toEqual(matching(message));
      // It has not been started.
      near.start({ message() {}, drained() {}, ended() {}, failed() {} });
    }
  });

  test.each([[null], [undefined], [{}], [{ send: () => {} }]])('%j as a link', async (link) => {
    await expect(initiate(link as never)).rejects.toEqual(matching(/^link must be a Link/));
  });

  test.each([[null], [5]])('%j as options', async (options) => {
    await expect(accept(memoryLinkPair()[0], options as never)).rejects.toEqual(
      matching(`options must be an object, not ${String(options)}`),
    );
  });
});

test.each([
  [{ link: memoryLinkPair()[0] }, "role must be 'initiator' or 'acceptor', not undefined"],
  [{ role: 'driver', link: memoryLinkPair()[0] }, "role must be 'initiator' or 'acceptor', not driver"],
  [undefined, 'a session needs a role and a link'],
])('a session actor with the input %j is an error from the start', (input, message) => {
  const actor = createActor(sessionLogic, { input: input as never });
  expect(actor.getSnapshot()).toMatchObject({ status: 'error', error: new InvalidArgument(message) });
});

describe('the edges of what is allowed', () => {
  test.each<StartOptions>([
    { keepalive: { pingInterval: 2 ** 31 - 1, pongTimeout: 2 ** 31 - 1 } },
    { maxConcurrentRequests: 2 ** 32 - 1 },
    { maxConcurrentRequests: 0 },
    { metadata: [{ key: '', value: 2n ** 64n - 1n, flags: 2n ** 64n - 1n }] },
    { limits: { handshakeTimeout: 2 ** 31 - 1, connections: 0, undecided: 0, metadataEntries: 0, metadataBytes: 0 } },
    { limits: { frame: Number.MAX_SAFE_INTEGER, inboxMessages: 1, outboxBytes: 1 } },
  ])('%p', async (options) => {
    const { rig, session } = await established(options);
    session.shutdown();
    await settle();
    expect(rig.clock.size).toBe(0);
    expect(rig.reports).toEqual([]);
  });

  test.each([
    [0, 100],
    [-1, 100],
    [Number.NEGATIVE_INFINITY, 100],
    [100, 0],
    [100, -1],
  ])('a keepalive of %d and %d ms is off, with a report', async (pingInterval, pongTimeout) => {
    const { rig } = await established({ keepalive: { pingInterval, pongTimeout } });
    expect(rig.reports).toEqual([
      { kind: 'keepalive-disabled', message: 'the keepalive is off: its times are not positive' },
    ]);
    await rig.clock.advance(60_000);
    expect(rig.peer.take()).toEqual([]);
  });
});

describe('a running session refuses at once, sends nothing, and goes on', () => {
  const message = { type: 'ChannelMessage', id: 1, body: { type: 'Close', metadata: [] } } as const;
  const bad = [{ key: 1 }] as unknown as Metadata;
  const many = (count: number): Metadata => new Array(count).fill({ key: '', value: '', flags: 0n });
  const large: Metadata = [{ key: '', value: 'v'.repeat(17_000), flags: 0n }];
  type Call = readonly [what: string, (session: Session, connection: Connection) => unknown, string | RegExp];
  const CALLS: readonly Call[] = [
    ...[...SETTINGS, ...METADATA].map(
      ([what, options, error]): Call => [`open with ${what}`, (session) => session.open(options), error],
    ),
    [
      'open with a signal that is none',
      (session) => session.open({ signal: 'stop' as never }),
      'signal must be an AbortSignal',
    ],
    [
      'open with a signal that is null',
      (session) => session.open({ signal: null as never }),
      'signal must be an AbortSignal',
    ],
    ['open with null', (session) => session.open(null as never), 'options must be an object, not null'],
    ['close of the root', (session) => session.close(0), 'cannot close root connection'],
    ['close of an unknown id', (session) => session.close(99), 'connection not found'],
    [
      'close of what is no id',
      (session) => session.close('1' as never),
      "id must be an integer from 0 to 2^53 − 1, not '1'",
    ],
    ['close with metadata that cannot be sent', (session) => session.close(1, { metadata: bad }), /metadata\[0\]/],
    ['close of a handle with such metadata', (_, connection) => connection.close({ metadata: bad }), /metadata\[0\]/],
    [
      'close of an id with metadata that is none',
      (session) => session.close(1, { metadata: 5 as never }),
      'metadata must be an array of entries, not number',
    ],
    [
      'close of a handle with metadata that is none',
      (_, connection) => connection.close({ metadata: 5 as never }),
      'metadata must be an array of entries, not number',
    ],
    [
      'close of a handle with null',
      (_, connection) => connection.close(null as never),
      'options must be an object, not null',
    ],
    ...[Number.NaN, 'x', -1, 1.5, 2 ** 53, undefined].map(
      (id): Call => [
        `markFailure of ${String(id)}`,
        (_, connection) => connection.markFailure(id as never, 'no'),
        `requestId must be an integer from 0 to 2^53 − 1, not ${typeof id === 'string' ? `'${id}'` : String(id)}`,
      ],
    ),
    ...[undefined, 5, new Error('no')].map(
      (reason): Call => [
        `markFailure for ${String(reason)}`,
        (_, connection) => connection.markFailure(2, reason as never),
        `reason must be a string, not ${typeof reason === 'object' ? 'an object' : String(reason)}`,
      ],
    ),
    ['close of the root by its handle', (session) => session.root.close(), 'cannot close root connection'],
    [
      'send of a Ping',
      (_, connection) => connection.send({ type: 'Ping' } as never),
      'send takes a RequestMessage or a ChannelMessage, not Ping',
    ],
    ['send of nothing', (_, connection) => connection.send(undefined as never), /^send takes a RequestMessage/],
    [
      'send with an id that is none',
      (_, connection) => connection.send({ ...message, id: -1 }),
      /ChannelMessage.id must be an integer/,
    ],
    [
      'send with a body that is none',
      (_, connection) => connection.send({ ...message, body: {} as never }),
      /ChannelMessage.body/,
    ],
    [
      'send without a body',
      (_, connection) => connection.send({ type: 'RequestMessage', id: 1 } as never),
      /body must be/,
    ],
    [
      'send with metadata that is none',
      (_, connection) => connection.send({ ...message, body: { type: 'Close', metadata: bad } }),
      /^Close.metadata\[0\].flags must be a bigint/,
    ],
    [
      'send with an entry too many',
      (_, connection) => connection.send({ ...message, body: { type: 'Close', metadata: many(65) } }),
      'Close.metadata has 65 entries, more than limits.metadataEntries: 64',
    ],
    [
      'send with metadata of too many bytes',
      (_, connection) => connection.send({ type: 'RequestMessage', id: 1, body: { type: 'Cancel', metadata: large } }),
      'Cancel.metadata has 17000 bytes, more than limits.metadataBytes: 16384',
    ],
    [
      'sendResponse with metadata of too many bytes',
      (_, connection) => connection.sendResponse(2, { channels: [], metadata: large, ret: new Uint8Array() }),
      'Response.metadata has 17000 bytes, more than limits.metadataBytes: 16384',
    ],
    [
      'a second reader',
      (_, connection) => [connection[Symbol.asyncIterator](), connection[Symbol.asyncIterator]()],
      'connection 1 has a reader already',
    ],
  ];

  test.each(CALLS)('%s', async (_, call, error) => {
    const { rig, session } = await established();
    const [connection] = await Promise.all([session.open(), rig.say(acceptOf(1))]);
    rig.peer.take();
    await expect((async () => call(session, connection))()).rejects.toEqual(matching(error));
    await settle();
    expect(rig.peer.take()).toEqual([]);
    expect(connection.isConnected).toBe(true);
    // No id was spent.
    rig.track('open', session.open());
    await settle();
    expect(rig.peer.take().map(({ connectionId }) => connectionId)).toEqual([3]);
  });
});

test('what is just within the limits of metadata crosses between two sessions, in each message', async () => {
  const [near, far] = memoryLinkPair();
  const metadata: Metadata = new Array(64).fill({ key: 'é', value: new Uint8Array(254), flags: 0n });
  const received: unknown[] = [];
  const note = (what: Metadata) =>
    received.push(what.reduce((sum, { value }) => sum + (value as Uint8Array).length, 0));
  const serving = accept(far, {
    metadata,
    onConnection: (request) => {
      note(request.metadata);
      if (request.id === 3) return { type: 'reject', metadata };
      return {
        type: 'accept',
        metadata,
        setup: async (connection) => {
          for await (const { body } of connection) if ('metadata' in body) note(body.metadata);
          note((await connection.closed).metadata);
        },
      };
    },
  });
  const session = await initiate(near, { metadata });
  note((await serving).root.peerMetadata);
  note(session.root.peerMetadata);
  const connection = await session.open({ metadata });
  note(connection.peerMetadata);
  note(((await session.open({ metadata }).catch((error: unknown) => error)) as { metadata: Metadata }).metadata);
  const call = { type: 'Call', methodId: 1n, channels: [], metadata, args: new Uint8Array() } as const;
  await connection.send({ type: 'RequestMessage', id: 1, body: call });
  await connection.send({ type: 'ChannelMessage', id: 1, body: { type: 'Reset', metadata } });
  await connection.close({ metadata });
  await settle();
  expect(received).toEqual(new Array(9).fill(64 * 254));
});

test('a Response has no channels and no metadata unless it is said', async () => {
  const { rig, session } = await established();
  await session.root.sendResponse(2, { ret: Uint8Array.of(1) });
  const body = { type: 'Response', channels: [], metadata: [], ret: Uint8Array.of(1) };
  expect(await rig.say()).toEqual([{ type: 'RequestMessage', connectionId: 0, id: 2, body }]);
});

test('what is done to metadata after the call does not reach what is sent', async () => {
  const { rig, session } = await established();
  const bytes = Uint8Array.of(1, 2);
  const entry = { key: 'k', value: bytes as Uint8Array | number, flags: 0n };
  const boxed = { key: 's', value: new Sensitive(bytes), flags: SENSITIVE };
  const metadata = [entry, boxed];
  // The open's turn comes only after this.
  session.on('connectionOpened', () => {
    rig.track('open', session.open({ metadata: metadata as Metadata }));
    entry.value = 5;
    bytes.fill(9);
    metadata.pop();
  });
  const [, [, open]] = await Promise.all([session.open(), rig.say(acceptOf(1))]);
  expect(open).toMatchObject({ type: 'ConnectionOpen', connectionId: 3 });
  const values = (open as { metadata: Metadata }).metadata.map(({ value }) =>
    value instanceof Sensitive ? value.reveal() : value,
  );
  expect(values).toEqual([Uint8Array.of(1, 2), Uint8Array.of(1, 2)]);
});

describe('a strict session sends no Call', () => {
  test.each([
    ['with channel 0', { channels: [1, 0] }, 'Call.channels[1]: id 0 has no parity and is never allocated'],
    ['with a channel twice', { channels: [1, 3, 1] }, 'Call.channels[2]: channel 1 is named twice'],
    ["with a channel of the peer's", { channels: [2] }, 'Call.channels[0]: channel 2 is not of our parity'],
    ['with a channel that is no id', { channels: [1n] }, /^Call.channels\[0\] must be an integer/],
    ['whose channels are no list', { channels: 1 }, 'Call.channels must be an array'],
    ['without a body', undefined, 'RequestMessage.body must be an object'],
  ])('%s', async (_, given, error) => {
    const { rig, session } = await established({ conformance: 'strict' });
    const call = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array() };
    const body = given && ({ ...call, ...given } as never);
    await expect((async () => session.root.send({ type: 'RequestMessage', id: 1, body } as never))()).rejects.toEqual(
      matching(error),
    );
    await settle();
    expect(rig.peer.take()).toEqual([]);
    await session.root.send({ type: 'RequestMessage', id: 1, body: { ...call, channels: [1, 3] } as never });
    expect(await rig.say()).toHaveLength(1);
  });
});
