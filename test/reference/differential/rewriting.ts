import { type Live, Model } from './model.js';
import type { Script, Step } from './script.js';
import type { Seen } from './seen.js';

/**
 * What is played on the reference in the place of a step, so that it comes to what the step comes to with us. What is said
 * of a group's events holds for what the reference saw of the rewritten steps: all else must be equal.
 */
export interface Rewriting {
  /** The step itself; null leaves it out. Absent: as it is. */
  readonly instead?: Step | null;
  readonly before?: readonly Step[];
  readonly after?: readonly Step[];
  readonly adjust?: Adjust;
}

/** Makes of what the reference saw what we have to see. What it is about and does not find, it leaves: that is a difference. */
export type Adjust = (seen: Seen) => unknown;

/** A difference that is wanted. */
export interface Difference {
  /** Its row in the protocol's tables. */
  readonly row: string;
  /** Where the reference does what it does. */
  readonly line: string;
  /** What stands there. */
  readonly code: string;
  readonly reference: string;
  readonly ours: string;
  /** What it changes about a step; undefined for a step that it is not about. The model is as it was before the step. */
  readonly rewrite?: (step: Step, model: Model) => Rewriting | undefined;
  /** It is about frames that wait behind a full inbox: they reach the reference only when there is room. */
  readonly isOfFullInbox?: true;
  /** What it changes about the end of a connection. */
  readonly ended?: (live: Live) => Adjust | undefined;
  /** What it changes when the peer is told that nobody has taken a channel of its call. */
  readonly declined?: (live: Live, channel: number, by: 'Reset' | 'Close') => Adjust | undefined;
  /** A script that shows it: played as it is, the reference does something else than we do. */
  readonly example: Script;
}

/** A group of steps as the reference gets it, and what becomes of what it saw. */
export interface Rewritten {
  readonly steps: readonly Step[];
  readonly excused: readonly Difference[];
  readonly adjustments: readonly Adjust[];
  /** Whether the root's last caller is gone, be it with one of these steps. */
  readonly isRootReleased: boolean;
}

/**
 * Rewrites the groups of a script. A frame that waits behind a full inbox reaches the reference only when there is room, since
 * until then the reference would take nothing else either (9b.06); where that makes no difference, it gets every frame in its place.
 */
export function rewritten(
  script: Script,
  groups: readonly (readonly Step[])[],
  table: readonly Difference[],
): Rewritten[] {
  const ofFullInbox = table.find(({ isOfFullInbox }) => isOfFullInbox);
  const deferring = new Rewriter(script, table, ofFullInbox);
  const deferred = groups.map((group) => deferring.rewrite(group));
  if (deferring.isNeeded && ofFullInbox !== undefined) return deferred;
  const inPlace = new Rewriter(script, table, undefined);
  return groups.map((group) => inPlace.rewrite(group));
}

class Rewriter {
  readonly #model: Model;
  readonly #table: readonly Difference[];
  /** The row by which frames are held back; absent where they are not. */
  readonly #ofFullInbox: Difference | undefined;
  /** Whether something was asked of a session whose inbox was full, or a frame that waited there was rewritten. */
  isNeeded = false;
  #steps: Step[] = [];
  #excused: Difference[] = [];
  #adjustments: Adjust[] = [];

  constructor(script: Script, table: readonly Difference[], ofFullInbox: Difference | undefined) {
    this.#model = new Model(script);
    this.#table = table;
    this.#ofFullInbox = ofFullInbox;
    this.#model.onEnded = (live) => this.#heed((difference) => difference.ended?.(live));
    this.#model.onDeclined = (live, id, by) => this.#heed((difference) => difference.declined?.(live, id, by));
  }

  #heed(adjusted: (difference: Difference) => Adjust | undefined): void {
    for (const difference of this.#table) {
      const adjust = adjusted(difference);
      if (adjust === undefined) continue;
      this.#excused.push(difference);
      this.#adjustments.push(adjust);
    }
  }

  rewrite(group: readonly Step[]): Rewritten {
    const model = this.#model;
    this.#steps = [];
    this.#excused = [];
    this.#adjustments = [];
    model.hasJustEnded = false;
    model.justOpened.clear();
    for (const step of group) {
      if (model.isBlocked && step.do !== 'frame' && step.do !== 'hold' && step.do !== 'read') {
        this.isNeeded = true;
        if (this.#ofFullInbox !== undefined) this.#excused.push(this.#ofFullInbox);
      }
      let isLate = false;
      model.take(step, (taken) => {
        // Where the model says that it waited, `taken` is not the step itself.
        isLate = taken !== step;
        if (this.#ofFullInbox !== undefined || !isLate) this.#take(taken, isLate);
      });
      if (this.#ofFullInbox === undefined && step.do === 'frame' && model.blocked.includes(step))
        this.#steps.push(step);
    }
    const steps = this.#steps.map((step, index) => paced(step, this.#steps[index + 1]));
    return { steps, excused: this.#excused, adjustments: this.#adjustments, isRootReleased: model.isRootReleased };
  }

  #take(step: Step, isLate: boolean): void {
    let own: Step | null = step;
    const before: Step[] = [];
    const after: Step[] = [];
    for (const difference of this.#table) {
      const rewriting: Rewriting | undefined = own === null ? undefined : difference.rewrite?.(own, this.#model);
      if (rewriting === undefined) continue;
      if (isLate) this.isNeeded = true;
      this.#excused.push(difference);
      before.push(...(rewriting.before ?? []));
      after.unshift(...(rewriting.after ?? []));
      if (rewriting.instead !== undefined) own = rewriting.instead;
      if (rewriting.adjust !== undefined) this.#adjustments.push(rewriting.adjust);
    }
    this.#steps.push(...before, ...(own === null ? [] : [own]), ...after);
  }
}

/** Frames that came at once follow each other at once; whether a frame or a request of ours is taken first, is left to chance. */
function paced(step: Step, next: Step | undefined): Step {
  const { more, ...alone } = step;
  const isStream = (one: Step) => one.do === 'frame' || one.do === 'end';
  const isLed = more === true && next !== undefined && isStream(step) && isStream(next);
  return isLed ? { ...alone, more: true } : alone;
}
