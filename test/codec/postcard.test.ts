// Tests the postcard codec with vectors and recordings of the official peers, and with frames that break its format.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import { allocatePayload, lend } from '../../src/base/frame-memory.js';
import { postcard } from '../../src/payload/postcard/index.js';
import type { Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { bare, DEFAULT_LIMITS, exampleMessages, sameMessage } from '../support/messages.js';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const encoded = (message: Message): string => hexOf(postcard.encode(message));

/** The message, or the ProtocolError; any other error is the test's failure. */
function decoded(bytes: Uint8Array, limits = DEFAULT_LIMITS): Message | ProtocolError {
  try {
    return postcard.decode(bytes, limits);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.cause !== undefined) throw error;
    if (error.side !== 'remote' || error.rule !== 'session.message') throw error;
    return error;
  }
}

/** The type of the message, or of its body; or the error's text. */
function outcome(bytes: string | Uint8Array, limits = DEFAULT_LIMITS): string {
  const result = decoded(typeof bytes === 'string' ? bytesOf(bytes) : bytes, limits);
  if (!(result instanceof ProtocolError)) return 'body' in result ? result.body.type : result.type;
  return result.limit === undefined ? result.message : `${result.limit}: ${result.message}`;
}

const METADATA = '030874726163652d696400066162633132330004617574680104deadbeef0307617474656d7074020200';
const metadata: Metadata = [
  { key: 'trace-id', value: 'abc123', flags: 0n },
  { key: 'auth', value: new Sensitive(bytesOf('deadbeef')), flags: 3n },
  { key: 'attempt', value: 2n, flags: 0n },
];
const settings = (parity: 'odd' | 'even', maxConcurrentRequests: number) => ({ parity, maxConcurrentRequests });
const request = { type: 'RequestMessage', connectionId: 2, id: 11 } as const;
const channel = { type: 'ChannelMessage', connectionId: 2, id: 3 } as const;
const call = { type: 'Call', methodId: 16_546_742_569_209_491_457n, channels: [3, 5], metadata } as const;

/** The vectors of roam 7.3.0, directory wire-v7. */
const GOLDEN: readonly (readonly [string, Message])[] = [
  [
    `0000070040${METADATA}`,
    { type: 'Hello', connectionId: 0, version: 7, connectionSettings: settings('odd', 64), metadata },
  ],
  [
    `00010120${METADATA}`,
    { type: 'HelloYourself', connectionId: 0, connectionSettings: settings('even', 32), metadata },
  ],
  [
    '000212626164206672616d652073657175656e6365',
    { type: 'ProtocolError', connectionId: 0, description: 'bad frame sequence' },
  ],
  [
    `02030040${METADATA}`,
    { type: 'ConnectionOpen', connectionId: 2, connectionSettings: settings('odd', 64), metadata },
  ],
  [
    `02040160${METADATA}`,
    { type: 'ConnectionAccept', connectionId: 2, connectionSettings: settings('even', 96), metadata },
  ],
  [`0405${METADATA}`, { type: 'ConnectionReject', connectionId: 4, metadata }],
  [`0206${METADATA}`, { type: 'ConnectionClose', connectionId: 2, metadata }],
  [
    `02070b0081e0c39cacd6f5d0e501020305${METADATA}f8acd19101`,
    { ...request, body: { ...call, args: bytesOf('f8acd19101') } },
  ],
  [
    `02070b010107${METADATA}8ce0bad60f`,
    { ...request, body: { type: 'Response', channels: [7], metadata, ret: bytesOf('8ce0bad60f') } },
  ],
  [`02070b02${METADATA}`, { ...request, body: { type: 'Cancel', metadata } }],
  ['020803004d', { ...channel, body: { type: 'Item', item: bytesOf('4d') } }],
  [`02080301${METADATA}`, { ...channel, body: { type: 'Close', metadata } }],
  [`02080302${METADATA}`, { ...channel, body: { type: 'Reset', metadata } }],
  ['020803038008', { ...channel, body: { type: 'GrantCredit', additional: 1024 } }],
];

// r[session.message]
describe('a message in the vectors of the official peers', () => {
  it.each(GOLDEN)('is decoded from %s, and encoded to it', (hex, message) => {
    expect(sameMessage(postcard.decode(bytesOf(hex), DEFAULT_LIMITS), bare(message))).toBe(true);
    expect(encoded(message)).toBe(hex);
  });
});

