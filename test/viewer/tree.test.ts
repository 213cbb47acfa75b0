import { describe, expect, test } from '@jest/globals';
import type { ActorState } from '../../src/inspect/state.js';
import {
  countsOf,
  FOLDED_ABOVE,
  type Folding,
  forestOf,
  fullLabelOf,
  labelOf,
  leavesOf,
  type Narrowing,
  rowsOf,
  shortLeaf,
  standingOf,
  stateOf,
  titleOf,
} from '../../src/viewer/model/tree.js';
import { connectionOf, Script } from './records.js';

function rows(script: Script, folding: Folding = new Map(), narrowing: Partial<Narrowing> = {}): string[] {
  const { now } = script.recording;
  return rowsOf(now, forestOf(now), folding, { text: '', isHidingEnded: false, ...narrowing }).map(
    ({ depth, actor, process, isExpanded }) => {
      const found = actor === undefined ? undefined : now.actors.get(actor);
      const title = found === undefined ? now.processes.get(process)?.name : titleOf(found);
      return `${'  '.repeat(depth)}${title}${isExpanded === false ? ' …' : ''}`;
    },
  );
}

const script = () =>
  new Script()
    .process(1, 'server')
    .session('1/s', 'acceptor')
    .connection('1/s', 0, 'active')
    .connection('1/s', 1)
    .state(connectionOf('1/s', 1), 'closed', 'rx.ConnectionClose', { snapshot: { status: 'done', value: 'closed' } });

test('a session says when its link has no connection', () => {
  const { recording } = new Script().session('1/s', 'acceptor');
  const seen = (isInterrupted: boolean, status: 'active' | 'done' = 'active') => {
    const actor = recording.now.actors.get('1/s') as ActorState;
    const told = { ...actor, status, value: 'running', context: { isInterrupted } };
    return [stateOf(told), standingOf(told)];
  };
  expect(seen(false)).toEqual(['running', 'active']);
  expect(seen(true)).toEqual(['running, interrupted', 'pending']);
  expect(seen(true, 'done')).toEqual(['running', 'ended']);
});

describe('the tree', () => {
  test('has each process with its actors below, and each actor with its own', () => {
    expect(rows(script().process(2, 'client'))).toEqual([
      'server',
      '  session',
      '    connection 0',
      '    connection 1',
      'client',
    ]);
  });

  test('folds what has more children than can be taken in, until it is unfolded', () => {
    const crowded = script();
    for (let id = 3; id <= 2 * FOLDED_ABOVE + 1; id += 2) crowded.connection('1/s', id);
    expect(rows(crowded)).toEqual(['server', '  session …']);
    expect(rows(crowded, new Map([['1/s', true]]))).toHaveLength(2 + FOLDED_ABOVE + 2);
  });

  test('folds what the user folds', () => {
    expect(rows(script(), new Map([['1/s', false]]))).toEqual(['server', '  session …']);
    expect(rows(script(), new Map([['process 1', false]]))).toEqual(['server …']);
  });

  test('has with a search what is found and all above it, folded or not', () => {
    const folding = new Map([['1/s', false]]);
    expect(rows(script(), folding, { text: 'connection 1' })).toEqual(['server', '  session', '    connection 1']);
    expect(rows(script(), folding, { text: 'nowhere' })).toEqual([]);
  });

  test('leaves out what has ended, on demand', () => {
    expect(rows(script(), new Map(), { isHidingEnded: true })).toEqual(['server', '  session', '    connection 0']);
  });

  test('hangs what has no known parent below its process', () => {
    expect(rows(new Script().process(1, 'one').actor('1/a', { parent: '1/unknown' }))).toEqual(['one', '  a']);
  });

  test('counts what is below by state', () => {
    const { now } = script().connection('1/s', 3).connection('1/s', 5).recording;
    const below = forestOf(now).children.get('1/s') ?? [];
    expect(countsOf(now, below)).toEqual([
      ['opening', 2],
      ['active', 1],
      ['closed', 1],
    ]);
  });
});

test('an actor stands as its status and its state say, and as its process left it', () => {
  const told = script().add({ kind: 'left', process: 1 } as never);
  const standing = (of: Script, key: '1/s' | `1/s.${number}`) => {
    const actor = of.recording.now.actors.get(key);
    return actor === undefined ? undefined : [standingOf(actor), stateOf(actor)];
  };
  expect(standing(script(), '1/s.0')).toEqual(['active', 'active']);
  expect(standing(script().connection('1/s', 3), '1/s.3')).toEqual(['pending', 'opening']);
  expect(standing(script(), '1/s.1')).toEqual(['ended', 'closed']);
  expect(standing(told, '1/s.0')).toEqual(['failed', 'lost']);
});

test.each([
  ['active', 'active', 'active', ['active']],
  [{ running: 'idle' }, 'running.idle', 'running.idle', ['running.idle']],
  [
    { running: { inbound: 'reading', outbound: { full: 'stalled' } } },
    'running',
    'running · inbound.reading · outbound.full.stalled',
    ['running.inbound.reading', 'running.outbound.full.stalled'],
  ],
])('the state value %j reads as %s', (value, label, full, leaves) => {
  expect([labelOf(value), fullLabelOf(value), leavesOf(value)]).toEqual([label, full, leaves]);
});

test('a leaf is short without what is around it all', () => {
  expect(['active', 'running.inbound.reading'].map(shortLeaf)).toEqual(['active', 'inbound.reading']);
});
