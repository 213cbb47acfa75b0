import { isDeepStrictEqual } from 'node:util';
import type { Role } from '../../index.js';
import { formatMetadata } from '../metadata.js';
import { FAREWELL, ITEMS, REJECTION, receiptFor, WORDS } from './script.js';
import { CREDIT } from './talk.js';
import type { Facts } from './told.js';

/** How a process of the demo ended. */
export interface Ending {
  /** Absent where it never got that far. */
  readonly facts?: Facts;
  /** What went wrong, in its own words. */
  readonly failure?: string;
  /** Its exit status, or the signal that ended it. */
  readonly exit: number | string;
}

/** One thing that was to be so, and whether it was. */
export interface Verdict {
  readonly name: string;
  readonly holds: boolean;
  /** What was to be so; or what was not. */
  readonly text: string;
}

interface Check {
  readonly name: string;
  readonly text: string;
  readonly of: (facts: Facts) => unknown;
  readonly expected: Readonly<Record<Role, unknown>>;
}

const ROLES: readonly Role[] = ['initiator', 'acceptor'];

/** What either side receives: the words on the other's desk and through the proxy, and one Call with a channel. */
const CALLS = 2 * WORDS.length + 1;
const CHANNEL = { Item: ITEMS.length, GrantCredit: Math.ceil(ITEMS.length / CREDIT), Close: 1 };

function both(expected: unknown): Record<Role, unknown> {
  return { initiator: expected, acceptor: expected };
}

const CHECKS: readonly Check[] = [
  {
    name: 'handshake',
    text: 'each learnt the other’s name and token; odd and even parity',
    of: ({ peerName, isTokenRight, parity }) => [peerName, isTokenRight, parity],
    expected: { initiator: ['acceptor', true, 'odd'], acceptor: ['initiator', true, 'even'] },
  },
  {
    name: 'keepalive',
    text: 'every Ping had its Pong',
    // At the end one may be under way.
    of: ({ pings, pongs }) => pongs >= 1 && pings - pongs <= 1,
    expected: both(true),
  },
  {
    name: 'connections',
    text: 'five opened, from both sides, each through the states that it should',
    of: ({ connections }) => connections,
    expected: { initiator: pathsOf('initiator'), acceptor: pathsOf('acceptor') },
  },
  {
    name: 'rejection',
    text: `came back with its metadata: ${formatMetadata(REJECTION)}`,
    of: ({ rejection }) => rejection,
    expected: { initiator: formatMetadata(REJECTION), acceptor: undefined },
  },
  {
    name: 'requests',
    text: 'every Response returned what its Call had sent, both ways',
    of: ({ echoes }) => echoes,
    expected: both(WORDS),
  },
  {
    name: 'channels',
    text: `${ITEMS.length} items each way, in order, none beyond its credit`,
    of: ({ items, receipt, overruns }) => [items, receipt, overruns],
    expected: both([ITEMS, receiptFor(ITEMS), 0]),
  },
  {
    name: 'proxy',
    text: 'replies came back through it; the NO_PROPAGATE entry did not pass',
    of: ({ proxied, behindProxy }) => [proxied, behindProxy],
    expected: {
      initiator: [WORDS.map((word) => word.toUpperCase()), WORDS.map(() => '{trace: "a1"}')],
      acceptor: [undefined, undefined],
    },
  },
  {
    name: 'messages',
    text: `${2 * CALLS} Calls, ${2 * CALLS} Responses, ${2 * CHANNEL.Item} Items, ${2 * CHANNEL.GrantCredit} GrantCredits: none lost, none twice`,
    of: ({ received }) => received,
    expected: both({ Call: CALLS, Response: CALLS, ...CHANNEL }),
  },
  {
    name: 'closes',
    text: 'from both sides, each with its metadata',
    of: ({ farewell }) => farewell,
    expected: { initiator: formatMetadata(FAREWELL.acceptor), acceptor: formatMetadata(FAREWELL.initiator) },
  },
  {
    name: 'end',
    text: 'released by the initiator with its last connection, seen by the acceptor',
    of: ({ closed }) => closed,
    expected: { initiator: 'released, by local', acceptor: 'peer, by peer' },
  },
];

/** Compares what the processes say with what was to be. */
export function judge(endings: Readonly<Record<Role, Ending>>, isSecretKept: boolean): Verdict[] {
  const verdicts = CHECKS.map(({ name, text, of, expected }): Verdict => {
    const wrong = ROLES.flatMap((role) => {
      const { facts, failure = 'it has told nothing' } = endings[role];
      if (facts === undefined) return [`${role}: ${failure}`];
      const actual = of(facts);
      return isDeepStrictEqual(actual, expected[role])
        ? []
        : [`${role}: expected ${JSON.stringify(expected[role])}, got ${JSON.stringify(actual)}`];
    });
    return { name, holds: wrong.length === 0, text: wrong.join('; ') || text };
  });
  const left = ROLES.filter((role) => endings[role].exit !== 0).map((role) => `${role}: exit ${endings[role].exit}`);
  return [
    ...verdicts,
    {
      name: 'secrecy',
      holds: isSecretKept,
      text: isSecretKept
        ? 'the SENSITIVE tokens are in nothing that was told or printed'
        : 'a SENSITIVE value was told',
    },
    {
      name: 'processes',
      holds: left.length === 0,
      text: left.join('; ') || 'both ended by themselves: no handle was left open',
    },
  ];
}

/** The states of each connection, by who opened it. The root is stopped with the session. */
function pathsOf(role: Role): Record<string, string> {
  const [ours, theirs] = ['opening', 'deciding'].map((state) => `${state} → active → closed`) as [string, string];
  const [odd, even] = role === 'initiator' ? [ours, theirs] : [theirs, ours];
  return {
    'connection 0': 'active → stopped',
    'connection 1': odd,
    'connection 2': even,
    'connection 3': role === 'initiator' ? 'opening → rejected' : 'deciding → rejected',
    'connection 4': even,
    'connection 5': odd,
  };
}
