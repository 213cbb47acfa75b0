import { readFileSync, writeFileSync } from 'node:fs';
import { callsPart, incomingCallPart, outgoingCallPart } from '../call.part.js';
import { channelsPart, receiverPart, senderPart, unboundChannelPart } from '../channel.part.js';
import { clientPart } from '../client.part.js';
import { connectionPart } from '../connection.part.js';
import { handshakePart } from '../handshake.part.js';
import { keepalivePart } from '../keepalive.part.js';
import { pacingPart } from '../pacing.part.js';
import { reliablePart } from '../reliable.part.js';
import { sessionPart } from '../session.part.js';
import { matrixOf } from './matrix.js';

// `npm run matrix` writes the matrix of each machine; with `--check` it only says which of them are not up to date.

const isCheck = process.argv.includes('--check');

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

for (const part of parts) {
  const file = new URL(`./${part.machine.id}.md`, import.meta.url);
  const { text, cells } = matrixOf(part);
  if (!isCheck) {
    writeFileSync(file, text);
    process.stdout.write(`${part.machine.id}: ${String(cells.length)} cells\n`);
  } else if (readFileSync(file, 'utf8') !== text) {
    process.stdout.write(
      `${part.machine.id}.md is not what the machine does: npm run matrix, and read what has changed\n`,
    );
    process.exitCode = 1;
  }
}
