import { expect, test } from '@jest/globals';
import { excerpt, printable, printableLines } from '../../src/base/printable.js';
import { closeOf, endOf, verdictOn } from '../../src/cli/failure.js';
import { formatMetadata } from '../../src/cli/metadata.js';
import { ConnectionRejected, HandshakeError, type Metadata, ProtocolError } from '../../src/index.js';

/** C0, DEL and C1 controls, and characters that reverse a line or end it. */
const HOSTILE = '\u001b[2J\n\u007f\u009b31m\u202e\u2028';
const METADATA: Metadata = [{ key: `k${HOSTILE}`, value: `v${HOSTILE}`, flags: 0n }];
const SHOWN = '{k\\u001b[2J\\u000a\\u007f\\u009b31m\\u202e\\u2028: "v\\u001b[2J\\n\\u007f\\u009b31m\\u202e\\u2028"}';

test('control characters are spelled out, and everything else is as it was', () => {
  expect(printable(`${HOSTILE}é 😀\u200d`)).toBe('\\u001b[2J\\u000a\\u007f\\u009b31m\\u202e\\u2028é 😀\u200d');
  expect(printableLines(Buffer.from('a\tb\r\n\u001b[2Jc'))).toBe('a\tb\\u000d\n\\u001b[2Jc');
  expect(printableLines(Uint8Array.of(0x61, 0x9b))).toBe('a\ufffd');
});

test("a peer's metadata has none, wherever it is printed", () => {
  expect(formatMetadata(METADATA)).toBe(SHOWN);
  expect(closeOf({ by: 'peer', metadata: METADATA })).toBe(`the peer ${SHOWN}`);
  const rejection = new ConnectionRejected(1, METADATA);
  expect(verdictOn(rejection).line).toBe(`${rejection.message}: ${SHOWN}`);
});

test("a peer's words in an error have none", () => {
  const error = new ProtocolError('local', 'bye\u001b[2J\nbye');
  expect(endOf({ cause: 'peer', by: 'peer', error })).toBe('bye\\u001b[2J\\u000abye');
  expect(verdictOn(new HandshakeError('no session', error)).line).toBe('no session: bye\\u001b[2J\\u000abye');
});

test('what was thrown is told with its stack and its causes, none of them long', () => {
  const deepest = new Error(`d${HOSTILE}${'y'.repeat(2_000_000)}`);
  const error = new TypeError(`x${HOSTILE}`.repeat(100_000), { cause: new Error('-', { cause: deepest }) });
  const { line } = verdictOn(error);
  expect(line.split('\n').filter((each) => !/^ +at /.test(each))).toEqual([
    expect.stringMatching(/^TypeError: x\\u001b\[2J\\u000a\\u007f.*…$/),
    'caused by Error: -',
    expect.stringMatching(/^caused by Error: d\\u001b\[2J\\u000a.*y…$/),
  ]);
  expect(line.split('\n').filter((each) => /^ +at .*printable\.test/.test(each))).toHaveLength(3);
  expect(line).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
  expect(line.length).toBeLessThan(16_000);
});

test('what is no error is told all the same', () => {
  expect(verdictOn(`${HOSTILE}no`).line).toBe('\\u001b[2J\\u000a\\u007f\\u009b31m\\u202e\\u2028no');
  expect(verdictOn(Object.create(null)).line).toBe('object');
  const circular = new Error('round');
  circular.cause = circular;
  expect(verdictOn(circular).line.match(/round/g)).toHaveLength(5);
});

test.each([
  ['as long as allowed', 'x'.repeat(512), 'x'.repeat(512)],
  ['one longer', 'x'.repeat(513), `${'x'.repeat(511)}…`],
  ['with an escape sequence at the end', `${'x'.repeat(508)}\u001b${'x'.repeat(9)}`, `${'x'.repeat(508)}…`],
  ['with a surrogate pair at the end', `${'x'.repeat(510)}😀x`, `${'x'.repeat(510)}…`],
])('a text %s is cut to 512 characters, and nothing in it is halved', (_what, text, cut) => {
  expect(excerpt(text)).toBe(cut);
});
