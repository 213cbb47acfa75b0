import { type PacingContext, pacingMachine } from '../../machines/index.js';
import { mayLeave, type PacingState, pacing } from '../../spec/parts/pacing.js';
import { event, MODES } from './inputs.js';
import type { Part } from './part.js';

const QUERIES = ['ConnectionOpen 1', 'Ping 7'] as const;

/** Returns the queries that wait for an answer, as the oracle names them. */
function out({ oldest, newest }: PacingContext): readonly string[] {
  return [oldest, newest].filter((query) => query !== undefined);
}

/** The machine behaves alike in both modes. */
export const pacingPart: Part = {
  machine: pacingMachine,
  variants: MODES.map((mode) => ({ name: mode, mode, input: {}, told: {} })),
  delays: {},
  serialize: ({ value, context }) => JSON.stringify([value, out(context)]),
  events: () => [
    ...QUERIES.map((query) => event('tx.query', { query })),
    event('tx.message'),
    ...[...QUERIES, 'ConnectionOpen 3'].map((query) => event('query.ended', { query })),
    event('link.paused'),
    event('link.resumed'),
  ],
  nameState: ({ value, context }) => [String(value), ...out(context)].join(', '),
  isShown: () => true,
  oracle: pacing,
  heard: (event) => event as never,
  seen: ({ value, context }) => ({
    isBlind: value === 'blind',
    isFree: value === 'free',
    isDoubled: value === 'doubled',
    mayLeave: value !== 'followed' && value !== 'doubled',
    out: out(context),
  }),
  wanted: (state: PacingState) => ({
    isBlind: state.phase === 'not reading',
    isFree: state.phase === 'reading' && state.out.length === 0,
    isDoubled: state.out.length === 2,
    mayLeave: mayLeave(state),
    out: state.out.map(({ query }) => query),
  }),
};
