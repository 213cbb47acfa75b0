// The frames of scripts, in hexadecimal. They do not come from the library's codec: a mistake in the codec would be in
// the scripts too.

function varint(value: number): string {
  const byte = value % 128;
  return value < 128 ? hex(byte) : hex(byte + 128) + varint(Math.floor(value / 128));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function text(value: string): string {
  const bytes = Buffer.from(value);
  return varint(bytes.length) + bytes.toString('hex');
}

/** Entries with empty strings as values, and without flags. */
function metadata(keys: readonly string[]): string {
  return varint(keys.length) + keys.map((key) => `${text(key)}000000`).join('');
}

/** Parity Odd or Even, 64 requests at once. */
const ODD = '0040';
const EVEN = '0140';

function frame(connection: number, tag: number, body: string): string {
  return varint(connection) + hex(tag) + body;
}

/** Hello, of version 7 unless the script wants another, with parity Odd. */
export const hello = (version = 7): string => frame(0, 0, `${varint(version)}${ODD}00`);
/** HelloYourself with parity Even. */
export const welcome = (): string => frame(0, 1, `${EVEN}00`);
export const protocolError = (description: string): string => frame(0, 2, text(description));
export const open = (connection: number, ...keys: string[]): string => frame(connection, 3, ODD + metadata(keys));
export const accept = (connection: number): string => frame(connection, 4, `${EVEN}00`);
export const reject = (connection: number, ...keys: string[]): string => frame(connection, 5, metadata(keys));
export const close = (connection: number, ...keys: string[]): string => frame(connection, 6, metadata(keys));
export const ping = (nonce: number, connection = 0): string => frame(connection, 9, varint(nonce));
export const pong = (nonce: number, connection = 0): string => frame(connection, 10, varint(nonce));

export function call(connection: number, request: number, method: number, channels: number[] = [], args = ''): string {
  const ids = channels.map(varint).join('');
  return frame(connection, 7, `${varint(request)}00${varint(method)}${varint(channels.length)}${ids}00${args}`);
}

export const response = (connection: number, request: number, ret = '00'): string =>
  frame(connection, 7, `${varint(request)}010000${ret}`);
export const cancel = (connection: number, request: number): string => frame(connection, 7, `${varint(request)}0200`);
export const item = (connection: number, channel: number, bytes = ''): string =>
  frame(connection, 8, `${varint(channel)}00${bytes}`);
export const channelClose = (connection: number, channel: number): string =>
  frame(connection, 8, `${varint(channel)}0100`);
export const channelReset = (connection: number, channel: number): string =>
  frame(connection, 8, `${varint(channel)}0200`);
export const grant = (connection: number, channel: number, additional: number): string =>
  frame(connection, 8, `${varint(channel)}03${varint(additional)}`);