describe('a frame that is written around a long payload', () => {
  const bodies: Record<string, (payload: Uint8Array) => Message> = {
    Call: (args) => {
      const body = { type: 'Call', methodId: 2n ** 64n - 1n, channels: [], metadata: [], args } as const;
      return { type: 'RequestMessage', connectionId: 2 ** 53 - 1, id: 2 ** 53 - 1, body };
    },
    Response: (ret) => {
      const body = { type: 'Response', channels: [], metadata: [], ret } as const;
      return { type: 'RequestMessage', connectionId: 0, id: 1, body };
    },
    Item: (item) => ({ type: 'ChannelMessage', connectionId: 1, id: 300, body: { type: 'Item', item } }),
  };

  it.each(Object.entries(bodies))('has the bytes of one that is copied: %s', (_, messageWith) => {
    const payload = allocatePayload(3000).map((_, index) => index) as Uint8Array;
    const long = allocatePayload(3000);
    long.set(payload);
    lend(long);
    const expected = postcard.encode(messageWith(payload));
    const around = postcard.encode(messageWith(long));
    // The payload is in its place once: the same message again is another frame, and the first one stays.
    const again = postcard.encode(messageWith(long));
    expect([around.buffer === long.buffer, again.buffer === long.buffer]).toEqual([true, false]);
    expect([around, again]).toEqual([expected, expected]);
  });
});

describe('a frame recorded from official peers, or accepted by them,', () => {
  const frames: string[] = JSON.parse(readFileSync(new URL('postcard-frames.json', import.meta.url), 'utf8'));

  it('is decoded and encoded to the same bytes', () => {
    expect(frames).toHaveLength(364);
    const again = frames.map((hex) => encoded(postcard.decode(bytesOf(hex), DEFAULT_LIMITS)));
    expect(again).toEqual(frames);
  });

  it('is no message without its last byte, where that is no payload’s, nor with one more', () => {
    for (const hex of frames) {
      if (/^(Call|Response|Item)$/.test(outcome(hex))) continue;
      expect(outcome(hex.slice(0, -2))).toMatch(/^malformed /);
      expect(outcome(`${hex}00`)).toMatch(/^malformed \w+: bytes after the end of the message$/);
    }
  });
});

/** Integers and their varints; the first eleven are the vectors of the official peers. */
const VARINTS: readonly (readonly [bigint, string])[] = [
  [0n, '00'],
  [1n, '01'],
  [127n, '7f'],
  [128n, '8001'],
  [255n, 'ff01'],
  [256n, '8002'],
  [16_383n, 'ff7f'],
  [16_384n, '808001'],
  [65_535n, 'ffff03'],
  [65_536n, '808004'],
  [1_048_576n, '808040'],
  ...Array.from({ length: 7 }, (_, index) => [2n ** BigInt(21 + index * 7), `${'80'.repeat(3 + index)}01`] as const),
  ...Array.from(
    { length: 7 },
    (_, index) => [2n ** BigInt(21 + index * 7) - 1n, `${'ff'.repeat(2 + index)}7f`] as const,
  ),
  [2n ** 32n - 1n, 'ffffffff0f'],
  [2n ** 32n, '8080808010'],
  [2n ** 53n - 1n, 'ffffffffffffff0f'],
  [2n ** 53n, '8080808080808010'],
  [2n ** 63n - 1n, 'ffffffffffffffff7f'],
  [2n ** 63n, '80808080808080808001'],
  [2n ** 64n - 1n, 'ffffffffffffffffff01'],
];

