import { sha256 } from '@noble/hashes/sha2.js';
import { KEY_LENGTH } from './hello.js';

/** Returns a key that no peer can guess. */
export function newKey(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
}

/**
 * The hash that sessions are found by. A search by the key itself would take longer for keys that begin alike, and could
 * tell a stranger the key bit by bit.
 */
export function hashOf(key: Uint8Array): string {
  return Array.from(sha256(key), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The same name at both ends, for those who watch sessions. It does not tell the key. */
export function nameOf(key: Uint8Array): string {
  return `reliable ${hashOf(key).slice(0, 8)}`;
}
