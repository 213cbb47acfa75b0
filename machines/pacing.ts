/**
 * Pacing: limits the messages that leave after a query of ours. A query is a Ping or a ConnectionOpen without an answer.
 *
 * The official Rust peer over WebSocket freezes for good when it has to answer a query while more than one message waits
 * behind it: its socket task waits to hand over what it read, and its session waits for that task to take the answer. So at
 * most one message leaves after an unanswered query. Two things follow:
 *
 * - Each message leaves after every unanswered query, so the oldest query alone decides. No more than two queries can be
 *   unanswered at a time: the oldest, and the one message after it.
 * - A query ends with its answer, or when we give it up. While the link does not read, no answer can come, so no message is
 *   held back: an application may wait for a held message to leave before it reads on.
 *
 * The machine knows the queries, and keeps no messages. Its host sends while the state is `free`, `asking` or `blind`. While
 * the state is `followed` or `doubled`, the host holds back all other messages, in order.
 *
 * Flat on purpose: it runs through the stepper, without nested states or timers, which steps within `send`.
 */
import { assign, setup } from 'xstate';

/** A Ping by its nonce, or a ConnectionOpen by its id. */
export type Query = `Ping ${bigint}` | `ConnectionOpen ${number}`;

export interface PacingContext {
  /** The oldest query that is not answered. */
  readonly oldest?: Query | undefined;
  /** The query that left after the oldest one. */
  readonly newest?: Query | undefined;
}

export type PacingEvent =
  /** A query leaves. */
  | { type: 'tx.query'; query: Query }
  /** Any other message leaves. */
  | { type: 'tx.message' }
  /** The peer has answered the query, or we have given it up. */
  | { type: 'query.ended'; query: Query }
  /** The link no longer reads; with `link.resumed` it reads again. */
  | { type: 'link.paused' }
  | { type: 'link.resumed' };

export const pacingMachine = setup({
  types: {
    context: {} as PacingContext,
    events: {} as PacingEvent,
    input: {} as Record<never, never>,
  },
  actions: {
    noteOldest: assign((_, { query }: { query: Query }) => ({ oldest: query })),
    noteNewest: assign((_, { query }: { query: Query }) => ({ newest: query })),
    promote: assign(({ context }) => ({ oldest: context.newest, newest: undefined })),
    forgetNewest: assign({ newest: undefined }),
    forget: assign({ oldest: undefined, newest: undefined }),
  },
  guards: {
    isOldest: ({ context }, { query }: { query: Query }) => query === context.oldest,
    isNewest: ({ context }, { query }: { query: Query }) => query === context.newest,
  },
}).createMachine({
  id: 'pacing',
  context: {},
  initial: 'free',
  states: {
    /** Every query of ours is answered. */
    free: {
      on: {
        'tx.query': { target: 'asking', actions: { type: 'noteOldest', params: ({ event }) => event } },
        'link.paused': 'blind',
      },
    },

    /** A query is unanswered, and nothing has left after it: one message may leave. */
    asking: {
      on: {
        'tx.query': { target: 'doubled', actions: { type: 'noteNewest', params: ({ event }) => event } },
        'tx.message': 'followed',
        'query.ended': {
          guard: { type: 'isOldest', params: ({ event }) => event },
          target: 'free',
          actions: 'forget',
        },
        'link.paused': { target: 'blind', actions: 'forget' },
      },
    },

    /** A query is unanswered, and a message has left after it. */
    followed: {
      on: {
        'query.ended': {
          guard: { type: 'isOldest', params: ({ event }) => event },
          target: 'free',
          actions: 'forget',
        },
        'link.paused': { target: 'blind', actions: 'forget' },
      },
    },

    /** A query is unanswered, and another query has left after it. */
    doubled: {
      on: {
        'query.ended': [
          {
            guard: { type: 'isOldest', params: ({ event }) => event },
            target: 'asking',
            actions: 'promote',
          },
          {
            guard: { type: 'isNewest', params: ({ event }) => event },
            target: 'followed',
            actions: 'forgetNewest',
          },
        ],
        'link.paused': { target: 'blind', actions: 'forget' },
      },
    },

    /** The link does not read. */
    blind: {
      on: { 'link.resumed': 'free' },
    },
  },
});
