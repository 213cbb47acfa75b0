/** Node's function, if it exists: its callback runs after the event loop has read its sockets. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** Calls back after one turn of the event loop, when it has read everything that had arrived. */
export function afterTurn(callback: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(callback);
  else setTimeout(callback, 0);
}

/** In a browser: a port that sends messages to ourselves, and the tasks to run when they arrive. */
let port: MessagePort | undefined;
const tasks: (() => void)[] = [];

/**
 * Calls back in a task of its own, behind tasks that wait already. A browser delays a timer that another timer has set by 4
 * ms. A message between two ports comes without this delay.
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
