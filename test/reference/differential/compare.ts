import type { Oracle } from './oracle.js';
import { Player } from './player.js';
import { type Difference, type Rewritten, rewritten } from './rewriting.js';
import { type Event, groupsOf, received, type Script, type Step } from './script.js';
import { Seen } from './seen.js';

/** What two sessions disagree on: a group of steps, by its index, and what each saw of it. The first group is before all steps. */
export interface Disagreement {
  readonly group: number;
  readonly theirs: Seen;
  readonly ours: Seen;
}

/** How two sessions fared with a script. */
export interface Verdict {
  /** Absent where they agree throughout. */
  readonly disagreement: Disagreement | undefined;
  readonly groups: number;
  /** The differences of the table that steps were excused by. */
  readonly excused: readonly Difference[];
  /** Whether the reference did first one thing and then another, and the other is what we do. */
  readonly isByChance: boolean;
}

/** How often the reference is asked before it is sure that it never does what we do: what is ready at once it takes by chance. */
export const TRIES = 20;

/** A script that is about to be played on both. */
export class Match {
  readonly #oracle: Oracle;
  readonly #script: Script;
  readonly #groups: readonly (readonly Step[])[];
  readonly #plans: readonly Rewritten[];
  readonly #asked: Promise<Event[][]>;

  /** The reference begins at once. `seed` decides what it takes first of what is ready. */
  constructor(script: Script, oracle: Oracle, table: readonly Difference[], seed = 0) {
    this.#oracle = oracle;
    this.#script = script;
    this.#groups = groupsOf(script.steps);
    this.#plans = rewritten(script, this.#groups, table);
    this.#asked = this.#ask(seed);
    // It is heard of where it is judged.
    this.#asked.catch(() => {});
  }

  /** Plays it on us, and compares what was seen, group by group. */
  async judge(tries = TRIES): Promise<Verdict> {
    const ours = await new Player(this.#script).play(this.#groups);
    let disagreement = this.#compare(await this.#asked, ours);
    const isAtFirst = disagreement !== undefined;
    for (let left = tries; left > 1 && disagreement !== undefined; left--) {
      disagreement = this.#compare(await this.#ask(left), ours);
    }
    return {
      disagreement,
      groups: this.#groups.length,
      excused: this.#plans.flatMap(({ excused }) => excused),
      isByChance: isAtFirst && disagreement === undefined,
    };
  }

  #ask(seed: number): Promise<Event[][]> {
    return this.#oracle.play(
      { ...this.#script, seed },
      this.#plans.flatMap(({ steps }) => steps),
    );
  }

  #compare(theirs: readonly (readonly Event[])[], ours: readonly (readonly Event[])[]): Disagreement | undefined {
    let at = 1;
    // What is no message may wait behind a full inbox, and end the session only in a later group.
    let hasMalformed = false;
    for (const [group, ourEvents] of ours.entries()) {
      const { steps = [], adjustments = [], isRootReleased = false } = this.#plans[group - 1] ?? {};
      const theirEvents = group === 0 ? (theirs[0] ?? []) : theirs.slice(at, at + steps.length).flat();
      at += steps.length;
      hasMalformed ||= steps.some(isMalformed);
      const seen = new Seen(theirEvents.map((event) => named(event, steps, isRootReleased, hasMalformed)));
      for (const adjust of adjustments) adjust(seen);
      const own = new Seen(ourEvents);
      if (seen.text !== own.text) return { group, theirs: seen, ours: own };
    }
    return undefined;
  }
}

/** What the reference says, in the words that we say it in. */
function named(event: Event, steps: readonly Step[], isReleased: boolean, hasMalformed: boolean): Event {
  switch (event.ev) {
    case 'session-ended':
      return { ...event, why: causeOf(event['why'] as string, steps, isReleased, hasMalformed) };
    case 'handshake-failed':
      return { ...event, text: textOf(event['text'] as string) };
    default:
      return event;
  }
}

function causeOf(why: string, steps: readonly Step[], isReleased: boolean, hasMalformed: boolean): string {
  switch (why) {
    case 'eof':
      return 'peer';
    case 'recv-error':
      return hasMalformed && !steps.some((step) => step.do === 'fail') ? 'violation' : 'link';
    case 'ping-failed':
      return 'link';
    case 'root-closed':
      return 'released';
    case 'shutdown':
      // What ends with the last connection after the root was released, the reference also calls a shutdown.
      return isReleased && !steps.some((step) => step.do === 'shutdown') ? 'released' : 'shutdown';
    default:
      return why;
  }
}

function isMalformed(step: Step): boolean {
  return step.do === 'frame' && step.lenient !== true && received(step.hex) === undefined;
}

function textOf(text: string): string {
  if (text.startsWith('decode error')) return 'malformed';
  return text.startsWith('io error') ? 'link failed' : text;
}
