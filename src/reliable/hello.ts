/**
 * The greetings: the first message in each direction on every link. Each has 25 bytes: a mark, flags, the key of the session
 * and the last message received, as a u32 in little endian. That is the layout of the stable conduit of roam 7.3.0. The
 * flag EXTENDED says that the frames of frames.ts follow, which no peer of roam 7.3.0 understands.
 */

const HELLO_LENGTH = 25;
export const KEY_LENGTH = 16;

const CLIENT = 0x48_43_4f_52; // 'ROCH'
const SERVER = 0x48_53_4f_52; // 'ROSH'

/** The dialer resumes a session. In the acceptor's greeting the same bit refuses the session. */
const RESUMES = 1;
const REJECTED = 1;
const HAS_RECEIVED = 2;
const EXTENDED = 0x80;

const KEY_AT = 5;
const POSITION_AT = KEY_AT + KEY_LENGTH;

export interface ClientHello {
  /** Absent for a new session. */
  readonly key: Uint8Array | undefined;
  /** Messages received, modulo 2^32. */
  readonly received: number;
  readonly isExtended: boolean;
}

export interface ServerHello {
  readonly isRejected: boolean;
  readonly key: Uint8Array;
  /** Messages received, modulo 2^32. */
  readonly received: number;
  readonly isExtended: boolean;
}

export function clientHello(key: Uint8Array | undefined, received: number): Uint8Array {
  return hello(CLIENT, key === undefined ? 0 : RESUMES, key, received);
}

export function serverHello(key: Uint8Array, received: number): Uint8Array {
  return hello(SERVER, 0, key, received);
}

export function rejection(): Uint8Array {
  return hello(SERVER, REJECTED, undefined, 0);
}

function hello(mark: number, flag: number, key: Uint8Array | undefined, received: number): Uint8Array {
  const bytes = new Uint8Array(HELLO_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, mark, true);
  bytes[4] = flag | EXTENDED | (received > 0 ? HAS_RECEIVED : 0);
  if (key !== undefined) bytes.set(key, KEY_AT);
  if (received > 0) view.setUint32(POSITION_AT, (received - 1) % 2 ** 32, true);
  return bytes;
}

/** True if a first message is from a peer that wants a reliable link, well-formed or not. */
export function isClientHello(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === CLIENT;
}

/** Returns undefined if the bytes are no greeting of a dialer. */
export function readClientHello(bytes: Uint8Array): ClientHello | undefined {
  const read = readHello(CLIENT, bytes);
  if (read === undefined) return undefined;
  const { flags, key, ...rest } = read;
  return { ...rest, key: (flags & RESUMES) === 0 ? undefined : key };
}

/** Returns undefined if the bytes are no greeting of an acceptor. */
export function readServerHello(bytes: Uint8Array): ServerHello | undefined {
  const read = readHello(SERVER, bytes);
  if (read === undefined) return undefined;
  const { flags, ...rest } = read;
  return { ...rest, isRejected: (flags & REJECTED) !== 0 };
}

function readHello(mark: number, bytes: Uint8Array) {
  if (bytes.length !== HELLO_LENGTH) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== mark) return undefined;
  const flags = view.getUint8(4);
  const received = (flags & HAS_RECEIVED) === 0 ? 0 : view.getUint32(POSITION_AT, true) + 1;
  // A copy: the bytes of a link are a view into a larger buffer.
  const key = bytes.slice(KEY_AT, POSITION_AT);
  return { flags, key, received, isExtended: (flags & EXTENDED) !== 0 };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Returns the count that is `low` modulo 2^32 and the nearest to `near`. Windows are far below 2^31. */
export function fullCount(low: number, near: number): number {
  const base = near - (near % 2 ** 32) + (low % 2 ** 32);
  const candidates = [base - 2 ** 32, base, base + 2 ** 32].filter((count) => count >= 0);
  return candidates.reduce((best, count) => (Math.abs(count - near) < Math.abs(best - near) ? count : best));
}
