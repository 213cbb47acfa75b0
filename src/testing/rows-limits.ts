import type { Metadata } from '../wire/metadata.js';
import { acceptOf, call, close, heard, open } from './phrases.js';
import { ALIVE, CLOSED_BY_TESTER, handshakeWith, MINE } from './scenes.js';
import type { CaseSpec, Step, TableInput, World } from './vocabulary.js';

// 9a.12 and 5.03: undecodable frames, and messages over a limit of the peer, at the limit and one past it.

const CITED = { row: '9a.12', rule: 'session.message' } as const;

/** The tester sends a message that ends any session. A tolerant peer ends it without a ProtocolError. */
function fatal(tell: NonNullable<Step['tell']>): Step {
  return { tell, tolerated: { ends: true } };
}

/** Metadata with a number of entries, or with one entry of a number of bytes of key and value. */
const METADATA: Readonly<Record<'metadataEntries' | 'metadataBytes', (size: number) => Metadata>> = {
  metadataEntries: (size) => Array.from({ length: size }, () => ({ key: '', value: 0n, flags: 0n })),
  metadataBytes: (size) => [{ key: 'k', value: new Uint8Array(size - 1), flags: 0n }],
};

export function limitCases({ role, malformed, frameOf, limits }: TableInput): readonly CaseSpec[] {
  const before = handshakeWith(role);
  const largest = Number.MAX_SAFE_INTEGER;
  return [
    ...malformed.map(({ name, bytes }): CaseSpec => {
      return { ...CITED, name: `session: ${name}`, steps: [...before, fatal(() => [bytes])] };
    }),
    {
      ...CITED,
      name: `session: the largest request id, ${largest}, and the one before it are taken`,
      steps: [...before, { tell: () => [call(0, largest), call(0, largest - 1)] }, ALIVE],
    },
    ...(['frame', 'metadataEntries', 'metadataBytes'] as const).flatMap((limit): CaseSpec[] => {
      const size = limits[limit] ?? 0;
      const tell = (extra: number) => (world: World) =>
        limit === 'frame'
          ? [frameOf(size + extra, world.mine())]
          : [close(world.mine(), METADATA[limit](size + extra))];
      const name = `session: ${limit === 'frame' ? 'a frame' : limit === 'metadataBytes' ? 'bytes of metadata' : 'metadata entries'}`;
      const given = { ...CITED, needs: [limit] } as const;
      return [
        { ...given, name: `${name} at the limit`, steps: [...before, MINE, { tell: tell(0) }, ALIVE] },
        { ...given, name: `${name} past the limit`, steps: [...before, MINE, fatal(tell(1))] },
      ];
    }),
    ...crowds(limits).map(
      (row): CaseSpec => ({ ...row, name: `session: ${row.name}`, steps: [...before, ...row.steps] }),
    ),
  ];
}

/**
 * 5.03: as many opens as the peer accepts, and one more, which it rejects. After one of them is closed, it accepts another.
 */
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
