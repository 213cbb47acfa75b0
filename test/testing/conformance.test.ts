import { describe, expect, test } from '@jest/globals';
import { type Acceptance, type Codec, InvalidArgument, initiate, type Link, messagePack } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { conformanceCases } from '../../src/testing/conformance.js';
import { type ConformanceResult, conformance, ScriptedPeer, settle, toMermaid } from '../../src/testing/index.js';
import { malformedOf } from '../../src/testing/malformed.js';
import { CODECS } from '../support/codecs.js';
import { timersAlive } from '../support/settle.js';
import { ours } from './peers.js';

// A hundred sessions each, on a machine that may be busy.

const TIMEOUTS = { answer: 500, late: 1 };

const named = (results: readonly ConformanceResult[], verdict: ConformanceResult['verdict']) =>
  results
    .filter((result) => result.verdict === verdict)
    .map(({ row, rule, name, reason }) => `${row} ${rule} ${name}: ${reason}`);

describe.each(['acceptor', 'initiator'] as const)('the conformance suite against our own %s', (role) => {
  test('passes every case in strict mode, and skips none', async () => {
    const subject = ours(role, { conformance: 'strict' });
    const timers = timersAlive();
    const results = await conformance(subject.connect, {
      ...subject.options,
      conformance: 'strict',
      timeouts: TIMEOUTS,
    });
    expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    expect(results.length).toBe(role === 'acceptor' ? 183 : 185);
    expect(subject.alive.size).toBe(0);
    // Jest has timers of its own, which come and go. Ours must be gone soon, and stay away.
    const deadline = Date.now() + 5_000;
    while (timersAlive() > timers && Date.now() < deadline) await settle();
    expect(timersAlive()).toBeLessThanOrEqual(timers);
  });

  test.each(['strict', 'reference'] as const)('fails nothing if it answers calls, in %s mode', async (mode) => {
    const subject = ours(role, { conformance: mode }, undefined, ({ args }) => args);
    const results = await conformance(subject.connect, {
      ...subject.options,
      conformance: mode,
      timeouts: TIMEOUTS,
    });
    expect(named(results, 'fail')).toEqual([]);
  });

  test('fails nothing in reference mode: where the specification asks for a ProtocolError it is non-strict', async () => {
    const subject = ours(role);
    const results = await conformance(subject.connect, { ...subject.options, timeouts: TIMEOUTS });
    expect([named(results, 'fail'), named(results, 'skipped')]).toEqual([[], []]);
    const tolerated = new Set(
      conformanceCases(subject.options)
        .filter(isViolation)
        .map(({ name }) => name),
    );
    expect(results.filter(({ verdict }) => verdict === 'non-strict').map(({ name }) => name)).toEqual([...tolerated]);
    expect(subject.alive.size).toBe(0);
  });

  test('fails what is tolerated where strictness is expected', async () => {
    const subject = ours(role);
    const [result] = await conformance(subject.connect, {
      ...subject.options,
      conformance: 'strict',
      filter: ({ name }) => name === 'an Open on 0',
    });
    expect(result).toMatchObject({
      verdict: 'fail',
      rule: 'session.parity',
      row: '9a.03',
      reason: 'tolerated, where the specification asks for a ProtocolError',
    });
  });

  test('skips what the peer cannot be made to do, and says what is missing', async () => {
    const { connect } = ours(role);
    const results = await conformance(connect, {
      role,
      timeouts: TIMEOUTS,
      filter: ({ name }) => /a rejection carries its metadata|a rejected id is spent/.test(name),
    });
    expect(results.map(({ verdict, reason, exchange }) => ({ verdict, reason, exchange }))).toEqual([
      { verdict: 'skipped', reason: 'needs control.rejectNext', exchange: [] },
      { verdict: 'skipped', reason: 'needs control.open', exchange: [] },
    ]);
  });
});

