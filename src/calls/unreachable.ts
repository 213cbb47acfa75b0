/** What has to be done once a handle was collected. */
interface Droppable {
  drop(): void;
}

/** An end of ours of a channel. */
interface ChannelEnd extends Droppable {
  /** Set while the application can still use it. */
  watched: Watched | undefined;
}

/** What a registry holds for a handle, as long as that lives. */
export class Watched {
  target: Droppable;

  constructor(target: Droppable) {
    this.target = target;
  }
}

const registry = new FinalizationRegistry<Watched>(({ target }) => target.drop());

/** Drops `end` once `handle` is collected: by then it can't be used any more. An end that is over is unwatched. */
// r[rpc.channel.lifecycle]
export function watch(handle: object, end: ChannelEnd): void {
  end.watched = new Watched(end);
  registry.register(handle, end.watched, end);
}

/** What is over needs no look any more. Without this, each channel would be kept until the garbage collector comes by twice. */
export function unwatch(end: ChannelEnd): void {
  if (end.watched === undefined) return;
  registry.unregister(end);
  end.watched = undefined;
}

/**
 * `end` is over, and `rest` of it can still be read: that alone is dropped when its handle is collected. The registry holds on to
 * what it drops, so it must not lead to the session, whose callbacks may lead to the handle.
 */
export function watchRest(end: ChannelEnd, rest: Droppable): void {
  if (end.watched !== undefined) end.watched.target = rest;
}

/** Drops `rest` once `handle` is collected. As above, it must not lead to the session. */
export function unreadable(handle: object, rest: Droppable): void {
  registry.register(handle, new Watched(rest));
}
