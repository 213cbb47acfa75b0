import { method, type Rx, service } from '../../src/index.js';

/** The service of port-worker.ts. */
export const Echo = service('Echo', {
  echo: method<[text: string], string>(),
  /** Counts the bytes of a stream. */
  size: method<[pieces: Rx<Uint8Array>], number>(),
  never: method<[], void>(),
  exit: method<[], void>(),
  /** Throws an error outside of any handler. */
  fail: method<[], void>(),
});
