import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import { restoreMarks, scan } from '../../src/codec/msgpack/scan.js';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Undefined if the scan lets `hex` pass, else why not. */
function refusal(hex: string, maxLists = 64): string | undefined {
  try {
    scan(bytesOf(hex), maxLists);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(error).toMatchObject({ side: 'remote', rule: 'session.message' });
    return error.message.replace('malformed message: ', '');
  }
}

const EARLY = 'it ends too early';
const NEGATIVE = 'a negative integer';
const NOT_UTF8 = 'a string that is not UTF-8';

// One row for each format of the MessagePack specification: the formats, the bytes that follow in a short but telling
// example, and the refusal, if there is one.
const ALLOWED: [formats: number[], example: string][] = [
  [range(0x00, 0x7f), ''],
  ...range(0x90, 0x9f).map((format): [number[], string] => [[format], '00'.repeat(format - 0x90)]),
  ...range(0xa0, 0xbf).map((format): [number[], string] => [[format], '61'.repeat(format - 0xa0)]),
  [[0xc4], '0107'],
  [[0xc5], '000107'],
  [[0xc6], '0000000107'],
  [[0xcc], 'ff'],
  [[0xcd], 'ffff'],
  [[0xce], 'ffffffff'],
  [[0xcf], 'ffffffffffffffff'],
  [[0xd0], '7f'],
  [[0xd1], '7fff'],
  [[0xd2], '7fffffff'],
  [[0xd3], '7fffffffffffffff'],
  [[0xd9], '0161'],
  [[0xda], '000161'],
  [[0xdb], '0000000161'],
  [[0xdc], '000100'],
  [[0xdd], '0000000100'],
];

const REFUSED: [formats: number[], example: string, refused: string][] = [
  [range(0x80, 0x8f), '', 'a map'],
  [[0xc0], '', 'nil'],
  [[0xc1], '', 'the byte 0xc1, which MessagePack never uses'],
  [[0xc2, 0xc3], '', 'a boolean'],
  [[0xc7], '0101aa', 'an extension'],
  [[0xc8], '000101aa', 'an extension'],
  [[0xc9], '0000000101aa', 'an extension'],
  [[0xca], '00000000', 'a floating-point number'],
  [[0xcb], '0000000000000000', 'a floating-point number'],
  [[0xd0], '80', NEGATIVE],
  [[0xd1], '8000', NEGATIVE],
  [[0xd2], '80000000', NEGATIVE],
  [[0xd3], '8000000000000000', NEGATIVE],
  [[0xd4], '01aa', 'an extension'],
  [[0xd5], '01aaaa', 'an extension'],
  [[0xd6], 'ff00000000', 'an extension'],
  [[0xd7], 'ff0000000000000000', 'an extension'],
  [[0xd8], `01${'aa'.repeat(16)}`, 'an extension'],
  [[0xde], '0000', 'a map'],
  [[0xdf], '00000000', 'a map'],
  [range(0xe0, 0xff), '', NEGATIVE],
];

const withFormat = (format: number, rest: string): string => format.toString(16).padStart(2, '0') + rest;

