import { describe, expect, it } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { ChannelMessage, Item, Message } from '../../src/wire/message.js';
import { bare, DEFAULT_LIMITS, exampleMessages } from '../support/messages.js';

// Written by hand from the layout and the MessagePack specification, in the order of `exampleMessages`.
const BYTES = [
  '95 00 00 07 92 00 40 92 94 a4 6e616d65 00 a3 416461 00 94 a5 746f6b656e 01 c4 02 0102 01',
  '94 00 01 92 01 cc c8 90',
  '93 00 02 ae 73657373696f6e2e706172697479',
  '94 01 03 92 00 ce ffffffff 91 94 a1 6e 02 cd 012c 02',
  '94 01 04 92 01 00 90',
  '93 ce 00010000 05 91 94 a3 776879 00 a4 66756c6c 00',
  '93 03 06 90',
  '98 00 07 01 00 cf 0123456789abcdef 92 01 03 90 c4 02 cafe',
  '97 00 07 01 01 90 90 c4 01 2a',
  '95 00 07 cd 012c 02 90',
  '95 02 08 05 00 c4 00',
  '95 02 08 05 01 90',
  '95 02 08 cf 001fffffffffffff 02 90',
  '95 02 08 05 03 10',
  '93 00 09 01',
  '93 00 0a cf ffffffffffffffff',
];

const ROWS = exampleMessages.map((message, index): [string, Message, string] => [
  'body' in message ? `${message.type}, ${message.body.type}` : message.type,
  message,
  (BYTES[index] ?? '').replaceAll(' ', ''),
]);

it('goes by its name wherever a codec is named', () => {
  expect(messagePack.name).toBe('msgpack');
});

describe('the bytes of a message', () => {
  it('are given here for every kind of message and body', () => {
    expect(BYTES).toHaveLength(exampleMessages.length);
    expect(new Set(ROWS.map(([name]) => name)).size).toBe(16);
  });

  it.each(ROWS)('are those of the layout when encoded: %s', (_, message, hex) => {
    expect(Buffer.from(messagePack.encode(message)).toString('hex')).toBe(hex);
  });

  it.each(ROWS)('decode to the message: %s', (_, message, hex) => {
    expect(messagePack.decode(Buffer.from(hex, 'hex'), DEFAULT_LIMITS)).toStrictEqual(bare(message));
  });
});

describe('an integer', () => {
  const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

  const ping = (nonce: bigint): string =>
    hexOf(messagePack.encode({ type: 'Ping', connectionId: 0, nonce })).slice('930009'.length);

  const pingOn = (connectionId: number): string =>
    hexOf(messagePack.encode({ type: 'Ping', connectionId, nonce: 0n })).slice('93'.length, -'0900'.length);

  it.each([
    [0n, '00'],
    [127n, '7f'],
    [128n, 'cc80'],
    [255n, 'ccff'],
    [256n, 'cd0100'],
    [65_535n, 'cdffff'],
    [65_536n, 'ce00010000'],
    [2n ** 32n - 1n, 'ceffffffff'],
    [2n ** 32n, 'cf0000000100000000'],
    [2n ** 63n - 1n, 'cf7fffffffffffffff'],
    [2n ** 63n, 'cf8000000000000000'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
  ])('takes the shortest unsigned form there is: %s', (value, hex) => {
    expect(ping(value)).toBe(hex);
    // Ids are numbers and are encoded by other code, so they are checked too.
    if (value <= Number.MAX_SAFE_INTEGER) expect(pingOn(Number(value))).toBe(hex);
  });

  it.each([
    '01',
    'cc01',
    'cd0001',
    'ce00000001',
    'cf0000000000000001',
    'd001',
    'd10001',
    'd200000001',
    'd30000000000000001',
  ])('is read in whichever form it comes: %s', (one) => {
    const read = (hex: string): Message => messagePack.decode(Buffer.from(hex, 'hex'), DEFAULT_LIMITS);
    expect(read(`93${one}09${one}`)).toEqual({ type: 'Ping', connectionId: 1, nonce: 1n });
    expect(read(`94${one}${one}92${one}${one}90`)).toEqual({
      type: 'HelloYourself',
      connectionId: 1,
      connectionSettings: { parity: 'even', maxConcurrentRequests: 1 },
      metadata: [],
    });
    expect(read(`98 01 07 ${one} 00 01 91${one} 9194a0${one}c400${one} c400`.replaceAll(' ', ''))).toEqual({
      type: 'RequestMessage',
      connectionId: 1,
      id: 1,
      body: {
        type: 'Call',
        methodId: 1n,
        channels: [1],
        metadata: [{ key: '', value: expect.anything(), flags: 1n }],
        args: new Uint8Array(0),
      },
    });
    expect(read(`95 01 08 01 ${one} 90`.replaceAll(' ', ''))).toMatchObject({ body: { type: 'Close' } });
  });
});

describe('a payload', () => {
  it.each([
    [0, 'c400'],
    [255, 'c4ff'],
    [256, 'c50100'],
    [65_535, 'c5ffff'],
    [65_536, 'c600010000'],
    [2 ** 24, 'c601000000'],
  ])(
    'of %d bytes takes the shortest header there is, and none of its bytes is copied when it is read',
    (length, header) => {
      const payload = Buffer.alloc(length, '12345678');
      const body: Item = { type: 'Item', item: payload };
      // With the larger id, msgpackr writes and reads the fields before the payload.
      for (const [id, hex] of [
        [1, '01'],
        [2 ** 32, 'cf0000000100000000'],
      ] as const) {
        const head = Buffer.from(`950008${hex}00${header}`, 'hex');
        const frame = messagePack.encode({ type: 'ChannelMessage', connectionId: 0, id, body });
        expect(Buffer.compare(frame, Buffer.concat([head, payload]))).toBe(0);
        const { item } = (messagePack.decode(frame, DEFAULT_LIMITS) as ChannelMessage).body as Item;
        expect([item.buffer === frame.buffer, item.byteOffset, item.length]).toEqual([
          true,
          frame.byteOffset + head.length,
          length,
        ]);
      }
    },
  );
});

describe('an array', () => {
  it.each(['93', 'dc0003', 'dd00000003'])('is read in whichever form it comes: %s', (header) => {
    expect(messagePack.decode(Buffer.from(`${header}000901`, 'hex'), DEFAULT_LIMITS)).toEqual({
      type: 'Ping',
      connectionId: 0,
      nonce: 1n,
    });
  });
});
