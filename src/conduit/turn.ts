/** Node's, where there is one: it comes after the event loop has read its sockets. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** Calls back when the event loop has been round once, and has taken what had arrived. */
export function afterTurn(callback: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(callback);
  else setTimeout(callback, 0);
}
