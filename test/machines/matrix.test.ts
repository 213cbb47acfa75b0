import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { callsPart, incomingCallPart, outgoingCallPart } from './call.part.js';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from './channel.part.js';
import { clientPart } from './client.part.js';
import { connectionPart } from './connection.part.js';
import { handshakePart } from './handshake.part.js';
import { keepalivePart } from './keepalive.part.js';
import { matrixOf } from './matrix/matrix.js';
import { pacingPart } from './pacing.part.js';
import { reliablePart } from './reliable.part.js';
import { sessionPart } from './session.part.js';

const parts = [
  ...[handshakePart, sessionPart, connectionPart, keepalivePart],
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
  reliablePart,
  clientPart,
];

describe.each(parts.map((part) => [part.machine.id, part] as const))('the matrix of the %s', (id, part) => {
  const { text, cells } = matrixOf(part);

  test('has in each cell what the specification says', () => {
    expect(cells.map(({ name, got }) => ({ name, ...got }))).toEqual(
      cells.map(({ name, want }) => ({ name, ...want })),
    );
  });

  test('is the one that is committed', () => {
    const committed = readFileSync(new URL(`matrix/${id}.md`, import.meta.url), 'utf8');
    expect(committed.split('\n')).toEqual(text.split('\n'));
  });
});
