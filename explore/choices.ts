/** What may happen next to a peer by itself: what its user may do, and which of its timers may go off. */
import { ROOT } from '../src/wire/id.js';
import type { Input, PeerOptions, PeerState, UserAction } from './peer.js';

/** An id that nobody ever opens. */
const UNHEARD_OF = 99;

/** Everything that the user may do. */
export function userChoices({ port, actors }: PeerState, { rejects, isCoupled, limits }: PeerOptions): Input[] {
  const { left, handles, waiting, decisions, isEstablished, end } = port;
  if (actors['session'] === undefined || end !== undefined) return [];
  const may = (action: keyof typeof left) => (left[action] ?? 0) > 0;
  const choices: Input[] = [];
  const add = (action: UserAction, id?: number) =>
    choices.push({ type: 'user', action, ...(id === undefined ? {} : { id }) });
  if (!isEstablished) {
    if (may('abortHandshake')) add('abortHandshake');
    return choices;
  }
  const pending = waiting.flatMap(({ id }) => (id === undefined ? [] : [id]));
  if (may('open')) add('open');
  for (const id of pending) {
    if (may('abort')) add('abort', id);
    if (may('close')) add('close', id);
  }
  for (const id of decisions) {
    add('accept', id);
    if (rejects) add('reject', id);
    if (may('misclose')) add('misclose', id);
  }
  if (may('misclose')) for (const id of [ROOT, UNHEARD_OF]) add('misclose', id);
  for (const { id, unread, hasLeft } of handles) {
    // A reader that waits until it may send is not at home to read.
    if (unread > 0 && !(isCoupled && port.parked.length > 0)) add('read', id);
    if (may('send')) add('send', id);
    if (may('leave') && !hasLeft) add('leave', id);
    if (id === ROOT) {
      if (may('releaseRoot')) add('releaseRoot', id);
    } else {
      if (may('close')) add('close', id);
      if (may('release')) add('release', id);
    }
  }
  if (may('shutdown')) add('shutdown');
  return limits.inbox === undefined
    ? choices.filter(({ action }: Input & { action?: string }) => action !== 'read')
    : choices;
}

/** Every timer that may go off, in every way in which it may; `isRunning` says which do at all. */
export function timerChoices({ port, timers }: PeerState, isRunning: (timer: string) => boolean): Input[] {
  const choices: Input[] = [];
  for (const timer of timers) {
    if (!isRunning(timer)) continue;
    if (isBeyondBudget(timer, port)) continue;
    if (!timer.includes('sweepInterval')) {
      choices.push({ type: 'timer', timer });
      continue;
    }
    // The oldest first, as their deadlines have it. One that finds nothing too old changes nothing.
    const most = port.waiting.filter(({ id }) => id !== undefined).length;
    for (let opens = 0; opens <= most; opens++) {
      for (let decisions = 0; decisions <= port.decisions.length; decisions++) {
        if (opens + decisions > 0) choices.push({ type: 'timer', timer, opens, decisions });
      }
    }
  }
  return choices;
}

/** The timers that have been going off for long enough: a Ping more is a state more, and they have to end somewhere. */
export function spentTimers({ port, timers }: PeerState, isRunning: (timer: string) => boolean): Input[] {
  return timers
    .filter((timer) => isRunning(timer) && isBeyondBudget(timer, port))
    .map((timer) => ({ type: 'timer', timer }));
}

function isBeyondBudget(timer: string, { left }: PeerState['port']): boolean {
  return timer.includes('pingInterval') && (left.ping ?? 0) <= 0;
}
