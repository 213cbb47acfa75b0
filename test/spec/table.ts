import { handshake } from './handshake.js';
import type { Row } from './vocabulary.js';

export type * from './vocabulary.js';
export { preamble } from './outcome.js';

/** The specification's tables, row for row, in its order. */
export const table: readonly Row[] = [...handshake];
