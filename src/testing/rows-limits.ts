import type { Metadata } from '../wire/metadata.js';
import { call, close } from './phrases.js';
import { ALIVE, handshakeWith, MINE } from './scenes.js';
import type { CaseSpec, Limit, Step, TableInput, World } from './vocabulary.js';

// 9a.12: what does not decode, and what is over a limit that the peer is said to have, at the limit and one past it.

const CITED = { row: '9a.12', rule: 'session.message' } as const;

/** The tester says what ends any session; tolerated, it does so without a ProtocolError. */
function fatal(tell: NonNullable<Step['tell']>): Step {
  return { tell, tolerated: { ends: true } };
}

/** Metadata of so many entries, or of one entry with so many bytes of key and value. */
const METADATA: Readonly<Record<Exclude<Limit, 'frame'>, (size: number) => Metadata>> = {
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
  ];
}