describe('the scan', () => {
  it('has a row here for every format byte', () => {
    const formats = new Set([...ALLOWED, ...REFUSED].flatMap(([list]) => list));
    expect([...formats].sort((left, right) => left - right)).toEqual(range(0x00, 0xff));
  });

  it.each(ALLOWED)('lets %p followed by "%s" pass, and no part of that', (formats, example) => {
    for (const format of formats) {
      expect(refusal(`91${withFormat(format, example)}`)).toBeUndefined();
      for (let length = 0; length < example.length; length += 2) {
        expect(refusal(`91${withFormat(format, example.slice(0, length))}`)).toBe(EARLY);
      }
    }
  });

  it.each(REFUSED)('refuses %p followed by "%s": %s', (formats, example, refused) => {
    for (const format of formats) expect(refusal(`91${withFormat(format, example)}`)).toBe(refused);
  });

  it.each([
    ['', 'no bytes'],
    ['00', 'not an array'],
    ['a161', 'not an array'],
    ['c40100', 'not an array'],
    ['80', 'not an array'],
    ['c0', 'not an array'],
    ['c1', 'not an array'],
    ['d4ff00', 'not an array'],
    ['91', EARLY],
    ['dc', EARLY],
    ['dc00', EARLY],
    ['dd000000', EARLY],
    ['910000', 'bytes after the end of the message'],
    ['9090', 'bytes after the end of the message'],
  ])('takes one array and nothing else: %p', (hex, expected) => {
    expect(refusal(hex)).toBe(expected);
  });

  it('says where the last element begins', () => {
    for (const [hex, last] of [
      ['90', 1],
      ['9100', 1],
      ['93 cc01 a161 c40100', 5],
      ['dc0002 00 9101', 4],
    ] as const) {
      expect(scan(bytesOf(hex), 64).last).toBe(last);
    }
  });

  it('allows lists in lists of the message, and none deeper', () => {
    expect(refusal('91 91 90')).toBeUndefined();
    expect(refusal('91 91 91 90')).toBe('arrays nested deeper than 3');
    expect(refusal('91 91 91 dc0000')).toBe('arrays nested deeper than 3');
    expect(refusal('91'.repeat(5000))).toBe('arrays nested deeper than 3');
    expect(refusal('dd00000001'.repeat(100_000))).toBe('arrays nested deeper than 3');
    // The number of lists does not matter here: the depth passes its limit first.
    expect(refusal(`91 91 dc0041 ${'90'.repeat(65)}`)).toBe('arrays nested deeper than 3');
    expect(refusal(`91 dc0041 ${'90'.repeat(65)}`)).toBe('metadata has more than 64 entries');
  });

  it('allows as many lists in a list as there can be entries of metadata, and any number of integers', () => {
    for (const [count, expected] of [
      [2, undefined],
      [3, undefined],
      [4, 'metadata has more than 3 entries'],
    ] as const) {
      expect(refusal(`91 9${String(count)} ${'90'.repeat(count)}`, 3)).toBe(expected);
    }
    expect(refusal(`91 9f ${'00'.repeat(15)}`, 3)).toBeUndefined();
    expect(refusal(`91 9f ${'00'.repeat(14)} 90`, 3)).toBe('metadata has more than 3 entries');
  });

  it.each(['dcffff', 'ddffffffff', 'c6ffffffff', 'dbffffffff', 'c5ffff', 'daffff', 'c4ff', 'd9ff', 'bf', '9f'])(
    'believes no length that is not there: %s',
    (header) => {
      expect(refusal(`91${header}`)).toBe(EARLY);
      expect(refusal(`91${header}00`)).toBe(EARLY);
    },
  );

  it.each(['dcffff', 'ddffffffff', '9f'])('believes no length of the whole message that is not there: %s', (header) => {
    expect(refusal(header)).toBe(EARLY);
  });
});

describe('a string', () => {
  const inString = (hex: string): string | undefined => {
    const length = bytesOf(hex).length;
    return refusal(`91d9${length.toString(16).padStart(2, '0')}${hex}`);
  };

  it.each([
    ['the ends of each length', '00 7f c280 dfbf e0a080 efbfbf f0908080 f48fbfbf'],
    ['the characters beside the surrogates', 'ed9fbf ee8080'],
    ['noncharacters and the byte order mark', 'efbfbe efbbbf'],
  ])('may hold %s', (_, hex) => {
    expect(inString(hex.replaceAll(' ', ''))).toBeUndefined();
  });

  it.each([
    ['a continuation byte alone', '80'],
    ['a continuation byte too many', 'c28080'],
    ['overlong forms of two bytes', 'c080'],
    ['overlong forms of two bytes, the last', 'c1bf'],
    ['overlong forms of three bytes', 'e09fbf'],
    ['overlong forms of four bytes', 'f08fbfbf'],
    ['the first surrogate', 'eda080'],
    ['the last surrogate', 'edbfbf'],
    ['a pair of surrogates', 'eda080edb080'],
    ['characters above U+10FFFF', 'f4908080'],
    ['lead bytes above 0xf4', 'f5808080'],
    ['0xfe', 'fe'],
    ['0xff', 'ff'],
    ['a second byte that is no continuation', 'c241'],
    ['a third byte that is no continuation', 'e28241'],
    ['a fourth byte that is no continuation', 'f09f9841'],
    ['a sequence cut short after one byte', 'c2'],
    ['a sequence cut short after two bytes', 'e282'],
    ['a sequence cut short after three bytes', 'f09f98'],
  ])('may not hold %s', (_, hex) => {
    expect(inString(hex)).toBe(NOT_UTF8);
    expect(inString(`6161616161${hex}`)).toBe(NOT_UTF8);
    // The bytes behind the string belong to another value. They complete no sequence, not even an empty string (0xa0), whose
    // byte would fit.
    for (const next of ['00', 'a0', 'a0a0a0']) {
      const header = `d9${(hex.length / 2).toString(16).padStart(2, '0')}`;
      expect(refusal(`9${String(1 + next.length / 2)}${header}${hex}${next}`)).toBe(NOT_UTF8);
    }
  });

  it('is UTF-8 exactly where TextDecoder says so, for every three bytes of consequence', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const interesting = [
      0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
    ];
    interesting.push(0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff);
    for (const first of interesting) {
      for (const second of interesting) {
        for (const third of interesting) {
          for (const fourth of [0x00, 0x80, 0xbf, 0xc2]) {
            const string = Uint8Array.of(first, second, third, fourth);
            let valid = true;
            try {
              decoder.decode(string);
            } catch {
              valid = false;
            }
            let passed = true;
            try {
              scan(Uint8Array.of(0x91, 0xa4, ...string), 0);
            } catch {
              passed = false;
            }
            if (valid !== passed) throw new Error(Buffer.from(string).toString('hex'));
          }
        }
      }
    }
  });
});

