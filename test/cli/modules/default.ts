import { Kinds } from './kinds.js';

// Two services, of which the default one is meant.
export { Testbed } from './testbed.js';
// biome-ignore lint/style/noDefaultExport: as a generated module has it.
export default Kinds;
