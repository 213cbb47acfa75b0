import { ROOT } from '../wire/id.js';
import type { MessageOf } from '../wire/message.js';
import { DRAINING, type Metadata, type MetadataEntry, NOTICE, noticeOf, RENEW } from '../wire/metadata.js';
import { refusalIn } from '../wire/refusal.js';
import { acceptOf, call, close, heard, hello, open, pong, protocolError } from './phrases.js';
import { ALIVE, ASKED, CLOSED_BY_TESTER, HELLO, handshakeWith, MINE } from './scenes.js';
import type { CaseSpec, Step, TableInput, World } from './vocabulary.js';

// Cases that depend on what a peer says of itself, on its codec, on its speed, or on a second session: its limits and its
// times, undecodable frames, messages that cross, broken links. The rows in spec/ know only one set of options.

const FRAMES = { row: '9a.12', rule: 'session.message' } as const;
const KEEPALIVE = { rule: 'session.keepalive', needs: ['keepalive'] } as const;
const LINK = { row: '5 end', rule: 'session.message' } as const;

const BROKEN: Step = { breaks: true, ends: true };

/** The peer leaves the tester's first open undecided. */
const UNDECIDED: readonly Step[] = [{ act: 'defer' }, { tell: (w) => [open(w.mine())] }];

/** The tester sends a message that ends any session. A tolerant peer ends it without a ProtocolError. */
function fatal(tell: NonNullable<Step['tell']>): Step {
  return { tell, tolerated: { ends: true } };
}

/** Returns the cases for a peer with these options. */
export function claimCases(input: TableInput): readonly CaseSpec[] {
  const greeted = handshakeWith(input.role);
  const established = [
    ...frames(input),
    ...limits(input),
    ...crowds(input.limits),
    ...keepalive,
    ...notices,
    ...crossing,
    ...links,
  ];
  return [
    ...beforeHandshake(input),
    REFUSALS[input.role],
    ...established.map((one) => ({ ...one, steps: [...greeted, ...one.steps] })),
    ...again(greeted),
  ];
}

/** The refusal of a peer, which the application decides. */
const REFUSALS: Readonly<Record<World['role'], CaseSpec>> = {
  acceptor: {
    name: 'a Hello that is refused is told why',
    row: '3.12',
    rule: 'session.handshake',
    needs: ['refuseNext'],
    steps: [
      {
        act: 'refuseNext',
        tell: (world) => [hello(world.parity)],
        hear: () => [heard('ProtocolError', ROOT, isRefusal)],
        ends: true,
      },
    ],
  },
  initiator: {
    name: 'a refusal ends the handshake, and is not answered',
    row: '3.12',
    rule: 'session.handshake',
    steps: [
      { hear: () => [HELLO] },
      { tell: () => [protocolError('refused.unauthenticated: so says the tester')], ends: true },
    ],
  },
};

function isRefusal({ description }: { readonly description: string }): { reason: string } | undefined {
  return refusalIn(description) === undefined ? { reason: `it says ${JSON.stringify(description)}` } : undefined;
}

/** The handshake with a peer that waits too long, or gets bytes that are no message. */
function beforeHandshake({ role, malformed }: TableInput): readonly CaseSpec[] {
  const before: readonly Step[] = role === 'initiator' ? [{ hear: () => [HELLO] }] : [];
  const [frame] = malformed;
  const late: Step = { within: 'handshakeTimeout', tolerated: { ends: true } };
  return [
    {
      name: `the ${role} waits for the handshake no longer than it says`,
      row: role === 'initiator' ? '3.07' : '3.11',
      rule: 'session.handshake',
      needs: ['handshakeTimeout'],
      steps: [...before, late],
    },
    ...(frame === undefined
      ? []
      : [
          {
            ...FRAMES,
            name: 'bytes that are no message, in the handshake',
            steps: [...before, fatal(() => [frame.bytes])],
          },
        ]),
  ];
}

function frames({ malformed }: TableInput): readonly CaseSpec[] {
  const largest = Number.MAX_SAFE_INTEGER;
  return [
    ...malformed.map(({ name, bytes }): CaseSpec => ({ ...FRAMES, name, steps: [fatal(() => [bytes])] })),
    {
      ...FRAMES,
      name: 'the two largest request ids of the tester are taken',
      steps: [
        { tell: ({ parity }) => [0, 2].map((less) => call(0, largest - (parity === 'odd' ? less : less + 1))) },
        ALIVE,
      ],
    },
  ];
}

