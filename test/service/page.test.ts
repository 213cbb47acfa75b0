import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { channel, Rx, Tx } from '../../src/calls/channel.js';
import { DEFAULT_SERVING } from '../../src/calls/serving.js';
import { CANCELLED, INVALID_PAYLOAD, UNKNOWN_METHOD } from '../../src/payload/envelope.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import type { ChannelHandle } from '../../src/payload/payload.js';
import { methodId } from '../../src/service/method.js';
import { hexOf } from '../support/dump.js';

const page = readFileSync(new URL('../../docs/payloads.md', import.meta.url), 'utf8');

const [tx, rx] = channel<unknown>();

/** An example: a heading, the value as a block of TypeScript, its bytes as a block of text. */
const EXAMPLES = [...page.matchAll(/^### (.+)\n\n```ts fragment\n([^`]+)```\n\n```text\n([^`]+)```$/gm)].map(
  ([, title = '', literal = '', dump = '']): [string, unknown, string] => [
    title,
    new Function('tx', 'rx', `return (${literal.trim().replace(/;$/, '')});`)(tx, rx),
    hexOf(dump),
  ],
);

describe('docs/payloads.md', () => {
  it('has its examples', () => {
    expect(EXAMPLES).toHaveLength([...page.matchAll(/^### /gm)].length);
    expect(EXAMPLES.map(([, value]) => value)).toEqual(
      expect.arrayContaining([UNKNOWN_METHOD, INVALID_PAYLOAD, CANCELLED]),
    );
  });

  it.each(EXAMPLES)('gives the bytes that are sent for %s', (_, value, hex) => {
    const ends: ChannelHandle[] = [];
    expect(Buffer.from(messagePackPayload.encode(value, ends)).toString('hex')).toBe(hex);
    expect(ends).toEqual(hex.includes('d401') ? [rx, tx] : []);
  });

  it.each(EXAMPLES)('gives the value that is received for %s', (_, value, hex) => {
    const taken = messagePackPayload.decode(Buffer.from(hex, 'hex'), (kind) => (kind === 'rx' ? rx : tx));
    expect(taken).toEqual(value);
  });

  it('tells which end is which', () => {
    expect([rx instanceof Rx, tx instanceof Tx]).toEqual([true, true]);
  });

  it('has the id of a method', () => {
    expect(page).toContain(`0x${methodId('Adder', 'add').toString(16)} for \`Adder.add\``);
  });

  it('has what a connection without a service says, too', () => {
    expect(Object.values(DEFAULT_SERVING.refusals)).toEqual(
      [UNKNOWN_METHOD, INVALID_PAYLOAD, CANCELLED].map((value) => messagePackPayload.encode(value)),
    );
  });
});
