import { describe } from '@jest/globals';
import { channelsPart, offerPart, receiverPart, senderPart } from './channel.part.js';
import { machineSuite, steppedSuite } from './suite.js';

describe.each([
  ['channels', channelsPart],
  ['offer', offerPart],
  ['sender', senderPart],
  ['receiver', receiverPart],
] as const)('%s', (_, part) => {
  machineSuite(part);
  steppedSuite(part);
});
