import { callsPart, incomingCallPart, outgoingCallPart } from './call.part.js';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from './channel.part.js';
import { clientPart } from './client.part.js';
import { connectionPart } from './connection.part.js';
import { handshakePart } from './handshake.part.js';
import { keepalivePart } from './keepalive.part.js';
import { pacingPart } from './pacing.part.js';
import { reliablePart } from './reliable.part.js';
import { sessionPart } from './session.part.js';

/** All machines but that of the reliable link, whose paths take too long to be played for each mutant. */
export const mutatedParts = [
  ...[handshakePart, keepalivePart, connectionPart, sessionPart],
  ...[
    pacingPart,
    callsPart,
    outgoingCallPart,
    incomingCallPart,
    channelsPart,
    unboundChannelPart,
    senderPart,
    receiverPart,
  ],
  clientPart,
];

/** All machines. */
export const parts = [...mutatedParts, reliablePart];
