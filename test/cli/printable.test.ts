import { expect, test } from '@jest/globals';
import { closeOf, endOf, verdictOn } from '../../src/cli/failure.js';
import { formatMetadata } from '../../src/cli/metadata.js';
import { ConnectionRejected, HandshakeError, type Metadata, ProtocolError } from '../../src/index.js';
import { printable, printableLines } from '../../src/printable.js';

/** C0, DEL, C1, and what turns a line around or ends it. */
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
  expect(endOf({ cause: 'peer', by: 'peer', error })).toBe('bye\\u001b[2J bye');
  expect(verdictOn(new HandshakeError('no session', error)).line).toBe('no session: bye\\u001b[2J bye');
});
