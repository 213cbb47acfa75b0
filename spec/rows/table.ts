import { bugs } from './bugs.js';
import { calls } from './calls.js';
import { channels } from './channels.js';
import { handshake } from './handshake.js';
import { inboundAnswers } from './inbound-answer.js';
import { inboundData } from './inbound-data.js';
import { inboundOpens } from './inbound-open.js';
import { keepalive } from './keepalive.js';
import { localCloses } from './local-close.js';
import { localEnds } from './local-end.js';
import { localOpens } from './local-open.js';
import { mirrored } from './mirror.js';
import { modes, senders } from './modes.js';
import { modesHandshake } from './modes-handshake.js';
import { limits } from './modes-limits.js';
import { notices } from './notices.js';
import { runLoop } from './run-loop.js';
import type { Case, Mode, Row } from './vocabulary.js';

export { mirrored } from './mirror.js';
export { preamble } from './outcome.js';
export type * from './vocabulary.js';

/**
 * The specification's tables, row for row. The paragraphs without numbers stand before the numbered rows of their
 * section.
 */
export const table: readonly Row[] = [
  ...handshake,
  ...runLoop,
  ...inboundOpens,
  ...inboundAnswers,
  ...inboundData,
  ...localOpens,
  ...localCloses,
  ...localEnds,
  ...notices,
  ...keepalive,
  ...modesHandshake,
  ...modes,
  limits,
  senders,
  ...calls,
  ...channels,
  ...bugs,
];

/** One run of one case. */
export interface Scenario {
  readonly row: Row;
  readonly case: Case;
  readonly mode: Mode;
}

/** All there is to run: every case in each of its modes, and once more mirrored where it has a mirror. */
export function scenarios(): readonly Scenario[] {
  return table.flatMap((row) =>
    row.cases
      .flatMap((scenario) => [scenario, mirrored(scenario)])
      .flatMap((scenario) => scenario?.modes.map((mode) => ({ row, case: scenario, mode })) ?? []),
  );
}
