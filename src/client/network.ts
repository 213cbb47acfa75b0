/** What a browser has, and Node has not, as far as it is needed here. */
interface Scope {
  addEventListener?(type: string, listener: (event: { readonly persisted?: boolean }) => void): void;
  removeEventListener?(type: string, listener: (event: { readonly persisted?: boolean }) => void): void;
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: () => void): void;
    removeEventListener(type: string, listener: () => void): void;
  };
}

/** The network as an environment tells of it. */
export type NetworkEvent = 'network.online' | 'network.offline' | 'network.suspect';

/** A page that was hidden, or a timer that is late, for so many milliseconds: the device may have slept. */
const ASLEEP = 30_000;
/** Milliseconds in which a device that wakes is noticed, if nothing else tells of it. */
const TICK = 1_000;

/**
 * Tells of the network, until the returned function is called: `online` and `offline` of a browser, a page that is shown
 * again or was frozen, and a device that has slept. It keeps no process alive.
 */
export function watchNetwork(
  tell: (event: NetworkEvent) => void,
  now: () => number,
  scope: Scope = globalThis as Scope,
) {
  const online = (): void => tell('network.online');
  const offline = (): void => tell('network.offline');
  const suspect = (): void => tell('network.suspect');
  // A page that comes back from the browser's cache. The first `pageshow` of a page is not persisted.
  const restored = ({ persisted }: { readonly persisted?: boolean }): void => {
    if (persisted === true) suspect();
  };
  let hiddenAt: number | undefined;
  const seen = (): void => {
    if (scope.document?.visibilityState === 'hidden') {
      hiddenAt ??= now();
    } else {
      if (hiddenAt !== undefined && now() - hiddenAt >= ASLEEP) suspect();
      hiddenAt = undefined;
    }
  };
  let last = now();
  const tick = (): void => {
    const late = now() - last - TICK;
    last = now();
    if (late >= ASLEEP) suspect();
  };
  const timer = setInterval(tick, TICK);
  (timer as { unref?(): void }).unref?.();
  scope.addEventListener?.('online', online);
  scope.addEventListener?.('offline', offline);
  scope.addEventListener?.('pageshow', restored);
  scope.document?.addEventListener('visibilitychange', seen);
  // A page that the browser had frozen, as it does with those in the background.
  scope.document?.addEventListener('resume', suspect);
  return (): void => {
    clearInterval(timer);
    scope.removeEventListener?.('online', online);
    scope.removeEventListener?.('offline', offline);
    scope.removeEventListener?.('pageshow', restored);
    scope.document?.removeEventListener('visibilitychange', seen);
    scope.document?.removeEventListener('resume', suspect);
  };
}
