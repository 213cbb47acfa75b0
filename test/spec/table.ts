import { handshake } from './handshake.js';
import { keepalive } from './keepalive.js';
import { inbound } from './run-loop-inbound.js';
import { local } from './run-loop-local.js';
import { runLoop } from './run-loop.js';
import type { Row } from './vocabulary.js';

export type * from './vocabulary.js';
export { preamble } from './outcome.js';

/** The specification's tables, row for row, in its order. */
export const table: readonly Row[] = [...handshake, ...runLoop, ...inbound, ...local, ...keepalive];
