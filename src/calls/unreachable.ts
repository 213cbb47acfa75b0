/** An end of ours of a channel. */
interface Droppable {
  /** Nobody can reach it any more. */
  drop(): void;
}

const registry = new FinalizationRegistry<Droppable>((end) => end.drop());

/** Drops `end` once `handle` is collected: by then nobody can use it. Whoever is over first says so by {@link unwatch}. */
// r[rpc.channel.lifecycle]
export function watch(handle: object, end: Droppable): void {
  registry.register(handle, end, end);
}

/** What is over needs no look any more. Without this, each channel would be kept until the garbage collector comes by twice. */
export function unwatch(end: Droppable): void {
  registry.unregister(end);
}