describe('an integer', () => {
  it.each(VARINTS)('%d is %s, as a u64, an id and a u32, within their ranges', (value, hex) => {
    const pong: Message = { type: 'Pong', connectionId: 0, nonce: value };
    expect(encoded(pong)).toBe(`000a${hex}`);
    expect(postcard.decode(bytesOf(`000a${hex}`), DEFAULT_LIMITS)).toEqual(pong);
    const called = { type: 'Call', methodId: value, channels: [], metadata: [], args: bytesOf('99') } as const;
    expect(encoded({ ...request, body: called })).toBe(`02070b00${hex}000099`);
    if (value < 2n ** 53n) {
      const item: Message = { ...channel, connectionId: Number(value), id: Number(value), body: ITEM };
      expect(encoded(item)).toBe(`${hex}08${hex}0007`);
      expect(postcard.decode(bytesOf(`${hex}08${hex}0007`), DEFAULT_LIMITS)).toEqual(item);
      const close: Message = { type: 'ConnectionClose', connectionId: Number(value), metadata: [] };
      expect(encoded(close)).toBe(`${hex}0600`);
    }
    if (value < 2n ** 32n) {
      const grant: Message = { ...channel, body: { type: 'GrantCredit', additional: Number(value) } };
      expect(encoded(grant)).toBe(`02080303${hex}`);
      expect(postcard.decode(bytesOf(`02080303${hex}`), DEFAULT_LIMITS)).toEqual(grant);
    }
  });

  it.each([
    ['8000 06 00', 'ConnectionClose'],
    ['80808080808080808000 06 00', 'ConnectionClose'],
    ['8080808080808080808000 06 00', 'malformed message: connectionId has more than 10 bytes'],
    ['00 8900 05', 'Ping'],
    ['00 8980808000 05', 'Ping'],
    ['00 898080808000 05', 'malformed message: tag has more than 5 bytes'],
    ['00 09 8500', 'Ping'],
    ['00 09 85808080808080808000', 'Ping'],
    ['00 09 8580808080808080808000', 'malformed Ping: nonce has more than 10 bytes'],
    ['00 09 85808080808080808080', 'malformed Ping: nonce has more than 10 bytes'],
    ['00 08 01 03 8580808000', 'GrantCredit'],
    ['00 08 01 03 858080808000', 'malformed GrantCredit: additional has more than 5 bytes'],
    ['00 06 8000', 'ConnectionClose'],
    ['00 06 80808080808080808000', 'ConnectionClose'],
    ['00 06 8080808080808080808000', 'malformed ConnectionClose: metadata has more than 10 bytes'],
  ])('may have more bytes than it needs, up to those of its width: %s', (hex, expected) => {
    expect(outcome(hex)).toBe(expected);
  });

  it.each([
    ['ffffffffffffff0f 09 00', 'Ping'],
    ['8080808080808010 09 00', 'malformed message: connectionId is above 2^53 - 1'],
    ['ffffffffffffffffff01 09 00', 'malformed message: connectionId is above 2^53 - 1'],
    ['00 07 8080808080808010 02 00', 'malformed RequestMessage: id is above 2^53 - 1'],
    ['00 08 8080808080808010 00', 'malformed ChannelMessage: id is above 2^53 - 1'],
    ['00 07 01 00 05 02 01 8080808080808010 00', 'malformed Call: channels is above 2^53 - 1'],
    ['00 09 ffffffffffffffffff01', 'Ping'],
    ['00 09 ffffffffffffffffff02', 'malformed Ping: nonce is above 2^64 - 1'],
    ['00 09 8080808080808080807f', 'malformed Ping: nonce is above 2^64 - 1'],
    ['00 07 01 00 80808080808080808002 00 00', 'malformed Call: methodId is above 2^64 - 1'],
    ['00 06 80808080808080808002', 'malformed ConnectionClose: metadata has a length above 2^64 - 1'],
    ['00 00 ffffffff0f 00 00 00', 'Hello'],
    ['00 00 8780808010 00 00 00', 'malformed Hello: version is above 2^32 - 1'],
    ['00 01 00 8080808010 00', 'malformed HelloYourself: maxConcurrentRequests is above 2^32 - 1'],
    ['00 08 01 03 8080808010', 'malformed GrantCredit: additional is above 2^32 - 1'],
    ['00 8980808010 00', 'malformed message: tag is above 2^32 - 1'],
  ])('is refused beyond its range: %s', (hex, expected) => {
    expect(outcome(hex)).toBe(expected);
  });
});

const ITEM = { type: 'Item', item: Uint8Array.of(7) } as const;

