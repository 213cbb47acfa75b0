import { describe, expect, test } from '@jest/globals';
import {
  ACK,
  CLOSE,
  DATA,
  frame,
  HEADER,
  headerSize,
  putHeader,
  readFrame,
  SETTINGS,
} from '../../src/reliable/frames.js';
import {
  clientHello,
  fullCount,
  readClientHello,
  readServerHello,
  rejection,
  serverHello,
} from '../../src/reliable/hello.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);
const ZEROS = '00'.repeat(16);

describe('the greetings have the layout of the stable conduit of roam 7.3.0, and the bit 128', () => {
  test.each([
    ['a new session', clientHello(undefined, 0), `524f4348 80 ${ZEROS} 00000000`],
    [
      'a session that has received the messages 0 to 258',
      clientHello(KEY, 259),
      '524f4348 83 000102030405060708090a0b0c0d0e0f 02010000',
    ],
    [
      'an acceptor that has received message 0',
      serverHello(KEY, 1),
      '524f5348 82 000102030405060708090a0b0c0d0e0f 00000000',
    ],
    ['a refusal', rejection(), `524f5348 81 ${ZEROS} 00000000`],
  ])('%s', (_, bytes, wanted) => {
    expect(hex(bytes)).toBe(wanted.replaceAll(' ', ''));
  });

  test('a position of 2^32 messages and more is told modulo 2^32', () => {
    const hello = readClientHello(clientHello(KEY, 2 ** 32 + 5));
    expect(hello).toEqual({ key: KEY, received: 5, isExtended: true });
    expect(fullCount(5, 2 ** 32 + 7)).toBe(2 ** 32 + 5);
  });

  test.each([24, 26])('%i bytes are no greeting', (length) => {
    const bytes = new Uint8Array(26);
    bytes.set(clientHello(KEY, 1));
    expect(readClientHello(bytes.subarray(0, length))).toBeUndefined();
    bytes.set(serverHello(KEY, 1));
    expect(readServerHello(bytes.subarray(0, length))).toBeUndefined();
  });

  test('each end knows its own greeting from that of the other', () => {
    expect(readServerHello(clientHello(KEY, 1))).toBeUndefined();
    expect(readClientHello(serverHello(KEY, 1))).toBeUndefined();
  });
});

describe('the full count is the one nearest to what was acknowledged', () => {
  test.each([
    [0, 0, 0],
    [2 ** 32 - 1, 2 ** 32, 2 ** 32 - 1],
    [0, 2 ** 32 - 1, 2 ** 32],
    [1, 3 * 2 ** 32 - 1, 3 * 2 ** 32 + 1],
    [2 ** 32, 1, 0],
  ])('%i near %i is %i', (low, near, wanted) => {
    expect(fullCount(low, near)).toBe(wanted);
  });
});

describe('the frames', () => {
  test('a Data frame has its header before the message', () => {
    for (const [seq, ack, header] of [
      [0, 0, '000000'],
      [300, 8, '00ac0208'],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, '00ffffffffffffff0fffffffffffffff0f'],
    ] as const) {
      const size = headerSize(seq, ack);
      const bytes = new Uint8Array(size + 2);
      bytes.set([9, 1], size);
      putHeader(bytes, seq, ack);
      expect(size).toBeLessThanOrEqual(HEADER);
      expect(hex(bytes)).toBe(`${header}0901`);
      expect(readFrame(bytes)).toEqual({ kind: DATA, seq, ack, message: Uint8Array.of(9, 1) });
    }
  });

  test.each([
    [frame(ACK, 7), { kind: ACK, ack: 7 }, '0107'],
    [
      frame(SETTINGS, 1024, 4194304, 90000),
      { kind: SETTINGS, frames: 1024, bytes: 4194304, grace: 90000 },
      '028008808080029 0bf05',
    ],
    [frame(CLOSE, 3, 128), { kind: CLOSE, total: 3, ack: 128 }, '03038001'],
    [frame(4), { kind: 4 }, '04'],
  ])('%j', (bytes, wanted, text) => {
    expect(hex(bytes)).toBe(text.replace(' ', ''));
    expect(readFrame(bytes)).toEqual(wanted);
  });

  test.each([
    '',
    '00',
    '0000',
    '0080',
    '01',
    '0100ff',
    '010203',
    '0201',
    '03ffffffffffffff7f00',
    '0400',
    '07',
    '00ffffffffffffffff0000',
    'ff',
  ])('the bytes %s are no frame', (text) => {
    expect(readFrame(Uint8Array.from(Buffer.from(text, 'hex')))).toBeUndefined();
  });
});
