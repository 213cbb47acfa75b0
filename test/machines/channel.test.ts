import { describe } from '@jest/globals';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from './channel.part.js';
import { machineSuite, steppedSuite } from './suite.js';

describe.each([
  ['channels', channelsPart],
  ['offer', unboundChannelPart],
  ['sender', senderPart],
  ['receiver', receiverPart],
] as const)('%s', (_, part) => {
  machineSuite(part);
  steppedSuite(part);
});
