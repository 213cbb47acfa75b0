/** Node's, where there is one: it comes after the event loop has read its sockets. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** Calls back when the event loop has been round once, and has taken what had arrived. */
export function afterTurn(callback: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(callback);
  else setTimeout(callback, 0);
}

/** Of a browser: a message to ourselves, and what is to be done when it arrives. */
let port: MessagePort | undefined;
const tasks: (() => void)[] = [];

/**
 * Calls back in a task of its own, behind tasks that wait already. A browser lets a timer that a timer has set wait for 4 ms, in
 * which nothing would be done; a message between two ports comes at once.
 */
export function nextTask(callback: () => void): void {
  if (typeof setImmediate === 'function' || typeof MessageChannel !== 'function') {
    afterTurn(callback);
    return;
  }
  if (port === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => tasks.shift()?.();
    // Some runtimes wait for open ports before they exit.
    (port1 as { unref?(): void }).unref?.();
    port = port2;
  }
  tasks.push(callback);
  port.postMessage(undefined);
}
