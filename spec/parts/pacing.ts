import { nothing, type Oracle, type Verdict } from './oracle.js';

// The messages that may leave behind our queries: row 9.31 of what real peers do. Counted as that row describes it, query by
// query.

export interface PacingState {
  readonly phase: 'reading' | 'not reading';
  /** The queries that are out, the oldest first, and how many messages have left behind each. */
  readonly out: readonly { readonly query: string; readonly behind: number }[];
}

export type PacingEvent =
  | { readonly type: 'tx.query' | 'query.ended'; readonly query: string }
  | { readonly type: 'tx.message' | 'link.paused' | 'link.resumed' };

/** Returns true if one more message may leave. */
export function mayLeave({ out }: PacingState): boolean {
  return out.every(({ behind }) => behind === 0);
}

export const pacing: Oracle<object, PacingState, PacingEvent> = {
  start: () => nothing({ phase: 'reading', out: [] }),

  step: (state, event): Verdict<PacingState> => {
    const { phase, out } = state;
    if (event.type === 'link.paused') return nothing({ phase: 'not reading', out: [] });
    if (event.type === 'link.resumed') return nothing({ ...state, phase: 'reading' });
    if (phase !== 'reading') return nothing(state);
    if (event.type === 'query.ended') {
      const ended = out.findIndex(({ query }) => query === event.query);
      return nothing({ phase, out: out.filter((_, index) => index !== ended) });
    }
    if (!mayLeave(state)) return nothing(state);
    const left = out.map(({ query, behind }) => ({ query, behind: behind + 1 }));
    return nothing({ phase, out: event.type === 'tx.query' ? [...left, { query: event.query, behind: 0 }] : left });
  },

  timers: () => [],
};
