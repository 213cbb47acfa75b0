import type { Interpreter } from '../../../src/session/options.js';
import type { Oracle } from './oracle.js';
import { Player } from './player.js';
import { type Difference, type Rewritten, rewritten } from './rewriting.js';
import { type Event, groupsOf, received, type Script, type Step } from './script.js';
import { Seen } from './seen.js';

/**
 * The first difference between two sessions: a group of steps, by its index, and the events that each session saw of it.
 * Group 0 stands before all steps.
 */
export interface Disagreement {
  readonly group: number;
  readonly theirs: Seen;
  readonly ours: Seen;
}

/** The result of a script that both sessions have played. */
export interface Verdict {
  /** Absent where they agree throughout. */
  readonly disagreement: Disagreement | undefined;
  readonly groups: number;
  /** The differences of the table that steps were excused by. */
  readonly excused: readonly Difference[];
  /** True if the reference at first differed from us and agreed in a later try. */
  readonly isByChance: boolean;
}

/**
 * The number of tries before the reference counts as never doing what we do. The reference picks by chance among the inputs
 * that are ready at once.
 */
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
    // `judge` awaits the answer. Until then this handler prevents an unhandled rejection.
    this.#asked.catch(() => {});
  }

  /** Plays the script on our session, and compares the events of both sessions, group by group. */
  async judge(tries = TRIES, interpreter: Interpreter = 'compiled'): Promise<Verdict> {
    const ours = await new Player(this.#script, interpreter).play(this.#groups);
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
    // A frame that does not decode may wait behind a full inbox, and end the session only in a later group.
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

/** Renames an event of the reference in the words that our events use. */
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
      // When the last connection goes after the root was released, the reference also reports a shutdown.
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
