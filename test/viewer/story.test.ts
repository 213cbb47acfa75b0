import { describe, expect, test } from '@jest/globals';
import type { Recording } from '../../src/viewer/model/recording.js';
import { counterpartOf, endsOf, entriesOf, Metadata, Stays, transitionText } from '../../src/viewer/model/story.js';
import { forestOf } from '../../src/viewer/model/tree.js';
import { connectionOf, Script } from './records.js';

function staysAt(recording: Recording, position: number, stays = new Stays('1/a')): Stays {
  stays.advance(recording.positionsOf('1/a'), position, (at) => recording.record(at));
  return stays;
}

describe('the time in each state', () => {
  const { recording } = new Script()
    .actor('1/a', { definition: 'light' })
    .state('1/a', 'red', 'xstate.init', { at: 1_010 })
    .state('1/a', 'green', 'go', { at: 1_030 })
    .state('1/a', 'green', 'stay', { at: 1_050 })
    .state('1/a', 'red', 'stop', { at: 1_060 });

  test('is summed over all stays, the present one included', () => {
    const stays = staysAt(recording, recording.end);
    expect([...stays.totals(1_100)]).toEqual([
      ['red', 20 + 40],
      ['green', 30],
    ]);
    expect(stays.stays.map(({ states, from, position, event }) => [...states, from, position, event])).toEqual([
      ['red', 1_010, 2, 'xstate.init'],
      ['green', 1_030, 3, 'go'],
      ['red', 1_060, 5, 'stop'],
    ]);
  });

  test('is the same then, whether asked for at once or on the way', () => {
    const stays = staysAt(recording, 2);
    expect(stays.reaches('1/a', 4)).toBe(true);
    const later = staysAt(recording, 4, stays);
    expect([...later.totals(1_050)]).toEqual([...staysAt(recording, 4).totals(1_050)]);
    expect([later.reaches('1/a', 3), later.reaches('1/b', 9)]).toEqual([false, false]);
  });

  test('is told of each region where regions are parallel', () => {
    const parallel = new Script()
      .state('1/a', { on: { left: 'x', right: 'x' } }, 'go', { at: 1_000 })
      .state('1/a', { on: { left: 'x', right: 'y' } }, 'go', { at: 1_010 });
    const stays = staysAt(parallel.recording, 2);
    expect([...stays.totals(1_015)]).toEqual([
      ['on.left.x', 15],
      ['on.right.x', 10],
      ['on.right.y', 5],
    ]);
    expect(stays.stays.at(-1)?.entered).toEqual(['on.right.y']);
  });
});

describe('what was said', () => {
  test('is told with the message that carried it, by either side, of one connection', () => {
    const metadata = (value: string) => ({ metadata: [{ key: 'name', value, flags: '0' }] });
    const { recording } = new Script()
      .wire('1/a', 'sent', 'Hello', { detail: metadata('ours') })
      .wire('1/a', 'received', 'HelloYourself', { detail: metadata('theirs') })
      .wire('1/a', 'sent', 'ConnectionOpen', { connection: 1, detail: metadata('other') })
      .wire('1/a', 'sent', 'Call', { detail: metadata('a call’s') });
    const said = new Metadata('1/a', 0);
    said.advance(recording.wiresOf('1/a'), recording.end, (at) => recording.record(at));
    expect(said.words.map(({ isSent, message, entries }) => [isSent, message, entries[0]?.value])).toEqual([
      [true, 'Hello', 'ours'],
      [false, 'HelloYourself', 'theirs'],
    ]);
  });

  test('shows nothing of a SENSITIVE entry, even where its value is there', () => {
    const entries = entriesOf([
      { key: 'token', value: 's3cret', flags: '1' },
      { key: 'trace', value: 'a1', flags: '2' },
      { key: 'size', value: 12, flags: '0' },
      'no entry',
    ]);
    expect(entries).toEqual([
      { key: 'token', value: 'sensitive', isSensitive: true, isPrivate: false },
      { key: 'trace', value: 'a1', isSensitive: false, isPrivate: true },
      { key: 'size', value: '12', isSensitive: false, isPrivate: false },
    ]);
    expect([entriesOf(undefined), entriesOf('nonsense')]).toEqual([[], []]);
  });
});

describe('the two ends', () => {
  const { recording } = new Script()
    .session('1/a', 'acceptor', { peer: '2/b' })
    .session('2/b', 'initiator', { peer: '1/a' })
    .connection('1/a', 1)
    .connection('2/b', 1)
    .actor('1/a.handshake', { parent: '1/a', part: { part: 'handshake', session: '1/a' } })
    .actor('2/b.handshake', { parent: '2/b', part: { part: 'handshake', session: '2/b' } })
    .session('3/c', 'acceptor')
    .actor('3/other');
  const { now } = recording;

  test('are those of the session that an actor belongs to, the initiator on the left', () => {
    const both = { left: '2/b', right: '1/a' };
    expect([endsOf(now, '1/a'), endsOf(now, '2/b'), endsOf(now, connectionOf('1/a', 1))]).toEqual([both, both, both]);
    expect([endsOf(now, '3/c'), endsOf(now, '3/other'), endsOf(now, undefined)]).toEqual([
      { left: '3/c' },
      undefined,
      undefined,
    ]);
  });

  test('have the same connection, and the same parts', () => {
    const forest = forestOf(now);
    const other = (key: '1/a' | `1/a.${string}` | '3/c') => {
      const actor = now.actors.get(key);
      return actor === undefined ? 'no actor' : counterpartOf(now, forest, actor)?.key;
    };
    expect([other('1/a'), other('1/a.1'), other('1/a.handshake'), other('3/c')]).toEqual([
      '2/b',
      '2/b.1',
      '2/b.handshake',
      undefined,
    ]);
  });
});

test.each([
  [{ source: 'm.a', event: 'go', targets: ['m.b', 'm.c'], index: 0 }, 'go → b, c'],
  [{ source: 'm.a', event: '', targets: ['m.b'], index: 0 }, 'always → b'],
  [{ source: 'm.a', event: 'rx.Ping', targets: [], index: 0 }, 'rx.Ping, stays in a'],
])('the transition %j reads as %s', (transition, text) => {
  expect(transitionText(transition)).toBe(text);
});
