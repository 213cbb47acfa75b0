import type { Message } from '../wire/message.js';
import { inWords } from './exchange.js';
import { ACCUSATION } from './scenes.js';
import { isMessage, MOST_WORDS, type Tester } from './tester.js';
import type { Expected, Offence, Step } from './vocabulary.js';

/** The surroundings of a case, with its times in milliseconds. */
export interface Table {
  readonly act: (what: NonNullable<Step['act']>, id: number) => unknown;
  readonly timeFor: (step: Step) => number;
  /** Resolves when the peer reports the end of its session. */
  readonly ended: () => Promise<unknown>;
  /** The time to listen for messages that come too late. */
  readonly late: number;
}

/** The result of a case. */
export type Played =
  | { readonly verdict: 'pass' | 'non-strict' }
  | ({ readonly verdict: 'fail' } & Pick<Offence, 'reason'> & Partial<Offence>);

/** An answer with the ids of this case. */
interface Due {
  readonly hear: readonly Expected[];
  readonly maybe: readonly Expected[];
  readonly ends: boolean;
}

interface Observed {
  readonly heard: readonly (Message | Uint8Array)[];
  readonly state: 'ended' | 'alive' | 'silent';
}

/** A last step without an action: only late messages can come. */
const AFTERWARDS: Step = { lingers: true };

/** Plays steps to their end, or to the first offence. */
export async function play(steps: readonly Step[], tester: Tester, table: Table): Promise<Played> {
  let isEstablished = false;
  let isTolerant = false;
  for (const step of table.late > 0 ? [...steps, AFTERWARDS] : steps) {
    // A peer whose Pings go unanswered rightly ends the session, so the tester does not linger.
    if (step.lingers && !tester.answersPings) break;
    isEstablished ||= step.establishes === true;
    // The answers are computed before the step: they depend on the messages until now.
    const { tolerated, or } = step;
    const right = tolerated !== undefined ? [ACCUSATION] : or === undefined ? [step] : [step, or];
    const answers = [...right, ...(tolerated === undefined ? [] : [tolerated])].map(
      ({ hear, maybe, ends = false }): Due => ({
        hear: hear?.(tester.world) ?? [],
        maybe: maybe?.(tester.world) ?? [],
        ends,
      }),
    );
    const observed = await take(step, answers, isEstablished, tester, table);
    if (tester.offence !== undefined) return { verdict: 'fail', ...tester.offence };
    const failures = answers.map((answer) => mismatch(answer, observed, tester, isEstablished));
    const index = failures.indexOf(undefined);
    if (index === -1) return { verdict: 'fail', ...step.cites, ...pick(failures, observed, tolerated !== undefined) };
    isTolerant ||= index >= right.length;
    if (observed.state === 'ended') break;
  }
  return { verdict: isTolerant ? 'non-strict' : 'pass' };
}

/** Carries out a step, and listens until its whole answer has come. */
async function take(
  step: Step,
  answers: readonly Due[],
  isEstablished: boolean,
  tester: Tester,
  table: Table,
): Promise<Observed> {
  const { world } = tester;
  const time = table.timeFor(step);
  if (step.ignoresPings) tester.answersPings = false;
  if (step.act !== undefined) {
    const id = step.at?.(world) ?? 0;
    tester.note('tester', { control: step.act === 'close' ? `close(${id})` : `${step.act}()` });
    const acted = table.act(step.act, id);
    if (step.act === 'rejectNext' || step.act === 'defer' || step.act === 'refuseNext') await acted;
  }
  if (step.tell !== undefined) tester.tell(...step.tell(world));
  if (step.lingers && !(await tester.rest(table.late))) return { heard: [], state: 'alive' };
  if (step.breaks) return { heard: [], state: await broken(tester, table, time) };

  const until = Date.now() + time;
  const heard: (Message | Uint8Array)[] = [];
  const least = Math.min(...answers.map(({ hear }) => hear.length));
  const goesOn = isEstablished && answers.some(({ ends }) => !ends);
  while (heard.length < MOST_WORDS) {
    const isEnough = relevant(heard, answers, tester).length >= least;
    if (isEnough && (goesOn || answers.every(({ ends }) => !ends))) break;
    const next = await tester.next(until);
    if (next === 'end') return { heard: relevant(heard, answers, tester), state: 'ended' };
    // A message or the end was due, but did not come. The first half of the handshake also ends in silence.
    if (next === 'silence') break;
    heard.push(next);
    // The message is wrong regardless of what follows, so waiting is useless.
    if (relevant([next], answers, tester).some((word) => isStray(word, answers))) {
      return { heard: relevant(heard, answers, tester), state: 'alive' };
    }
  }
  if (!goesOn) return { heard: relevant(heard, answers, tester), state: 'silent' };
  const probed = await tester.probe(time);
  heard.push(...probed.heard);
  const state = ({ pong: 'alive', end: 'ended', silence: 'silent' } as const)[probed.stop];
  return { heard: relevant(heard, answers, tester), state };
}