describe('a refusal names the message and the field', () => {
  it.each([
    ['', 'malformed message: it ends within connectionId'],
    ['80', 'malformed message: it ends within connectionId'],
    ['00', 'malformed message: it ends within tag'],
    ['00 0b', 'malformed message: unknown tag 11'],
    ['00 00', 'malformed Hello: it ends within version'],
    ['00 00 07', 'malformed Hello: it ends within parity'],
    ['00 00 07 02 40 00', 'malformed Hello: unknown parity 2'],
    ['00 00 07 00', 'malformed Hello: it ends within maxConcurrentRequests'],
    ['00 00 07 00 40', 'malformed Hello: it ends within metadata'],
    ['00 00 07 00 40 00 00', 'malformed Hello: bytes after the end of the message'],
    ['00 01 02', 'malformed HelloYourself: unknown parity 2'],
    ['00 02 05 61', 'malformed ProtocolError: it ends within description'],
    ['00 02 ffffffff0f 61', 'malformed ProtocolError: it ends within description'],
    ['00 02 02 c328', 'malformed ProtocolError: description is not UTF-8'],
    ['00 02 03 eda080', 'malformed ProtocolError: description is not UTF-8'],
    [`00 02 28 ${'61'.repeat(39)}ff`, 'malformed ProtocolError: description is not UTF-8'],
    ['02 03 00', 'malformed ConnectionOpen: it ends within maxConcurrentRequests'],
    ['02 04 00 00', 'malformed ConnectionAccept: it ends within metadata'],
    ['02 05 01', 'malformed ConnectionReject: it ends within metadata'],
    ['02 05 01 01', 'malformed ConnectionReject: it ends within metadata[0].key'],
    ['02 05 01 01 6b', 'malformed ConnectionReject: it ends within metadata[0].kind'],
    ['02 05 01 01 6b 03', 'malformed ConnectionReject: metadata[0].kind is unknown'],
    ['02 05 01 01 6b 00', 'malformed ConnectionReject: it ends within metadata[0].value'],
    ['02 05 01 01 6b 01 01', 'malformed ConnectionReject: it ends within metadata[0].value'],
    ['02 05 01 01 6b 02 80', 'malformed ConnectionReject: it ends within metadata[0].value'],
    ['02 05 01 01 6b 00 00', 'malformed ConnectionReject: it ends within metadata[0].flags'],
    ['02 05 01 01 ff 00 00 00', 'malformed ConnectionReject: metadata[0].key is not UTF-8'],
    ['02 05 01 00 00 01 ff 00', 'malformed ConnectionReject: metadata[0].value is not UTF-8'],
    ['02 05 02 00 02 00 00 01 c0 00 00 00', 'malformed ConnectionReject: metadata[1].key is not UTF-8'],
    ['02 06 00 00', 'malformed ConnectionClose: bytes after the end of the message'],
    ['00 07', 'malformed RequestMessage: it ends within id'],
    ['00 07 01', 'malformed RequestMessage: it ends within body tag'],
    ['00 07 01 03', 'malformed RequestMessage: unknown body tag 3'],
    ['00 07 01 00', 'malformed Call: it ends within methodId'],
    ['00 07 01 00 ffffffff', 'malformed Call: it ends within methodId'],
    ['00 07 01 00 05', 'malformed Call: it ends within channels'],
    ['00 07 01 00 05 02 01', 'malformed Call: it ends within channels'],
    ['00 07 01 00 05 00', 'malformed Call: it ends within metadata'],
    ['00 07 01 01', 'malformed Response: it ends within channels'],
    ['00 07 01 01 00', 'malformed Response: it ends within metadata'],
    ['00 07 01 02', 'malformed Cancel: it ends within metadata'],
    ['00 07 01 02 00 00', 'malformed Cancel: bytes after the end of the message'],
    ['00 08 01', 'malformed ChannelMessage: it ends within body tag'],
    ['00 08 01 04', 'malformed ChannelMessage: unknown body tag 4'],
    ['00 08 01 01 00 00', 'malformed Close: bytes after the end of the message'],
    ['00 08 01 02', 'malformed Reset: it ends within metadata'],
    ['00 08 01 03', 'malformed GrantCredit: it ends within additional'],
    ['00 08 01 03 05 00', 'malformed GrantCredit: bytes after the end of the message'],
    ['00 09', 'malformed Ping: it ends within nonce'],
    ['00 0a 05 00', 'malformed Pong: bytes after the end of the message'],
  ])('%s', (hex, text) => {
    expect(outcome(hex)).toBe(text);
  });

  // r[rpc.metadata.flags.sensitive]
  it('and says nothing of what the metadata holds', () => {
    const secret = 's3cret';
    const entry = { key: secret, value: secret, flags: 0n };
    const bytes = postcard.encode({ type: 'ConnectionClose', connectionId: 1, metadata: [entry, entry] });
    for (let at = 0; at < bytes.length; at++) {
      for (let value = 0; value < 256; value++) {
        const text = outcome(bytes.map((byte, index) => (index === at ? value : byte)));
        if (/s3c|cret/.test(text)) throw new Error(text);
      }
    }
  });
});

