import { Kinds } from './kinds.js';
import { Testbed } from './testbed.js';

// Two services and another value, for the messages of `--service` about them.
export { Kinds, Testbed };
export const nothing = 1;