/** Metadata with a number of entries, or with one entry of a number of bytes of key and value. */
const METADATA: Readonly<Record<'metadataEntries' | 'metadataBytes', (size: number) => Metadata>> = {
  metadataEntries: (size) => Array.from({ length: size }, () => ({ key: '', value: 0n, flags: 0n })),
  metadataBytes: (size) => [{ key: 'k', value: new Uint8Array(size - 1), flags: 0n }],
};

const MEASURED = { frame: 'a frame', metadataBytes: 'bytes of metadata', metadataEntries: 'metadata entries' } as const;

/** Messages at a limit of the peer, and one past it. */
function limits({ frameOf, limits: claimed }: TableInput): readonly CaseSpec[] {
  return (['frame', 'metadataEntries', 'metadataBytes'] as const).flatMap((limit): CaseSpec[] => {
    const size = claimed[limit] ?? 0;
    const tell = (extra: number) => (world: World) =>
      limit === 'frame' ? [frameOf(size + extra, world.mine())] : [close(world.mine(), METADATA[limit](size + extra))];
    const given = { ...FRAMES, needs: [limit] } as const;
    return [
      { ...given, name: `${MEASURED[limit]} at the limit`, steps: [MINE, { tell: tell(0) }, ALIVE] },
      { ...given, name: `${MEASURED[limit]} past the limit`, steps: [MINE, fatal(tell(1))] },
    ];
  });
}

/** As many opens as the peer accepts, and one more, which it rejects. After one of them is closed, it accepts another. */
function crowds({ connections = 0, undecided = 0 }: TableInput['limits']): readonly CaseSpec[] {
  const upTo = (limit: number) => Array.from({ length: limit }, (_, index) => index + 1);
  const opened = (n: number): Step => ({ tell: (w) => [open(w.mine(n))], hear: (w) => [acceptOf(w.mine(n))] });
  const asked = (n: number): Step => ({ tell: (w) => [open(w.mine(n))] });
  const rejected = (n: number): Step => ({
    tell: (w) => [open(w.mine(n))],
    hear: (w) => [heard('ConnectionReject', w.mine(n))],
  });
  const instead = (limit: number, step: (n: number) => Step): readonly Step[] =>
    limit === 0 ? [] : [CLOSED_BY_TESTER, step(limit + 2)];
  const cited = { row: '5.03', rule: 'connection.open.rejection' };
  return [
    {
      ...cited,
      name: 'an open past the limit of connections is rejected, until one is closed',
      needs: ['connections'],
      steps: [...upTo(connections).map(opened), rejected(connections + 1), ...instead(connections, opened)],
    },
    {
      ...cited,
      name: 'an open past the limit of undecided ones is rejected, until one is closed',
      needs: ['defer', 'undecided'],
      steps: [{ act: 'defer' }, ...upTo(undecided).map(asked), rejected(undecided + 1), ...instead(undecided, asked)],
    },
  ];
}

const PINGED: Step = { ignoresPings: true, within: 'pingInterval', hear: () => [heard('Ping', 0)] };

const keepalive: readonly CaseSpec[] = [
  {
    ...KEEPALIVE,
    row: '5.18',
    name: 'a peer that pings goes on after the Pong, and pings again with another nonce',
    steps: [PINGED, { tell: (w) => [pong(w.pinged)], within: 'pingInterval', hear: (w) => [otherPing(w.pinged)] }],
  },
  {
    ...KEEPALIVE,
    row: '6.10',
    name: 'a peer that pings ends the session when no Pong comes',
    steps: [PINGED, { within: 'pongTimeout', ends: true }],
  },
  {
    ...KEEPALIVE,
    row: '5.19',
    name: 'a Pong with another nonce is no sign of life',
    steps: [PINGED, { tell: (w) => [pong(w.pinged + 1n)], within: 'pongTimeout', ends: true }],
  },
];

function otherPing(last: bigint) {
  return heard('Ping', 0, ({ nonce }) => (nonce === last ? { reason: 'its nonce was used before' } : undefined));
}

type Answered = MetadataEntry['value'];

/**
 * The tester opens a connection with a notice. A peer that knows notices rejects it, with its answer in the metadata. A peer
 * that does not takes it for an open like any other.
 */
function noticed(kind: string, fits: (answer: Answered) => boolean, n?: number): Step {
  const check = ({ metadata }: MessageOf<'ConnectionReject'>): { reason: string } | undefined => {
    const answer = noticeOf(metadata);
    return answer === undefined || fits(answer) ? undefined : { reason: `it answers ${String(answer)} to ${kind}` };
  };
  return {
    tell: (w) => [open(w.mine(n), noticeMetadata(kind))],
    hear: (w) => [heard('ConnectionReject', w.mine(n), check)],
    or: { hear: (w) => [acceptOf(w.mine(n))] },
  };
}

