import { describe } from '@jest/globals';
import { incomingCallPart, outgoingCallPart } from './call.part.js';
import { machineSuite, steppedSuite } from './suite.js';

describe.each([
  ['call', outgoingCallPart],
  ['answer', incomingCallPart],
] as const)('%s', (_, part) => {
  machineSuite(part);
  steppedSuite(part);
});
