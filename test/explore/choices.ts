/** The possible next inputs of a peer from its own user and its timers. */
import { ROOT } from '../../src/wire/id.js';
import type { Input, PeerOptions, PeerState, UserAction } from './peer.js';

/** An id that is never opened. */
const UNHEARD_OF = 99;

/** Returns all possible actions of the user. */
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
    // A reader that waits until it may send does not read meanwhile.
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

/** Returns the firings of all timers that may fire, in all variants. `isRunning` tells which timers run at all. */
export function timerChoices({ port, timers }: PeerState, isRunning: (timer: string) => boolean): Input[] {
  const choices: Input[] = [];
  for (const timer of timers) {
    if (!isRunning(timer)) continue;
    if (isBeyondBudget(timer, port)) continue;
    if (!timer.includes('sweepInterval')) {
      choices.push({ type: 'timer', timer });
      continue;
    }
    // The oldest expire first, as their deadlines come first. A sweep that finds none too old changes nothing.
    const most = port.waiting.filter(({ id }) => id !== undefined).length;
    for (let opens = 0; opens <= most; opens++) {
      for (let decisions = 0; decisions <= port.decisions.length; decisions++) {
        if (opens + decisions > 0) choices.push({ type: 'timer', timer, opens, decisions });
      }
    }
  }
  return choices;
}

/** Returns the timers that have used up their budget. Each Ping adds a state, so their number must be bounded. */
export function spentTimers({ port, timers }: PeerState, isRunning: (timer: string) => boolean): Input[] {
  return timers
    .filter((timer) => isRunning(timer) && isBeyondBudget(timer, port))
    .map((timer) => ({ type: 'timer', timer }));
}

function isBeyondBudget(timer: string, { left }: PeerState['port']): boolean {
  return timer.includes('pingInterval') && (left.ping ?? 0) <= 0;
}
