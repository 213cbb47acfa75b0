import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { DEFAULT_LIMITS } from '../support/messages.js';

// Every element of every message, as docs/wire-format.md lists them. A value of another kind is refused, and so is an
// element too few or too many. The error names the message and the field.

interface Element {
  /** Undefined for a tag, since another tag is another message. */
  readonly field?: string;
  /** A value that it can have. */
  readonly right: string;
  readonly kind?: string;
}

const tag = (value: number): Element => ({ right: value.toString(16).padStart(2, '0') });
const integer = (field: string): Element => ({ field, right: '01', kind: 'an integer' });
const string = (field: string): Element => ({ field, right: 'a0', kind: 'a string' });
const bytes = (field: string): Element => ({ field, right: 'c400', kind: 'bytes' });
const list = (field: string): Element => ({ field, right: '90', kind: 'an array' });

const connectionId = integer('connectionId');
const connectionSettings: Element = { ...list('connectionSettings'), right: '920040' };
const metadata = list('metadata');
const request = [connectionId, tag(7), integer('id')];
const channel = [connectionId, tag(8), integer('id')];

const MESSAGES: Readonly<Record<string, readonly Element[]>> = {
  Hello: [connectionId, tag(0), integer('version'), connectionSettings, metadata],
  HelloYourself: [connectionId, tag(1), connectionSettings, metadata],
  ProtocolError: [connectionId, tag(2), string('description')],
  ConnectionOpen: [connectionId, tag(3), connectionSettings, metadata],
  ConnectionAccept: [connectionId, tag(4), connectionSettings, metadata],
  ConnectionReject: [connectionId, tag(5), metadata],
  ConnectionClose: [connectionId, tag(6), metadata],
  Call: [...request, tag(0), integer('methodId'), list('channels'), metadata, bytes('args')],
  Response: [...request, tag(1), list('channels'), metadata, bytes('ret')],
  Cancel: [...request, tag(2), metadata],
  Item: [...channel, tag(0), bytes('item')],
  Close: [...channel, tag(1), metadata],
  Reset: [...channel, tag(2), metadata],
  GrantCredit: [...channel, tag(3), integer('additional')],
  Ping: [connectionId, tag(9), integer('nonce')],
  Pong: [connectionId, tag(10), integer('nonce')],
};

/** Returns the refusal of a message with these elements; undefined if it decodes. */
function refusal(elements: readonly string[]): string | undefined {
  const frame = Buffer.from(`9${elements.length.toString(16)}${elements.join('')}`, 'hex');
  try {
    messagePack.decode(frame, DEFAULT_LIMITS);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.message;
  }
}

// r[session.message]
describe.each(Object.entries(MESSAGES))('%s', (name, elements) => {
  const right = elements.map((element) => element.right);

  it('is a message as it is listed here', () => {
    expect(refusal(right)).toBeUndefined();
  });

  const fields = elements.flatMap(({ field, kind }, at) => (field === undefined ? [] : [[field, kind, at] as const]));
  it.each(fields)('is refused where its %s is not %s', (field, kind, at) => {
    const wrong = kind === 'an integer' ? 'a0' : '00';
    expect(refusal(right.with(at, wrong))).toBe(`malformed ${name}: ${field} is not ${String(kind)}`);
  });

  it.each([
    ['few', right.slice(0, -1)],
    ['many', [...right, '00']],
  ])('is refused where it has an element too %s', (_, given) => {
    const expected = `it has ${String(given.length)} elements, expected ${String(right.length)}`;
    expect(refusal(given)).toBe(`malformed ${name}: ${expected}`);
  });
});

describe('what only a tag tells apart', () => {
  it.each([
    ['a message', ['00', 'a0'], 'malformed message: tag is not an integer'],
    ['a request’s body', ['00', '07', '01', 'a0'], 'malformed RequestMessage: body tag is not an integer'],
    ['a channel’s body', ['00', '08', '01', 'a0'], 'malformed ChannelMessage: body tag is not an integer'],
  ])('is refused where that is not an integer: %s', (_, elements, expected) => {
    expect(refusal(elements)).toBe(expected);
  });
});
