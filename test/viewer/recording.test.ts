import { describe, expect, test } from '@jest/globals';
import { jsonlOf } from '../../src/viewer/model/export.js';
import { countBefore, countBelow, MOST_RECORDS, Recording } from '../../src/viewer/model/recording.js';
import { Script } from './records.js';

describe('a recording', () => {
  test('has the state after each of its records', () => {
    const { recording } = new Script().process(1, 'one').actor('1/a').state('1/a', 'red').state('1/a', 'green');
    const valueAt = (position: number) => recording.at(position).actors.get('1/a')?.value;
    expect([1, 2, 3, 4].map(valueAt)).toEqual([undefined, undefined, 'red', 'green']);
    expect(recording.now.actors.get('1/a')?.value).toBe('green');
  });

  test('has a time for each position and a position for each time, though clocks differ', () => {
    const script = new Script().process(1, 'one').actor('1/a', { at: 1_010 });
    const { recording } = script.state('1/a', 'red', 'go', { at: 1_005 }).state('1/a', 'green', 'go', { at: 1_020 });
    expect([0, 1, 2, 3, 4, 9].map((position) => recording.timeAt(position))).toEqual([
      1_000, 1_000, 1_010, 1_010, 1_020, 1_020,
    ]);
    expect([999, 1_000, 1_005, 1_010, 1_019, 1_020, 9_999].map((time) => recording.positionAt(time))).toEqual([
      0, 1, 1, 3, 3, 4, 4,
    ]);
  });

  test('knows where something happened to an actor, and where a session told of a message', () => {
    const { recording } = new Script().session('1/s', 'initiator').wire('1/s', 'sent', 'Hello').state('1/s', 'running');
    expect([recording.positionsOf('1/s'), recording.wiresOf('1/s'), recording.positionsOf('1/x')]).toEqual([
      [0, 2],
      [1],
      [],
    ]);
  });

  test('has another structure when actors come and go, and the same one when they move or speak', () => {
    const script = new Script().process(1, 'one').session('1/s', 'initiator');
    const { structure } = script.recording;
    script.state('1/s', 'running').wire('1/s', 'sent', 'Ping');
    expect(script.recording.structure).toBe(structure);
    script.connection('1/s', 1);
    expect(script.recording.structure).toBeGreaterThan(structure);
  });

  test('forgets its oldest records, and nothing of what they have done', () => {
    const script = new Script().process(1, 'one').actor('1/a').actor('1/b').state('1/b', 'still');
    const { recording } = script;
    while (recording.start === 0) script.state('1/a', recording.end);
    expect(recording.end - recording.start).toBeLessThanOrEqual(MOST_RECORDS + 2_048);
    expect([recording.record(recording.start - 1), recording.record(recording.start)?.kind]).toEqual([
      undefined,
      'snapshot',
    ]);
    expect(recording.positionsOf('1/a')[0]).toBe(recording.start);
    expect(recording.positionsOf('1/b')).toEqual([]);
    expect(recording.at(recording.start).actors.get('1/b')?.value).toBe('still');
    expect(recording.positionAt(recording.timeAt(recording.start + 10))).toBe(recording.start + 10);
  });

  test('is saved as lines from which the same one comes again', () => {
    const { recording } = new Script()
      .process(1, 'one')
      .session('1/s', 'initiator')
      .connection('1/s', 1)
      .wire('1/s', 'sent', 'Call', { connection: 1, bytes: 12 })
      .state('1/s', 'running');
    const lines = jsonlOf(recording).map((line) => JSON.parse(line));
    const again = new Recording();
    for (const line of lines) again.push(line);
    expect(lines[0]).toEqual({
      kind: 'recording',
      version: 1,
      at: 0,
      by: 'roam-actors viewer',
      isLive: false,
      backlog: 0,
    });
    expect([...again.now.actors]).toEqual([...recording.now.actors]);
    expect(again.end).toBe(recording.end);
  });
});

test.each([
  [[], 5, 0],
  [[1, 2, 3], 0, 0],
  [[1, 2, 3], 2, 1],
  [[1, 2, 2, 3], 2, 1],
  [[1, 2, 3], 9, 3],
])('of %j, below %i are %i', (list, value, count) => {
  expect([countBelow(list, value), countBefore(list.length, (index) => (list[index] as number) < value)]).toEqual([
    count,
    count,
  ]);
});