describe('malformed frames in the conformance suite are those of its codec', () => {
  const isSent = (name: string, spec: { readonly name: string }) => spec.name === name;

  test.each(CODECS)('%s: each is sent, and a peer of ours refuses each', async (_, codec) => {
    const subject = ours('acceptor', { conformance: 'strict', codec });
    const malformed = malformedOf(codec);
    const results = await conformance(subject.connect, {
      ...subject.options,
      codec,
      timeouts: TIMEOUTS,
      filter: (spec) => malformed.some(({ name }) => isSent(name, spec)),
    });
    expect(malformed.length).toBeGreaterThan(10);
    expect(results.map(({ name, verdict }) => [name, verdict])).toEqual(malformed.map(({ name }) => [name, 'pass']));
    const sent = results.map(({ exchange }) => exchange.find(({ message }) => message instanceof Uint8Array)?.message);
    expect(sent).toEqual(malformed.map(({ bytes }) => bytes));
  });

  test.each(CODECS)('%s: a peer that takes one of them fails its case, and no other', async (_, codec) => {
    for (const { name, bytes } of malformedOf(codec)) {
      const lenient: Codec = {
        ...codec,
        decode: (frame, limits) =>
          Buffer.compare(frame, bytes) === 0
            ? { type: 'Pong', connectionId: 0, nonce: 1n }
            : codec.decode(frame, limits),
      };
      const subject = ours('acceptor', { codec: lenient });
      const results = await conformance(subject.connect, {
        ...subject.options,
        codec,
        timeouts: { answer: 60, late: 1 },
        filter: (spec) => isSent(name, spec) || isSent('an empty frame', spec),
      });
      const expected = [
        [name, 'fail'],
        ['an empty frame', 'non-strict'],
      ];
      expect(results.map((result) => [result.name, result.verdict])).toEqual(expected);
    }
  });

  test('in either role, a peer of ours on postcard passes every case, and skips none', async () => {
    for (const role of ['acceptor', 'initiator'] as const) {
      const subject = ours(role, { conformance: 'strict', codec: postcard });
      const options = { ...subject.options, conformance: 'strict', codec: postcard, timeouts: TIMEOUTS } as const;
      const results = await conformance(subject.connect, options);
      expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    }
  });

  test('of a codec that lists none, frames are tried that can be made of any', () => {
    const { malformed: _, ...unlisted } = postcard;
    const names = conformanceCases({ codec: unlisted }).map(({ name }) => name);
    const more = conformanceCases({ codec: postcard }).map(({ name }) => name);
    const listed = (postcard.malformed ?? []).map(({ name }) => name);
    expect(more.filter((name) => !names.includes(name))).toEqual(listed);
    expect(names.filter((name) => /empty frame|cut short|bytes behind/.test(name))).toHaveLength(3);
  });
});

test('the conformance suite meets an initiator over a WebSocket, too', async () => {
  const waiting: ((link: Link) => void)[] = [];
  const listener = await listenWebSocket({ port: 0 }, (link) => waiting.shift()?.(link));
  const connect = () => {
    const link = new Promise<Link>((resolve) => waiting.push(resolve));
    connectWebSocket(listener.url)
      .then((near) => initiate(near, { conformance: 'strict', onConnection: () => ({ type: 'accept' }) }))
      .catch(() => {});
    return link;
  };
  const results = await conformance(connect, { role: 'initiator', conformance: 'strict', timeouts: { late: 1 } });
  await listener.close();
  expect(named(results, 'fail')).toEqual([]);
  // The skipped cases need controls over the peer, which this test does not give.
  expect([named(results, 'pass').length, named(results, 'skipped').length]).toEqual([93, 92]);
});

/** Returns true if the tester breaks a rule in this case. */
function isViolation({ steps }: ReturnType<typeof conformanceCases>[number]): boolean {
  return steps.some(({ tolerated }) => tolerated !== undefined);
}

