import { ROOT } from '../wire/id.js';
import type { Message, MessageOf } from '../wire/message.js';
import { DRAINING, type Metadata, NOTICE, noticeOf } from '../wire/metadata.js';
import { accept, acceptOf, call, close, heard, item, open, REJECT_PLEASE, reject, response } from './phrases.js';
import { ACCUSATION, ALIVE, ASKED, CLOSED_BY_TESTER, MINE, offends, THEIRS } from './scenes.js';
import type { CaseSpec, Step, World } from './vocabulary.js';

// Rows for several connections, or for a connection that does not exist: here the session itself judges ids.

/** 9a.05: all messages that may be under way on an id when it is closed. */
const late = (id: (w: World) => number, answers: boolean): Step => ({
  tell: (w) => [
    ...(answers ? [accept(id(w)), reject(id(w))] : []),
    close(id(w)),
    call(id(w), 1),
    response(id(w), 1),
    item(id(w), 1),
  ],
});

const opens: readonly CaseSpec[] = [
  {
    name: 'two opens are two connections, each accepted once',
    row: '5.05',
    rule: 'connection.open',
    steps: [
      { tell: (w) => [open(w.mine(1)), open(w.mine(2))], hear: (w) => [acceptOf(w.mine(1)), acceptOf(w.mine(2))] },
    ],
  },
  {
    name: 'an id may be opened again after it was closed',
    row: '5.05',
    rule: 'connection.open',
    steps: [MINE, CLOSED_BY_TESTER, MINE],
  },
  {
    name: 'an id may be opened again after it was rejected',
    row: '5.04',
    rule: 'connection.open.rejection',
    needs: ['rejectNext'],
    steps: [
      { act: 'rejectNext' },
      { tell: (w) => [open(w.mine(), REJECT_PLEASE)], hear: (w) => [heard('ConnectionReject', w.mine())] },
      MINE,
    ],
  },
  {
    name: "an accepter's parity is the opposite of the opener's, whatever the session's",
    row: '5.05',
    rule: 'connection.parity',
    steps: ['odd' as const, 'even' as const].map((parity, index) => ({
      tell: (w) => [open(w.mine(index + 1), [], parity)],
      hear: (w) => [acceptOf(w.mine(index + 1), parity)],
    })),
  },
  {
    name: "an Open on an id of the peer's own parity",
    row: '9a.03',
    rule: 'session.parity',
    steps: [offends((w) => [open(w.theirs(9))], { hear: (w) => [heard('ConnectionReject', w.theirs(9))] })],
  },
  {
    name: 'an Open on the root',
    row: '9a.03',
    rule: 'session.parity',
    steps: [offends(() => [open(ROOT)], { hear: () => [heard('ConnectionReject', ROOT)] }), ALIVE],
  },
  {
    name: 'an Open on an id in use',
    row: '9a.03',
    rule: 'connection.open',
    steps: [
      MINE,
      offends((w) => [open(w.mine())], { hear: (w) => [heard('ConnectionReject', w.mine())] }),
      CLOSED_BY_TESTER,
    ],
  },
  {
    name: 'the peer opens two connections under two ids of its parity',
    row: '5.21',
    rule: 'connection.open',
    needs: ['open'],
    steps: [...THEIRS, ASKED, { tell: (w) => [reject(w.opened)] }],
  },
];

const NOTICE_OPEN: Metadata = [{ key: NOTICE, value: DRAINING, flags: 0n }];

/** 5.31: a peer that does not know notices takes one for an open like any other. */
const notices: readonly CaseSpec[] = [
  {
    name: 'a notice is answered as an open is, and the session goes on',
    row: '5.31',
    rule: 'connection.open',
    steps: [
      {
        tell: (w) => [open(w.mine(), NOTICE_OPEN)],
        hear: (w) => [heard('ConnectionReject', w.mine(), answersNotice)],
        or: { hear: (w) => [acceptOf(w.mine())] },
      },
      ALIVE,
    ],
  },
];

/** A Reject without the key is that of a peer that rejects the open. */
function answersNotice({ metadata }: MessageOf<'ConnectionReject'>): { reason: string } | undefined {
  const answer = noticeOf(metadata);
  return answer === undefined || answer === 'ok' ? undefined : { reason: 'it refuses the notice that its peer drains' };
}

