import { Kinds } from './kinds.js';
import { Testbed } from './testbed.js';

// Two services and something else, for what `--service` says of them.
export { Kinds, Testbed };
export const nothing = 1;
