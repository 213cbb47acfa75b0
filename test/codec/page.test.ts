import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CHANNEL_BODY, REQUEST_BODY, TAG } from '../../src/codec/msgpack/layout.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { Message } from '../../src/wire/message.js';
import { NO_PROPAGATE, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { hexOf } from '../support/dump.js';
import { bare, DEFAULT_LIMITS, sameMessage } from '../support/messages.js';

const page = readFileSync(new URL('../../docs/wire-format.md', import.meta.url), 'utf8');

const requestTypes = Object.keys(REQUEST_BODY).map((body) => `RequestMessage, ${body}`);
const channelTypes = Object.keys(CHANNEL_BODY).map((body) => `ChannelMessage, ${body}`);
const KINDS = [
  ...Object.keys(TAG).filter((type) => type !== 'RequestMessage' && type !== 'ChannelMessage'),
  ...requestTypes,
  ...channelTypes,
];

/** An example: a heading, the message as a block of TypeScript, its bytes as a block of text. */
const EXAMPLES = [...page.matchAll(/^### (.+)\n\n```ts fragment\n([^`]+)```\n\n```text\n([^`]+)```$/gm)].map(
  ([, title = '', literal = '', dump = '']): [string, Message, string] => {
    const message = new Function('Sensitive', 'SENSITIVE', 'NO_PROPAGATE', `return (${literal});`);
    return [title, message(Sensitive, SENSITIVE, NO_PROPAGATE) as Message, hexOf(dump)];
  },
);

describe('docs/wire-format.md', () => {
  it('has an example of each message and of each body, under its name', () => {
    expect(EXAMPLES.map(([title]) => title)).toEqual(expect.arrayContaining(KINDS));
    expect(EXAMPLES).toHaveLength(KINDS.length);
    for (const [title, message] of EXAMPLES) {
      expect('body' in message ? `${message.type}, ${message.body.type}` : message.type).toBe(title);
    }
  });

  it.each(EXAMPLES)('gives the bytes that are sent for %s', (_, message, hex) => {
    expect(Buffer.from(messagePack.encode(message)).toString('hex')).toBe(hex);
  });

  it.each(EXAMPLES)('gives the message that is received for %s', (_, message, hex) => {
    expect(sameMessage(messagePack.decode(Buffer.from(hex, 'hex'), DEFAULT_LIMITS), bare(message))).toBe(true);
  });

  it.each([...Object.entries(TAG), ...Object.entries(REQUEST_BODY), ...Object.entries(CHANNEL_BODY)])(
    'has the tag of %s in a table',
    (name, tag) => {
      expect(page).toMatch(new RegExp(`^\\| ${String(tag)} +\\| ${name} +\\|`, 'm'));
    },
  );
});