/** Breaks the link. No message can come over it any more, so the peer's own control says whether its session has ended. */
async function broken(tester: Tester, { ended }: Table, time: number): Promise<Observed['state']> {
  tester.breakLink();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(resolve, time, 'silent');
  });
  const end = ended().then(() => 'ended' as const);
  try {
    return await Promise.race([end, silence]);
  } catch {
    return 'silent';
  } finally {
    clearTimeout(timer);
  }
}

/** True if this is part of none of the answers. */
function isStray(word: Message | Uint8Array, answers: readonly Due[]): boolean {
  return !isMessage(word) || answers.every(({ hear, maybe }) => takeFrom([...hear, ...maybe], word) === undefined);
}

/** Leaves out data on open connections, which an application may send at any time. */
function relevant(
  heard: readonly (Message | Uint8Array)[],
  answers: readonly Due[],
  { data }: Tester,
): readonly (Message | Uint8Array)[] {
  const wanted = new Set(answers.flatMap(({ hear }) => hear).map(({ type }) => type));
  return heard.filter((word) => {
    // `data` knows whether the connection was open at the arrival. The tester may have closed it since.
    return !isMessage(word) || wanted.has(word.type) || !data.has(word);
  });
}

/** Returns the difference between the observed messages and this answer. Undefined if they match. */
function mismatch(
  { hear, maybe, ends }: Due,
  { heard, state }: Observed,
  { world }: Tester,
  isEstablished: boolean,
): Partial<Offence> | undefined {
  const wanted = [...hear];
  const possible = [...maybe];
  for (const word of heard) {
    const due = isMessage(word) ? (takeFrom(wanted, word) ?? takeFrom(possible, word)) : undefined;
    if (due === undefined) return { reason: `${expectation(wanted[0], ends)}, and ${inWords(word)} came` };
    const wrong = due.check?.(word as Message, world);
    if (wrong !== undefined) return { ...wrong, reason: `${inWords(word)}: ${wrong.reason}` };
  }
  const [missing] = wanted;
  if (missing !== undefined) {
    return { reason: `${expectation(missing, ends)}, and ${state === 'ended' ? 'the end' : 'nothing'} came` };
  }
  if (ends && state !== 'ended') return { reason: 'the peer should end the session, and does not' };
  if (!ends && state === 'ended') return { reason: 'the session should go on, and the peer ends it' };
  if (!ends && isEstablished && state === 'silent') {
    return { rule: 'session.keepalive', row: '5.17', reason: 'a Ping is not answered' };
  }
  return undefined;
}

/** Takes the first expectation that this message can meet. */
function takeFrom(due: Expected[], { type, connectionId }: Message): Expected | undefined {
  // A peer chooses the ids of its opens itself. The ledger checks whether it may.
  const index = due.findIndex((one) => one.type === type && (type === 'ConnectionOpen' || one.on === connectionId));
  return index === -1 ? undefined : due.splice(index, 1)[0];
}

function expectation(wanted: Expected | undefined, ends: boolean): string {
  if (wanted !== undefined) {
    return wanted.type === 'ConnectionOpen' ? 'ConnectionOpen expected' : `${wanted.type} on ${wanted.on} expected`;
  }
  return ends ? 'the end of the session expected' : 'nothing expected';
}

/** Returns the failure to report when none of several right answers came: the one of the specification's answer. */
function pick(
  failures: readonly (Partial<Offence> | undefined)[],
  { heard }: Observed,
  isTolerable: boolean,
): Partial<Offence> & { reason: string } {
  const [first, second] = failures;
  const { reason = '', ...rest } = first ?? {};
  const isAccused = heard.some((word) => isMessage(word) && word.type === 'ProtocolError');
  if (second === undefined || isAccused || !isTolerable) return { ...rest, reason };
  return { reason: `${reason}; and as for the reference's tolerance, ${second.reason ?? ''}` };
}
