// A process with an inspector but without a server for it. The process has to exit by itself, and to print nothing.
import { createInspector } from '../../src/inspect/inspect-node.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate } from '../../src/session/default-codec.js';

const [, , url = ''] = process.argv;
const { inspect } = createInspector({ url });
const [left, right] = memoryLinkPair();
const [near, far] = await Promise.all([initiate(left, { inspect }), accept(right, { inspect })]);
near.shutdown();
await Promise.all([near.closed, far.closed]);
process.stdout.write('closed\n');
