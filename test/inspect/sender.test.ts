import { expect, test } from '@jest/globals';
import type { InspectionRecord } from '../../src/inspect/record.js';
import { Sender } from '../../src/inspect/sender.js';

test('keeps a bounded number of bytes for a server that is not there yet, and says how many records it has lost', async () => {
  let open = (): void => {};
  const told: unknown[] = [];
  const sender = new Sender(
    'ws://nowhere.example',
    (_url, events) => {
      open = () => {
        events.opened();
        events.message(undefined);
      };
      return { bufferedAmount: 0, send: () => {}, close: () => events.closed() };
    },
    {
      listen: (isListening) => told.push(isListening),
      tellAll: (isNew, lost) => told.push({ isNew, lost }),
      flushing: () => {},
      report: () => {},
    },
  );
  sender.start();
  const context = Array.from({ length: 32 }, (_, n) => `${n}`.padEnd(1_000, '.'));
  for (let n = 0; n < 1_000; n++) {
    const snapshot = { status: 'active', context } as const;
    sender.push({ kind: 'snapshot', seq: 0, at: 0, actor: '0/x:0', event: 'go', snapshot } as InspectionRecord);
  }
  expect(told).toEqual([true, false]);
  open();
  expect(told).toEqual([true, false, true, { isNew: true, lost: expect.any(Number) }]);
  expect((told[3] as { lost: number }).lost).toBeLessThan(300);
  await sender.stop();
});
