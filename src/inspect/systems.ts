import type { AnyActorRef, InspectionEvent } from 'xstate';
import { parentOf } from '../compile/internals.js';
import { attachmentOf, attachmentTo } from '../session/attachment.js';
import { registryLogic } from '../session/connection-actors.js';

/** An actor, or what is shown as one. */
export type Ref = AnyActorRef & { readonly logic?: { readonly config?: unknown } };

/** So many roots are kept before those that have ended are looked for. */
const FEW = 16;

/**
 * The actor systems that an inspector is attached to. They are observed while somebody listens; while nobody does, nothing
 * of us is in them, and they are not kept from being forgotten.
 */
export class Systems {
  readonly #hear: (event: InspectionEvent) => void;
  /** Each is to tell everything once. */
  readonly #known = new WeakSet<object>();
  readonly #roots = new Set<WeakRef<Ref>>();
  /** How many roots there may be until those that have ended are looked for. */
  #room = FEW;
  #isOpen = false;
  /** By the root, what ends the observation of its system. */
  readonly #releases = new WeakMap<Ref, () => void>();

  constructor(hear: (event: InspectionEvent) => void) {
    this.#hear = hear;
  }

  /** A system that XState itself was told to show us needs nothing from here. */
  exclude(system: object): void {
    this.#known.add(system);
  }

  /** Adds a system by its root; false where that is known already. */
  add(root: Ref): boolean {
    const { system } = root;
    if (this.#known.has(system)) return false;
    this.#known.add(system);
    attachmentTo(system);
    if (this.#roots.size >= this.#room) this.#sweep();
    this.#roots.add(new WeakRef(root));
    if (this.#isOpen) this.#observe(root);
    return true;
  }

  /** Observes them from now on, and returns the actors that run: parents come before their children. */
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
    const attachment = attachmentTo(root.system);
    const subscription = root.system.inspect(this.#hear);
    attachment.listeners++;
    this.#releases.set(root, () => {
      subscription.unsubscribe();
      attachment.listeners--;
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
  readonly connections?: ReadonlyMap<number, Ref>;
}

/** An actor that is only being made has no snapshot yet, and XState may throw where it is asked for one. */
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

/** The actors that run in a root's system, as far as anything leads to them. */
export function actorsOf(root: Ref): Ref[] {
  const actors: Ref[] = [];
  const visit = (ref: Ref): void => {
    const looks = looksOf(ref);
    if (looks?.status !== 'active') return;
    actors.push(ref);
    for (const child of childrenOf(ref, looks)) if (child !== undefined && parentOf(child) === ref) visit(child);
  };
  visit(root);
  for (const { stepper, by } of attachmentOf(root.system)?.steppers ?? []) actors.push(by.actorOf(stepper) as Ref);
  return actors;
}

/** A machine's are in its snapshot; any other logic keeps them where it likes, and of ours we know where. */
function childrenOf(ref: Ref, { children = {}, connections }: Looks): Iterable<Ref | undefined> {
  return (ref.logic as unknown) === registryLogic ? (connections?.values() ?? []) : Object.values(children);
}
