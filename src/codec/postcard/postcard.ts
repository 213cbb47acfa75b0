import { release } from '../../base/frame-memory.js';
import type { Codec } from '../codec.js';
import { readMessage } from './reader.js';
import { REFUSALS } from './refusals.js';
import { writeMessage } from './writer.js';

/**
 * Postcard, as the official peers of roam 7 write it: positional, without names, integers as varints. Use it to talk to the
 * official peers. Both ends of a session must use the same codec.
 *
 * `encode` writes each message in its one canonical form. `decode` also accepts integers with more bytes than they need,
 * within the bytes that their width allows. It refuses everything else that is not canonical: bits beyond the width, strings
 * that are not UTF-8, unknown variants, bytes behind the message. A frame that `encode` returns may share its ArrayBuffer
 * with other frames: copy a frame before you transfer its ArrayBuffer. Payloads that `decode` returns are plain views of the
 * frame; bytes in metadata are copies. The limit of metadata bytes counts UTF-8 for keys and strings, and 8 for an integer.
 *
 * @example
 * const session = await initiate(await connect('ws://127.0.0.1:9000'), { codec: postcard });
 */
export const postcard: Codec = {
  name: 'postcard',
  refusals: REFUSALS,
  checksMetadata: true,
  encode: writeMessage,
  decode: readMessage,
  release,
};
