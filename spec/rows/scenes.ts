import { accept, call, open } from './messages.js';
import { accepted, opened } from './outcome.js';
import type { Given, Step } from './vocabulary.js';

// Situations that many scenarios start from, each the few steps that lead to it.

/** Every open of the peer is accepted at once, with the defaults. */
export const ACCEPTING: Given = { onConnection: { accept: {} } };

/** `onConnection` gives a promise, which `decide` settles. */
export const DECIDING: Given = { onConnection: 'pending' };

/** We asked for connection 1; the promise is `a`. */
export const PENDING_1: Step = { user: 'open', as: 'a', wire: [open(1)] };

/** Connection 1 is active, opened by us; its handle is `a`. */
export const ACTIVE_1: readonly Step[] = [PENDING_1, { peer: accept(1), settled: { a: opened(1) } }];

/** Connection 2 is active, opened by the peer; its handle is `#2`. Wants `ACCEPTING`. */
export const ACTIVE_2: Step = { peer: open(2), asked: [2], wire: [accept(2)], setup: [accepted(2)] };

/** Connection 2 waits for our decision. Wants `DECIDING`. */
export const UNDECIDED_2: Step = { peer: open(2), asked: [2] };

/** The root's only caller is released, while something virtual keeps the session alive. */
export const ROOT_RELEASED: readonly Step[] = [
  { user: 'caller', on: 'root', as: 'root caller' },
  { user: 'release', caller: 'root caller' },
];

/** Connection 1 is active, its inbox of two is full, and a third message for it waits. Wants `SMALL_INBOX`. */
export const FULL_1: readonly Step[] = [...ACTIVE_1, { peer: [call(1, 2), call(1, 4), call(1, 6)] }];

/** An inbox holds two messages. */
export const SMALL_INBOX: Given = { limits: { inboxMessages: 2 } };

/** One byte fills the outbox. */
export const SMALL_OUTBOX: Given = { limits: { outboxBytes: 1 } };

/** One byte fills the outbox, which may stay full for a second. */
export const STALLING: Given = { limits: { outboxBytes: 1, stallTimeout: 1_000 } };

/** The link has no connection: what is sent waits in it. */
export const INTERRUPTED: Step = { together: [{ link: 'hold-sends' }, { link: 'interrupt' }] };

/** The link has a connection again, and sends what waits. */
export const RESTORED: Step = { together: [{ link: 'restore' }, { link: 'take-sends' }] };

/** Connection 1 is active, the outbox is full, and the second of two Calls waits for room: `s`. Wants `SMALL_OUTBOX`. */
export const WAITING_1: readonly Step[] = [
  ...ACTIVE_1,
  { link: 'hold-sends' },
  { user: 'send', on: 'a', message: call(1, 1) },
  { user: 'send', on: 'a', message: call(1, 3), as: 's' },
];

/** A Ping every 100 ms, a Pong within 50. */
export const KEEPALIVE: Given = { keepalive: { pingInterval: 100, pongTimeout: 50 } };

/** The handler of the root answers when it is told to. */
export const SERVING: Step = { user: 'serve', on: 'root' };
