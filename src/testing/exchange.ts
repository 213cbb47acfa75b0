import { type SequenceStep, sequenceMermaid } from '../diagram/sequence.js';
import type { Message } from '../wire/message.js';

/** An entry of an exchange: a message, undecodable bytes, the end of the stream, a broken link, or a control of the peer. */
export type Word = Message | Uint8Array | 'end' | 'break' | { readonly control: string };

/** An entry with its origin. A control is from the tester. */
export interface Said {
  readonly from: 'tester' | 'peer';
  readonly message: Word;
}

/**
 * Returns an exchange as a Mermaid sequence diagram. It shows types, ids and the fields that distinguish messages. It never
 * shows metadata or payloads.
 */
export function toMermaid(exchange: readonly Said[]): string {
  return sequenceMermaid({ participants: ['tester', 'peer'], steps: exchange.map(stepOf) }).trimEnd();
}

/** Describes a message in a few words. */
export function inWords(word: Word): string {
  if (word === 'end') return 'end of the stream';
  if (word === 'break') return 'the link breaks';
  if (word instanceof Uint8Array) return `${word.length} bytes that are no message`;
  if ('control' in word) return word.control;
  return `${word.type} on ${word.connectionId}${detailOf(word)}`;
}

function stepOf({ from, message }: Said): SequenceStep {
  const text = inWords(message);
  if (typeof message === 'object' && 'control' in message) return { type: 'note', over: 'peer', text };
  return { type: 'message', from, to: from === 'tester' ? 'peer' : 'tester', text };
}

function detailOf(message: Message): string {
  switch (message.type) {
    case 'Hello':
      return `, version ${message.version}, ${message.connectionSettings.parity}`;
    case 'HelloYourself':
    case 'ConnectionOpen':
    case 'ConnectionAccept':
      return `, ${message.connectionSettings.parity}`;
    case 'ProtocolError':
      return `: ${message.description}`;
    case 'Ping':
    case 'Pong':
      return `, nonce ${message.nonce}`;
    case 'RequestMessage':
    case 'ChannelMessage':
      return `, ${message.body.type} ${message.id}`;
    case 'ConnectionReject':
    case 'ConnectionClose':
      return '';
  }
}