// A byte order mark in front of a string is U+FEFF like any other, but msgpackr's TextDecoder drops it.
describe('a byte order mark', () => {
  const MARK = 'efbbbf';
  /** A string in the form that has a length of one, two or four bytes. */
  const string = (hex: string, size = 1): string => {
    const format = { 1: 'd9', 2: 'da', 4: 'db' }[size] ?? '';
    return `${format}${(hex.length / 2).toString(16).padStart(2 * size, '0')}${hex}`;
  };
  const filled = (front: string, length: number): string => front.padEnd(2 * length, '61');

  it.each([
    ['in front of 65 bytes', string(filled(MARK, 65)), 1],
    ['in front of 64 bytes', string(filled(MARK, 64)), 0],
    ['in front of 65 bytes twice', string(filled(MARK + MARK, 65)), 1],
    ['in front of two strings', `92${string(filled(MARK, 65))}${string(filled(MARK, 66), 4)}`, 2],
    ['behind the first letter', string(filled(`61${MARK}`, 65)), 0],
    ['at the end of the string before', `92${string(MARK)}${string(filled('', 65))}`, 0],
    ['in bytes', `c441${filled(MARK, 65)}`, 0],
    ['nowhere', string(filled('', 65)), 0],
    ['almost: another first byte', string(filled('eebbbf', 65)), 0],
    ['almost: another second byte', string(filled('efbcbf', 65)), 0],
    ['almost: another third byte', string(filled('efbbbe', 65)), 0],
    ['almost: the first byte alone', string(filled('efbcbd', 65)), 0],
  ])('is counted where msgpackr drops it: %s', (_, value, marks) => {
    expect(scan(bytesOf(`91${value}`), 64).marks).toBe(marks);
  });

  it('is put back where it was dropped, and everything else stays as msgpackr made it', () => {
    // Bytes whose length and first two bytes are a mark.
    const deceptive = `c4ef${'bbbf'.padEnd(2 * 0xef, '61')}`;
    const bytes = bytesOf(
      `98 ${string(filled(MARK, 65))} 00 93 ${string(filled(MARK, 300), 2)} ${deceptive} ${string(filled('', 70))}
      ${string(filled(MARK, 64))} ${string(filled(MARK, 70), 4)} cf0000000000000001 90 a3${MARK} a161`.replace(
        /\s/g,
        '',
      ),
    );
    const dropped = (length: number): string => 'a'.repeat(length - 3);
    const payload = bytesOf(deceptive.slice(4));
    // The other elements may have any value that msgpackr gave them: they are not looked at.
    const list = [dropped(65), 0, [dropped(300), payload, 'as made'], 'as made', dropped(70), 1n, [], 'as made'];
    expect(restoreMarks(list, bytes, 0)).toBe(bytes.length - 2);
    const marked = (length: number): string => `\uFEFF${dropped(length)}`;
    expect(list).toEqual([marked(65), 0, [marked(300), payload, 'as made'], 'as made', marked(70), 1n, [], 'as made']);
  });
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