describe('a string', () => {
  it.each([
    ['03efbbbf', '\uFEFF'],
    ['04efbbbf61', '\uFEFFa'],
    [`34efbbbf${'61'.repeat(49)}`, `\uFEFF${'a'.repeat(49)}`],
    ['12 68c3a96c6c6f20e4b896e7958c20f09fa680', 'héllo 世界 🦀'],
  ])('keeps a leading byte order mark, and every character: %s', (hex, description) => {
    const message: Message = { type: 'ProtocolError', connectionId: 0, description };
    expect(postcard.decode(bytesOf(`0002${hex}`), DEFAULT_LIMITS)).toEqual(message);
    expect(encoded(message)).toBe(`0002${hex.replaceAll(' ', '')}`);
  });
});

describe('a frame that claims more than it has is refused at the cost of what it has', () => {
  it.each([
    ['channels', '00 07 01 00 05 80808008', 'malformed Call: it ends within channels'],
    ['a text of 4 GiB', '00 02 ffffffff0f', 'malformed ProtocolError: it ends within description'],
    ['entries', '01 06 ffffffffffffffffff01', 'malformed ConnectionClose: it ends within metadata'],
  ])('%s', (_, hex, expected) => {
    expect(outcome(hex)).toBe(expected);
  });

  it('and so are more elements in a list than official peers take', () => {
    const frame = new Uint8Array(2 ** 24 + 20);
    frame.set(bytesOf('0007010005 81808008'));
    expect(outcome(frame)).toBe('malformed Call: channels has more than 16777216 elements');
  });
});

describe('the limits of metadata', () => {
  const close = (entries: number, value: string | Uint8Array | bigint, key = 'k'): string =>
    encoded({
      type: 'ConnectionClose',
      connectionId: 1,
      metadata: Array.from({ length: entries }, () => ({ key, value, flags: 1n })),
    });

  it.each([
    [0, 1, 'metadataEntries: malformed ConnectionClose: metadata has more than 0 entries'],
    [1, 0, 'ConnectionClose'],
    [7, 7, 'ConnectionClose'],
    [7, 8, 'metadataEntries: malformed ConnectionClose: metadata has more than 7 entries'],
    [64, 64, 'ConnectionClose'],
    [64, 65, 'metadataEntries: malformed ConnectionClose: metadata has more than 64 entries'],
  ])('allow %d entries: of %d', (metadataEntries, entries, expected) => {
    expect(outcome(close(entries, 'v'), { metadataEntries, metadataBytes: 1 << 20 })).toBe(expected);
  });

  it.each([
    ['ASCII', 'v'.repeat(99), 100],
    ['two bytes each', 'é'.repeat(99), 199],
    ['four bytes each', '😀'.repeat(99), 397],
    ['bytes', new Uint8Array(99), 100],
    ['an integer', 1n, 9],
  ])('count the bytes of keys and values: %s', (_, value, size) => {
    for (const entries of [1, 2, 5]) {
      const all = size * entries;
      const over = `metadataBytes: malformed ConnectionClose: metadata has more than ${String(all - 1)} bytes`;
      const hex = close(entries, value);
      expect(outcome(hex, { metadataEntries: 64, metadataBytes: all - 1 })).toBe(over);
      expect(outcome(hex, { metadataEntries: 64, metadataBytes: all })).toBe('ConnectionClose');
    }
  });

  it('are checked before a key or a value is read', () => {
    // The key, and then the value, is not UTF-8: it is over the limit before that matters.
    const over = 'metadataBytes: malformed ConnectionClose: metadata has more than 1 bytes';
    const limits = { metadataEntries: 64, metadataBytes: 1 };
    expect(outcome('01 06 01 02ffff 00 00 00', limits)).toBe(over);
    expect(outcome('01 06 01 01 61 00 01ff 00', limits)).toBe(over);
    expect(outcome('01 06 01 01ff 00 00 00', limits)).toBe('malformed ConnectionClose: metadata[0].key is not UTF-8');
  });
});

describe('an example with any one byte changed', () => {
  it('it is a message, which encodes and decodes to itself, or a ProtocolError', () => {
    for (const message of exampleMessages) {
      const bytes = Uint8Array.from(postcard.encode(message));
      for (let at = 0; at < bytes.length; at++) {
        const original = bytes[at] ?? 0;
        for (let value = 0; value < 256; value++) {
          bytes[at] = value;
          const result = decoded(bytes);
          if (result instanceof ProtocolError) continue;
          if (sameMessage(postcard.decode(postcard.encode(result), DEFAULT_LIMITS), result)) continue;
          throw new Error(hexOf(bytes));
        }
        bytes[at] = original;
      }
    }
  });
});
