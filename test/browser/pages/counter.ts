import { method, service, type Tx } from '../../../src/index.js';

/** The service of client.browser.ts. */
export const Counter = service('Counter', { count: method<[from: number, to: Tx<number>], void>() });
