/** Something that has to be dropped once a handle was garbage-collected. */
interface Droppable {
  drop(): void;
}

/** An end of a channel that is ours. */
interface ChannelEnd extends Droppable {
  /** Set while the application can still use the end. */
  watched: Watched | undefined;
}

/** The object that a registry holds for a handle, as long as the handle lives. */
export class Watched {
  target: Droppable;

  constructor(target: Droppable) {
    this.target = target;
  }
}

const registry = new FinalizationRegistry<Watched>(({ target }) => target.drop());

/**
 * Drops `end` once `handle` is garbage-collected: the application can't use the end any more then. An end that is over
 * is unwatched.
 */
// r[rpc.channel.lifecycle]
export function watch(handle: object, end: ChannelEnd): void {
  end.watched = new Watched(end);
  registry.register(handle, end.watched, end);
}

/**
 * Stops watching an end that is over. Without this, each channel would be kept until the garbage collector has run
 * twice.
 */
export function unwatch(end: ChannelEnd): void {
  if (end.watched === undefined) return;
  registry.unregister(end);
  end.watched = undefined;
}

/**
 * Drops only `rest` when the handle of `end` is garbage-collected: `end` is over, and `rest` can still be read. The
 * registry holds on to what it drops. So `rest` must not lead to the session, whose callbacks may lead to the handle.
 */
export function watchRest(end: ChannelEnd, rest: Droppable): void {
  if (end.watched !== undefined) end.watched.target = rest;
}

/** Drops `rest` once `handle` is garbage-collected. As above, `rest` must not lead to the session. */
export function unreadable(handle: object, rest: Droppable): void {
  registry.register(handle, new Watched(rest));
}
