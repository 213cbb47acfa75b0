import { callsPart, incomingCallPart, outgoingCallPart } from './call.part.js';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from './channel.part.js';
import { clientPart } from './client.part.js';
import { connectionPart } from './connection.part.js';
import { handshakePart } from './handshake.part.js';
import { keepalivePart } from './keepalive.part.js';
import { pacingPart } from './pacing.part.js';
import { reliablePart } from './reliable.part.js';
import { sessionPart } from './session.part.js';

/** All machines. */
export const parts = [
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
  reliablePart,
];