function noticeMetadata(kind: string): Metadata {
  return [{ key: NOTICE, value: kind, flags: 0n }];
}

const isOk = (answer: Answered): boolean => answer === 'ok';
const isRefused = (answer: Answered): boolean => typeof answer === 'string' && answer.startsWith('refused.');

/** The tester opens another connection, which shows that the peer goes on as before. */
const ANOTHER: Step = { tell: (w) => [open(w.mine(9))], hear: (w) => [acceptOf(w.mine(9))] };

const NOTICES = { row: '5.31', rule: 'connection.open.rejection' } as const;

const notices: readonly CaseSpec[] = [
  {
    ...NOTICES,
    name: 'a notice that the tester drains is answered each time, and the session goes on',
    steps: [noticed(DRAINING, isOk), noticed(DRAINING, isOk, 2), ALIVE],
  },
  {
    ...NOTICES,
    name: 'a peer that knows that the tester drains opens no connection',
    needs: ['open'],
    // The ledger finds an Open behind the answer of a peer that knows notices. Any other peer may open.
    steps: [noticed(DRAINING, isOk), { act: 'open', maybe: () => [heard('ConnectionOpen', ROOT)] }, ALIVE],
  },
  {
    ...NOTICES,
    name: 'a notice of an unknown kind is refused, and changes nothing',
    steps: [noticed('conformance', isRefused), ANOTHER],
  },
  {
    ...NOTICES,
    name: 'new credentials are accepted or refused, and the session goes on',
    steps: [noticed(RENEW, (answer) => isOk(answer) || isRefused(answer)), ANOTHER],
  },
  {
    ...NOTICES,
    name: 'new credentials that are refused change nothing',
    needs: ['refuseNext'],
    steps: [{ act: 'refuseNext' }, noticed(RENEW, isRefused), ANOTHER],
  },
  {
    row: '5.31',
    rule: 'session.parity',
    name: 'a notice under an id of the peer’s own parity',
    steps: [
      {
        tell: (w) => [open(w.theirs(), noticeMetadata(DRAINING))],
        tolerated: { hear: (w) => [heard('ConnectionReject', w.theirs())] },
      },
    ],
  },
];

const crossing: readonly CaseSpec[] = [
  {
    name: 'two closes that cross are no offence of either side',
    row: '9a.05',
    rule: 'connection.close.semantics',
    needs: ['close'],
    steps: [
      MINE,
      {
        act: 'close',
        at: (w) => w.mine(),
        tell: (w) => [close(w.mine())],
        maybe: (w) => [heard('ConnectionClose', w.mine())],
      },
      { tell: (w) => [close(w.mine()), call(w.mine(), 1)] },
    ],
  },
  {
    name: 'a Close right behind an Open is right, before and after the peer has decided',
    row: '5.12',
    rule: 'connection.close',
    steps: [
      {
        tell: (w) => [open(w.mine()), close(w.mine())],
        maybe: (w) => [acceptOf(w.mine()), heard('ConnectionReject', w.mine())],
      },
    ],
  },
];

/** No message can come over a broken link. So the peer's control must say that its session is over. */
const links: readonly CaseSpec[] = [
  {
    ...LINK,
    name: 'the link breaks, with and without open connections: that ends the session',
    needs: ['ended'],
    steps: [MINE, BROKEN],
  },
  {
    ...LINK,
    name: "the link breaks while the peer's open is unanswered",
    needs: ['ended', 'open'],
    steps: [ASKED, BROKEN],
  },
  {
    ...LINK,
    name: 'the link breaks while the peer has not decided on an open',
    needs: ['ended', 'defer'],
    steps: [...UNDECIDED, BROKEN],
  },
];

/** After a link that broke, the peer's next session shows that it took no harm. */
function again(greeted: readonly Step[]): readonly CaseSpec[] {
  const next = [...greeted, MINE, ALIVE];
  return [
    {
      ...LINK,
      name: 'after a link that broke in the handshake the peer has another session',
      steps: [...greeted.slice(0, -1), BROKEN],
      again: next,
    },
    {
      ...LINK,
      name: 'after a link that broke while a connection was open the peer has another session',
      steps: [...greeted, MINE, BROKEN],
      again: next,
    },
  ];
}
