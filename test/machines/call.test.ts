import { describe } from '@jest/globals';
import { callsPart, incomingCallPart, outgoingCallPart } from './call.part.js';
import { machineSuite, steppedSuite } from './suite.js';

describe.each([
  ['calls', callsPart],
  ['call of ours', outgoingCallPart],
  ['call of the peer', incomingCallPart],
] as const)('%s', (_, part) => {
  machineSuite(part);
  steppedSuite(part);
});
