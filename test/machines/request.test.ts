import { describe } from '@jest/globals';
import { answerPart, callPart } from './request.part.js';
import { machineSuite, steppedSuite } from './suite.js';

describe.each([
  ['call', callPart],
  ['answer', answerPart],
] as const)('%s', (_, part) => {
  machineSuite(part);
  steppedSuite(part);
});
