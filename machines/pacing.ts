/**
 * Pacing: how much may leave behind a query of ours, which is a Ping or a ConnectionOpen that the peer has not answered.
 *
 * The official Rust peer over WebSocket freezes for good when it has to answer a query while more than one message waits
 * behind it: its socket task waits to hand over what it read, and its session waits for that task to take the answer. So at
 * most one message leaves behind an unanswered query. Two things follow:
 *
 * - Each message that leaves is behind every unanswered query, so the oldest query alone decides. No more than two can be
 *   unanswered at a time: the oldest, and the one message behind it.
 * - A query ends with its answer, or when we give it up. While the link does not read, no answer can come, so nothing is held
 *   back: an application may be waiting for a held message to leave before it reads on.
 *
 * It knows the queries, and keeps no messages. Its host sends while the state is `free`, `asking` or `blind`, and holds back
 * all else, in order, while it is `followed` or `doubled`.
 *
 * Flat on purpose: it runs through the stepper, which takes nothing that nests or times, and which steps within a `send`.
 */
import { assign, setup } from 'xstate';

/** A Ping by its nonce, or a ConnectionOpen by its id. */
export type Query = `Ping ${bigint}` | `ConnectionOpen ${number}`;

export interface PacingContext {
  /** The oldest query that is not answered. */
  readonly oldest?: Query | undefined;
  /** The query behind it. */
  readonly newest?: Query | undefined;
}

export type PacingEvent =
  /** A query leaves. */
  | { type: 'tx.query'; query: Query }
  /** Any other message leaves. */
  | { type: 'tx.message' }
  /** The peer has answered the query, or we have given it up. */
  | { type: 'query.ended'; query: Query }
  /** The link does not read any more, and reads again. */
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

    /** A query is out, and nothing behind it: one message may leave. */
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

    /** A query is out, and a message behind it. */
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

    /** A query is out, and another query behind it. */
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
