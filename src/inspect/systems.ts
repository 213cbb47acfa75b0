import type { AnyActorRef, InspectionEvent, Snapshot } from 'xstate';
import { parentOf } from '../compile/internals.js';
import { observationOf, observationTo } from '../session/observation.js';
import { runtimeOf } from './part.js';

/** An actor, or an object that is shown as one. */
export type Ref = AnyActorRef & { readonly logic?: { readonly config?: unknown } };

/** The number of roots at which ended ones are first removed. */
const FEW = 16;

/**
 * The actor systems that an inspector is attached to. They are observed only while a server listens. Otherwise no observer
 * of ours is in them, and they can be garbage-collected.
 */
export class Systems {
  readonly #hear: (event: InspectionEvent) => void;
  /** The systems that are observed already: each event must be reported only once. */
  readonly #known = new WeakSet<object>();
  readonly #roots = new Set<WeakRef<Ref>>();
  /** The number of roots at which ended ones are removed next. */
  #room = FEW;
  #isOpen = false;
  /** The functions that end the observation of a system, by its root. */
  readonly #releases = new WeakMap<Ref, () => void>();

  constructor(hear: (event: InspectionEvent) => void) {
    this.#hear = hear;
  }

  /** Excludes a system that already reports to us through XState's option `inspect`. */
  exclude(system: object): void {
    this.#known.add(system);
  }

  /** Adds a system by its root. Returns false if it is already known. */
  add(root: Ref): boolean {
    const { system } = root;
    if (this.#known.has(system)) return false;
    this.#known.add(system);
    observationTo(system);
    if (this.#roots.size >= this.#room) this.#sweep();
    this.#roots.add(new WeakRef(root));
    if (this.#isOpen) this.#observe(root);
    return true;
  }

  /** Starts to observe the systems, and returns the running actors: parents before their children. */
  open(): Ref[] {
    this.#isOpen = true;
    this.#sweep();
    const running: Ref[] = [];
    for (const root of this.#living()) {
      this.#observe(root);
      running.push(...actorsOf(root));
    }
    return running;
  }

  close(): void {
    this.#isOpen = false;
    for (const root of this.#living()) this.#releases.get(root)?.();
  }

  #observe(root: Ref): void {
    const observation = observationTo(root.system);
    const subscription = root.system.inspect(this.#hear);
    observation.listeners++;
    this.#releases.set(root, () => {
      subscription.unsubscribe();
      observation.listeners--;
      this.#releases.delete(root);
    });
  }

  *#living(): Iterable<Ref> {
    for (const reference of this.#roots) {
      const root = reference.deref();
      if (root !== undefined) yield root;
    }
  }

  #sweep(): void {
    for (const reference of this.#roots) {
      const root = reference.deref();
      if (root === undefined || hasEnded(root)) this.#roots.delete(reference);
    }
    this.#room = Math.max(FEW, 2 * this.#roots.size);
  }
}

interface Looks {
  readonly status: string;
  readonly children?: { readonly [id: string]: Ref | undefined };
}

/** Returns an actor's snapshot. While an actor is being created it has none, and XState may throw when asked for it. */
function looksOf(ref: Ref): Looks | undefined {
  try {
    return ref.getSnapshot() as Looks | undefined;
  } catch {
    return undefined;
  }
}

function hasEnded(ref: Ref): boolean {
  return (looksOf(ref)?.status ?? 'active') !== 'active';
}

/** Returns the running actors of a root's system, as far as references from the root reach them. */
export function actorsOf(root: Ref): Ref[] {
  const actors: Ref[] = [];
  const visit = (ref: Ref): void => {
    const looks = looksOf(ref);
    if (looks?.status !== 'active') return;
    actors.push(ref);
    for (const child of childrenOf(looks)) if (child !== undefined && parentOf(child) === ref) visit(child);
  };
  visit(root);
  for (const { stepper, by } of observationOf(root.system)?.steppers ?? []) actors.push(by.actorOf(stepper) as Ref);
  return actors;
}

/** Returns the children of an actor. A machine has them in its snapshot, except the connections of a session. */
function childrenOf(looks: Looks): readonly (Ref | undefined)[] {
  const connections = runtimeOf(looks as unknown as Snapshot<unknown>)?.actors.all() ?? [];
  return [...Object.values(looks.children ?? {}), ...connections];
}
