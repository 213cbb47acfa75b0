import { alike, NOTHING, VIOLATION } from './outcome.js';
import type { Row } from './vocabulary.js';

// Section 9a, calls and channels: the driver's, which owns requests. A bare session delivers all of it in both modes.
// The rows stand here so that none is lost; their scenarios are the driver's.

const driver = (row: string, situation: string, rest: Pick<Row, 'reference' | 'strict'>): Row => ({
  row,
  layer: 'driver',
  situation,
  ...rest,
  cases: [],
});

export const driverRows: readonly Row[] = [
  driver(
    '9a.14',
    'a request id of the wrong parity, or still in flight (from Call until we send its Response; Cancel does ' +
      'not end it); more than our maxConcurrentRequests in flight',
    { reference: { wire: NOTHING, user: 'delivered' }, strict: VIOLATION },
  ),
  driver('9a.15', 'Response with no call in flight', {
    reference: { wire: NOTHING, user: 'ignored' },
    strict: { ...VIOLATION, user: 'a violation, but for one Response after our own Cancel' },
  }),
  driver('9a.16', 'Cancel for an unknown or finished request', alike(NOTHING, 'ignored')),
  driver('9a.17', 'an Item beyond the credit given', {
    reference: {
      wire: 'nothing, or Reset',
      user: 'delivered if there is room, else the channel is reset; never silently lost',
    },
    strict: VIOLATION,
  }),
  driver('9a.18', 'a message on a channel that no Call named', {
    reference: { wire: 'Reset, if it is not bound in time', user: 'kept up to the initial credit until bound' },
    strict: VIOLATION,
  }),
  driver('9a.19', 'sending Close as the receiver, Reset as the sender', {
    reference: { wire: NOTHING, user: 'ignored' },
    strict: VIOLATION,
  }),
];
