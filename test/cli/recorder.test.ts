import { expect, test } from '@jest/globals';
import type { Entry } from '../../src/cli/demo/demo-event.js';
import { Recorder } from '../../src/cli/demo/recorder.js';
import { established } from '../support/rig.js';
import { itemOn } from '../support/traffic.js';

test('a message on a channel that is gone is told of the ids of its connection, not of the session', async () => {
  const entries: Entry[] = [];
  const recorder = new Recorder('initiator', (entry) => entries.push(entry));
  const reports: unknown[] = [];
  const { rig, session } = await established({
    inspect: recorder.inspect,
    conformance: 'reference',
    onReport: (report) => reports.push(report),
  });
  session.root.serve(({ args }) => args);
  await rig.say(itemOn(1, 1));
  expect(reports).toEqual([]);
  expect(entries.filter(({ actor }) => actor.startsWith('channels')).map(({ actor, to }) => [actor, to])).toEqual([
    ['channels 0/0', 'open'],
  ]);
  session.shutdown();
  await session.closed;
  expect(recorder.received).toEqual({ Item: 1 });
});
