/** A promise, with the functions that settle it. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => {};
  let reject: Deferred<T>['reject'] = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // The application may never await the promise. An empty handler prevents an unhandled rejection.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** True if a callback of the application returned a promise. */
export function isThenable<T>(value: T | PromiseLike<T> | undefined): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === 'function';
}

/**
 * `Connection.send` and `Tx.send` return this shared promise when the link took the message at once. Callers that get it
 * need no handlers.
 */
export const SENT: Promise<void> = Promise.resolve();

/** Returns a rejected promise that never becomes an unhandled rejection. */
export function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