const closes: readonly CaseSpec[] = [
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
      late((w) => w.mine(), false),
    ],
  },
  {
    name: 'a connection that is closed leaves the others open',
    row: '5.10',
    rule: 'connection.close.semantics',
    steps: [
      { tell: (w) => [open(w.mine(2))], hear: (w) => [acceptOf(w.mine(2))] },
      MINE,
      CLOSED_BY_TESTER,
      { tell: (w) => [call(w.mine(2), 1), close(w.mine(2))] },
    ],
  },
  {
    name: "on a connection of the tester's that it closed everything late is dropped",
    row: '9a.05',
    rule: 'connection.close',
    steps: [MINE, CLOSED_BY_TESTER, late((w) => w.mine(), false)],
  },
  {
    name: "on a connection of the peer's that the tester closed everything late is dropped",
    row: '9a.05',
    rule: 'connection.close',
    needs: ['open'],
    steps: [...THEIRS, { tell: (w) => [close(w.opened)] }, late((w) => w.opened, true)],
  },
  {
    name: "on a connection of the peer's that was rejected everything late is dropped",
    row: '9a.05',
    rule: 'connection.open.rejection',
    needs: ['open'],
    steps: [ASKED, { tell: (w) => [reject(w.opened)] }, late((w) => w.opened, true)],
  },
  {
    name: 'a Close on the root',
    row: '9a.08',
    rule: 'connection.close',
    steps: [offends(() => [close(ROOT)], { ends: true })],
  },
];

/** 9a.04, 9a.06: messages on ids that were never opened, or that are not the speaker's to answer. */
const strays: readonly CaseSpec[] = [
  ...(
    [
      ['an Accept for the root', () => accept(ROOT)],
      ['a Reject for the root', () => reject(ROOT)],
      ['an Accept for an id that the peer never opened', (w) => accept(w.theirs(9))],
      ['a Reject for an id that the peer never opened', (w) => reject(w.theirs(9))],
      ["an Accept for an id of the tester's own", (w) => accept(w.mine(9))],
      ["a Reject for an id of the tester's own", (w) => reject(w.mine(9))],
    ] as [string, (w: World) => Message][]
  ).map(
    ([name, say]): CaseSpec => ({ name, row: '9a.04', rule: 'connection.open', steps: [offends((w) => [say(w)])] }),
  ),
  {
    // If the peer decides at once, the connection is open when the Call comes. Otherwise the Call breaks a rule.
    name: 'a Call right behind an Open is on a connection that is open by then, or breaks a rule',
    row: '9a.07',
    rule: 'session.message',
    steps: [{ tell: (w) => [open(w.mine()), call(w.mine(), 1)], hear: (w) => [acceptOf(w.mine())], or: ACCUSATION }],
  },
  {
    name: "an Accept for an active connection of the tester's",
    row: '9a.04',
    rule: 'connection.open',
    steps: [MINE, offends((w) => [accept(w.mine())]), CLOSED_BY_TESTER],
  },
  ...(['mine', 'theirs'] as const).flatMap((whose) =>
    (
      [
        ['a Close', 'connection.close', close],
        ['a Call', 'session.message', (id) => call(id, 1)],
        ['a Response', 'session.message', (id) => response(id, 1)],
        ['an Item', 'session.message', (id) => item(id, 1)],
      ] as [string, string, (id: number) => Message][]
    ).map(
      ([what, rule, say]): CaseSpec => ({
        name: `${what} on an id that ${whose === 'mine' ? 'the tester' : 'the peer'} never opened`,
        row: '9a.06',
        rule,
        steps: [offends((w) => [say(w[whose](9))])],
      }),
    ),
  ),
];

/** The peer leaves the tester's first open undecided. */
const UNDECIDED: readonly Step[] = [{ act: 'defer' }, { tell: (w) => [open(w.mine())] }];

const undecided: readonly CaseSpec[] = [
  ...(
    [
      ['a Call', call],
      ['an Item', item],
    ] as [string, (on: number, id: number) => Message][]
  ).map(
    ([what, say]): CaseSpec => ({
      name: `${what} on an id that the peer has not decided on`,
      row: '9a.07',
      rule: 'session.message',
      needs: ['defer'],
      steps: [...UNDECIDED, offends((w) => [say(w.mine(), 1)])],
    }),
  ),
  {
    name: 'an Open on an id that the peer has not decided on',
    row: '9a.03',
    rule: 'connection.open',
    needs: ['defer'],
    steps: [...UNDECIDED, offends((w) => [open(w.mine())], { hear: (w) => [heard('ConnectionReject', w.mine())] })],
  },
  {
    name: 'a Close on an id that the peer has not decided on is not answered, and its id may be opened again',
    row: '5.12',
    rule: 'connection.close',
    needs: ['defer'],
    steps: [...UNDECIDED, CLOSED_BY_TESTER, { tell: (w) => [open(w.mine())] }],
  },
];

export const connectionRows: readonly CaseSpec[] = [...opens, ...notices, ...closes, ...strays, ...undecided];
