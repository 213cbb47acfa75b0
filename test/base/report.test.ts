import { expect, jest, test } from '@jest/globals';
import { type Report, sparing } from '../../src/base/report.js';
import { established } from '../support/rig.js';
import { bytes, callOf } from '../support/traffic.js';

// The default destination of reports, for an application without `onReport`. A peer may cause reports of each kind as often
// as it likes.

function told() {
  const messages: string[] = [];
  let now = 0;
  const tell = sparing(
    ({ message }) => messages.push(message),
    () => now,
  );
  return {
    tell: (kind: Report['kind'], times: number) => {
      for (let at = 1; at <= times; at++) tell({ kind, message: `${kind} ${at}` });
      return messages.splice(0);
    },
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

const numbered = (kind: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `${kind} ${from + at}`);

const LAST = '(what more of this kind comes within the minute is only counted)';

test('ten reports of a kind are told within a minute, the tenth with what becomes of the others', () => {
  const { tell } = told();
  expect(tell('handler-failed', 9)).toEqual(numbered('handler-failed', 1, 9));
  expect(tell('handler-failed', 1)).toEqual([`handler-failed 1 ${LAST}`]);
  expect(tell('handler-failed', 100_000)).toEqual([]);
});

test('one kind is told although there is much of another', () => {
  const { tell } = told();
  tell('arguments-refused', 1000);
  expect(tell('handler-failed', 1)).toEqual(['handler-failed 1']);
});

test('the first one after the minute says how many were left out, if any', () => {
  const { tell, pass } = told();
  tell('handler-failed', 12);
  pass(59_999);
  expect(tell('handler-failed', 1)).toEqual([]);
  pass(1);
  expect(tell('handler-failed', 2)).toEqual([
    'handler-failed 1 (3 more of this kind before it were only counted)',
    'handler-failed 2',
  ]);
  pass(60_000);
  expect(tell('handler-failed', 11)).toEqual([...numbered('handler-failed', 1, 9), `handler-failed 10 ${LAST}`]);
});

test('a peer that sets off reports for ever fills no log, unless its user has asked for all of them', async () => {
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
  const reports: Report[] = [];
  for (const onReport of [undefined, (report: Report) => void reports.push(report)]) {
    // Pass undefined explicitly for the default report: the rig has an option of its own.
    const { rig, session } = await established({ onReport } as object);
    session.root.serve(() => {
      throw new Error('no');
    });
    await rig.say(...Array.from({ length: 50 }, (_, at) => callOf(2 + 2 * at, bytes())));
    session.shutdown();
    await session.closed;
  }
  expect(warn).toHaveBeenCalledTimes(10);
  expect(warn.mock.calls[0]).toEqual([
    expect.stringMatching(/^roam-actors: the handler of request 2 failed on connection 0: Error: no\n +at /),
  ]);
  expect(reports).toHaveLength(50);
  warn.mockRestore();
});
