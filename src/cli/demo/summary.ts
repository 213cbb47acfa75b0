import { isDeepStrictEqual } from 'node:util';
import type { Role } from '../../index.js';
import { formatMetadata } from '../metadata.js';
import type { Facts } from './demo-event.js';
import { FAREWELL, ITEMS, REJECTION, receiptFor, WORDS } from './script.js';
import { STREAMED } from './service.js';
import { CREDIT } from './talk.js';

/** The end of a process of the demo. */
export interface Ending {
  /** Absent if the process ended before it reported facts. */
  readonly facts?: Facts;
  /** The error, in the words of the process. */
  readonly failure?: string;
  /** Its exit status, or the signal that ended it. */
  readonly exit: number | string;
}

/** One expectation, and whether it holds. */
export interface Verdict {
  readonly name: string;
  readonly holds: boolean;
  /** The expectation, or a sentence on how it fails. */
  readonly text: string;
}

interface Check {
  readonly name: string;
  readonly text: string;
  readonly of: (facts: Facts) => unknown;
  readonly expected: Readonly<Record<Role, unknown>>;
}

const ROLES: readonly Role[] = ['initiator', 'acceptor'];

/**
 * The number of Calls that each side receives: the words on the other's desk and through the proxy, and one Call with a
 * channel.
 */
const CALLS = 2 * WORDS.length + 1;
/** The number of Calls to the typed service: a plain one, one that is cancelled, and one with a stream. */
const SERVICE_CALLS = 3;
/** The least number of grants for its stream: 16 items need none, and each grant allows 8 more. More grants may come. */
const SERVICE_GRANTS = (STREAMED - 16) / 8;
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
    // At the end the answer to one Ping may be under way.
    of: ({ pings, pongs }) => pongs >= 1 && pings - pongs <= 1,
    expected: both(true),
  },
  {
    name: 'connections',
    text: 'six opened, from both sides, each through the states that it should',
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
    name: 'calls',
    text: 'the typed one returned its value; the cancelled one ended on both sides',
    of: ({ called, stopped }) => [called?.echoed, called?.cancelled, stopped],
    expected: {
      initiator: [WORDS, 'cancelled', undefined],
      acceptor: [undefined, undefined, ['slow: cancelled']],
    },
  },
  {
    name: 'stream',
    text: `${STREAMED} numbers, in order, on a channel that began with a credit of 16`,
    of: ({ called }) => called?.streamed,
    expected: { initiator: Array.from({ length: STREAMED }, (_, index) => index + 1), acceptor: undefined },
  },
  {
    name: 'messages',
    text: `${2 * CALLS + SERVICE_CALLS} Calls, as many Responses, ${2 * CHANNEL.Item + STREAMED} Items, one Cancel: none lost, none twice`,
    of: ({ received: { GrantCredit = 0, ...others } }) => ({
      ...others,
      GrantCredit: Math.min(GrantCredit, CHANNEL.GrantCredit + SERVICE_GRANTS),
    }),
    expected: {
      initiator: {
        ...CHANNEL,
        Call: CALLS,
        Response: CALLS + SERVICE_CALLS,
        Item: CHANNEL.Item + STREAMED,
        Close: CHANNEL.Close + 1,
      },
      acceptor: {
        ...CHANNEL,
        Call: CALLS + SERVICE_CALLS,
        Response: CALLS,
        Cancel: 1,
        GrantCredit: CHANNEL.GrantCredit + SERVICE_GRANTS,
      },
    },
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

/** Compares the facts of the processes with the expectations. */
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

/** Returns the expected states of each connection, by its opener. The root connection is stopped with the session. */
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
    'connection 7': odd,
  };
}