describe('the cases', () => {
  const every = (['acceptor', 'initiator'] as const).map((role) => conformanceCases({ role }));

  test('have names of their own, a rule and a row', () => {
    for (const cases of every) {
      expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
      expect(cases.filter(({ rule, row }) => !/^(session|connection)\./.test(rule) || !/^\d/.test(row))).toEqual([]);
    }
  });

  test('leave no rule out that a peer can break', () => {
    for (const cases of every) {
      expect([...new Set(cases.map(({ rule }) => rule))].sort()).toEqual([
        'connection.close',
        'connection.close.semantics',
        'connection.open',
        'connection.open.rejection',
        'connection.parity',
        'session.handshake',
        'session.keepalive',
        'session.message',
        'session.parity',
      ]);
    }
  });
});

test('a peer may take its time to decide on an open: what comes meanwhile it drops, or accuses the tester of', async () => {
  const later = () => new Promise<Acceptance>((resolve) => setImmediate(resolve, { type: 'accept' } as const));
  for (const [mode, last] of [
    ['reference', 'Pong'],
    ['strict', 'end'],
  ] as const) {
    const { connect, options } = ours('acceptor', { conformance: mode, onConnection: later });
    const [result] = await conformance(connect, {
      ...options,
      filter: ({ name }) => /accepted at once find/.test(name),
    });
    const { message } = result?.exchange.at(-1) ?? {};
    const word = typeof message === 'object' && 'type' in message ? message.type : message;
    expect([result?.verdict, word]).toEqual(['pass', last]);
  }
});

describe('what a case gives', () => {
  test('has the exchange, as messages and as a diagram', async () => {
    // With a short interval, the peer's own Pings by a real clock would make the exchange vary.
    const { connect, options } = ours('acceptor', { keepalive: { pingInterval: 60_000, pongTimeout: 60_000 } });
    const [result] = await conformance(connect, {
      ...options,
      filter: ({ name }) => name === 'a rejection carries its metadata',
    });
    expect(toMermaid(result?.exchange ?? []).replaceAll(/nonce \d{5,}/g, 'nonce N')).toBe(
      [
        'sequenceDiagram',
        '  participant tester',
        '  participant peer',
        '  tester->>peer: Hello on 0, version 7, odd',
        '  peer->>tester: HelloYourself on 0, even',
        '  tester->>peer: Ping on 0, nonce N',
        '  peer->>tester: Pong on 0, nonce N',
        '  Note over peer: rejectNext()',
        '  tester->>peer: Ping on 0, nonce N',
        '  peer->>tester: Pong on 0, nonce N',
        '  tester->>peer: ConnectionOpen on 1, odd',
        '  peer->>tester: ConnectionReject on 1',
        '  tester->>peer: Ping on 0, nonce N',
        '  peer->>tester: Pong on 0, nonce N',
      ].join('\n'),
    );
  });

  test('comes as soon as it is known', async () => {
    const { connect, options } = ours('acceptor');
    const told: ConformanceResult[] = [];
    const results = await conformance(connect, {
      ...options,
      filter: ({ rule }) => rule === 'connection.parity',
      onResult: (result) => told.push(result),
    });
    expect(told).toEqual(results);
    expect(results.map(({ verdict }) => verdict)).toEqual(['non-strict', 'pass']);
  });
});

