import { type Live, Model } from './model.js';
import type { Script, Step } from './script.js';
import type { Seen } from './seen.js';

/**
 * The steps that are played on the reference in place of a step, so that both sessions get the same result. `adjust` changes
 * the events that the reference saw of the group's rewritten steps. All other events must be equal.
 */
export interface Rewriting {
  /** The replacement of the step; null leaves the step out. Absent: the step is played unchanged. */
  readonly instead?: Step | null;
  readonly before?: readonly Step[];
  readonly after?: readonly Step[];
  readonly adjust?: Adjust;
}

/**
 * Changes the events that the reference saw into those that we have to see. An event that is not found is left alone: then
 * the comparison shows a difference.
 */
export type Adjust = (seen: Seen) => unknown;

/** An intended difference between the reference and our session. */
export interface Difference {
  /** Its row in the protocol's tables. */
  readonly row: string;
  /** The place in the reference's sources. */
  readonly line: string;
  /** The code at that place. */
  readonly code: string;
  readonly reference: string;
  readonly ours: string;
  /**
   * Gives the change to a step; undefined for a step that the difference does not concern. The model is as it was before the
   * step.
   */
  readonly rewrite?: (step: Step, model: Model) => Rewriting | undefined;
  /** True for the row about frames that wait behind a full inbox: they reach the reference only when there is room. */
  readonly isOfFullInbox?: true;
  /** Gives the change to the events when a connection ends. */
  readonly ended?: (live: Live) => Adjust | undefined;
  /** Gives the change to the events when the peer is told that no handler has taken a channel of its call. */
  readonly declined?: (live: Live, channel: number, by: 'Reset' | 'Close') => Adjust | undefined;
  /** A script that shows it: played unchanged, it makes the reference behave differently from our session. */
  readonly example: Script;
}

/** A group of steps for the reference, and the changes to the events that it saw. */
export interface Rewritten {
  readonly steps: readonly Step[];
  readonly excused: readonly Difference[];
  readonly adjustments: readonly Adjust[];
  /** True if the root's last caller is gone, before these steps or by one of them. */
  readonly isRootReleased: boolean;
}

/**
 * Rewrites the groups of a script. A frame that waits behind a full inbox reaches the reference only when there is room,
 * since until then the reference would take no other input either (9b.06). Where that makes no difference, each frame stays
 * in its place.
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
  /** The row by which frames are held back; absent if they are not held back. */
  readonly #ofFullInbox: Difference | undefined;
  /** True if something was asked of a session whose inbox was full, or if a frame that waited there was rewritten. */
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
        // If the model says that the frame waited, `taken` is not the step itself.
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

/**
 * Frames that came together also reach the reference together. A frame and a request of ours do not, since the reference
 * would choose their order by chance.
 */
function paced(step: Step, next: Step | undefined): Step {
  const { more, ...alone } = step;
  const isStream = (one: Step) => one.do === 'frame' || one.do === 'end';
  const isLed = more === true && next !== undefined && isStream(step) && isStream(next);
  return isLed ? { ...alone, more: true } : alone;
}