describe('a peer that is not as one would wish', () => {
  test('says nothing at all: every case fails in bounded time, and no link is left', async () => {
    const links: Link[] = [];
    const connect = () => {
      const [near, far] = memoryLinkPair();
      links.push(near);
      near.start({ message: () => {}, drained: () => {}, ended: () => {}, failed: () => {} });
      return far;
    };
    const results = await conformance(connect, { timeouts: { answer: 2 }, filter: ({ name }) => /rx\./.test(name) });
    expect(named(results, 'pass')).toEqual([]);
    for (const link of links) expect(() => link.send(new Uint8Array())).toThrow('closed');
  });

  test('never stops talking: it is cut off', async () => {
    const connect = () => {
      const [near, far] = memoryLinkPair();
      const talk = () => near.send(messagePack.encode({ type: 'Pong', connectionId: 0, nonce: 1n }));
      const timer = setInterval(() => {
        for (let count = 0; count < 50; count++) talk();
      }, 1);
      const over = () => clearInterval(timer);
      near.start({ message: () => {}, drained: () => {}, ended: over, failed: over });
      return far;
    };
    const results = await conformance(connect, {
      timeouts: { answer: 50 },
      filter: ({ name }) => name === 'an Open on 0',
    });
    expect(results.map(({ verdict, rule }) => [verdict, rule])).toEqual([['fail', 'session.handshake']]);
  });

  test('does not connect: that is no verdict, but an error', async () => {
    await expect(conformance(() => Promise.reject(new Error('no peer there')))).rejects.toThrow('no peer there');
    await expect(conformance(() => new Promise<Link>(() => {}), { timeouts: { connect: 5 } })).rejects.toThrow(
      'connect gave no link within 5 ms',
    );
    // A link that comes too late is closed.
    const [near, far] = memoryLinkPair();
    const other = new ScriptedPeer(near);
    let give: (link: Link) => void = () => {};
    const giving = new Promise<Link>((resolve) => {
      give = resolve;
    });
    await expect(conformance(() => giving, { timeouts: { connect: 5 } })).rejects.toMatchObject({ code: 'link' });
    give(far);
    await settle();
    expect(other.hasHeardEnd).toBe(true);
  });
});

describe('an option that is wrong', () => {
  const { connect } = ours('acceptor');

  test.each([
    [{ role: 'server' }, "role must be 'initiator' or 'acceptor', not server"],
    [{ conformance: 'lax' }, "conformance must be 'reference' or 'strict', not lax"],
    [{ timeouts: { answer: 0 } }, 'timeouts.answer must be from 1 to 2147483647 ms, not 0'],
    [{ timeouts: { late: -1 } }, 'timeouts.late must be from 0 to 2147483647 ms, not -1'],
    [{ timeouts: { patience: 1 } }, 'timeouts.patience is not a time'],
    [
      { keepalive: { pingInterval: 40, pongTimeout: Number.NaN } },
      'keepalive.pongTimeout must be from 1 to 2147483647 ms, not NaN',
    ],
    [{ handshakeTimeout: '1s' }, 'handshakeTimeout must be from 1 to 2147483647 ms, not 1s'],
    [{ control: { reject: () => {} } }, 'control.reject is not a control'],
    [{ control: { open: true } }, 'control.open must be a function, not true'],
    [{ filter: 'Ping' }, 'filter must be a function, not Ping'],
    [{ onResult: 1 }, 'onResult must be a function, not 1'],
    [{ codec: 'json' }, 'codec must have the methods encode and decode'],
    [{ codec: { ...messagePack, malformed: 1 } }, 'codec.malformed must be a list of frames'],
    [{ codec: { ...messagePack, malformed: [null] } }, 'codec.malformed[0].name must be a string, not undefined'],
    [
      { codec: { ...messagePack, malformed: [{ name: 'a map', bytes: 'f0' }] } },
      'codec.malformed[0].bytes must be a Uint8Array',
    ],
    [
      {
        codec: {
          ...messagePack,
          malformed: [1, 2].map((byte) => ({ name: 'a byte', field: 'tag', bytes: Uint8Array.of(byte) })),
        },
      },
      'codec.malformed[1] has the name of another one: a byte',
    ],
    [{ limits: { frame: 1.5 } }, 'limits.frame must be an integer from 1 to 9007199254740991, not 1.5'],
    [{ limits: { inboxBytes: 4_096 } }, 'limits.inboxBytes is none that a case tries'],
    [null, 'options must be an object, not null'],
  ])('is refused: %j', async (options, message) => {
    await expect(conformance(connect, options as never)).rejects.toThrow(new InvalidArgument(message));
  });

  test('is refused: a link instead of what gives one', async () => {
    await expect(conformance(memoryLinkPair()[0] as never)).rejects.toThrow('connect must be a function, not [object');
  });
});
