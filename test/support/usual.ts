import { Packr } from 'msgpackr/pack';
import type { Message } from '../../src/wire/message.js';

const packr = new Packr({ useRecords: false, moreTypes: false, structuredClone: false, variableMapSize: true });

type Element = number | bigint | string | Uint8Array | readonly Element[];

/**
 * Encodes each element with msgpackr, behind the header of an array. A bigint is written by hand, since msgpackr would write
 * a signed integer.
 */
export function frameOf(...elements: readonly Element[]): Uint8Array {
  const { length } = elements;
  // msgpackr writes the header of an array like that of a list of nils.
  const header = packr.pack(new Array(length).fill(null)).subarray(0, -length || undefined);
  return Buffer.concat([header, ...elements.map(elementOf)]);
}

function elementOf(element: Element): Uint8Array {
  if (Array.isArray(element)) return frameOf(...(element as Element[]));
  // Copy the bytes, so that properties added to the object do not matter.
  if (ArrayBuffer.isView(element)) return packr.pack(new Uint8Array(element));
  if (typeof element !== 'bigint') return packr.pack(element);
  if (element <= 0xffff_ffffn) return packr.pack(Number(element));
  const bytes = Buffer.alloc(9, 0xcf);
  bytes.writeBigUInt64BE(element, 1);
  return bytes;
}

/**
 * Returns a message, and its frame, of each of the four kinds that make up nearly all traffic, with these numbers and a
 * payload of that length.
 */
export function usualMessages(
  connectionId: number,
  id: number,
  methodId: bigint,
  length: number,
): [Message, Uint8Array][] {
  const payload = Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + 7) % 256));
  const request = { type: 'RequestMessage', connectionId, id } as const;
  const channel = { type: 'ChannelMessage', connectionId, id } as const;
  const lists = { channels: [], metadata: [] };
  return [
    [
      { ...request, body: { type: 'Call', methodId, ...lists, args: payload } },
      frameOf(connectionId, 7, id, 0, methodId, [], [], payload),
    ],
    [
      { ...request, body: { type: 'Response', ...lists, ret: payload } },
      frameOf(connectionId, 7, id, 1, [], [], payload),
    ],
    [{ ...channel, body: { type: 'Item', item: payload } }, frameOf(connectionId, 8, id, 0, payload)],
    [{ ...channel, body: { type: 'GrantCredit', additional: id } }, frameOf(connectionId, 8, id, 3, id)],
  ];
}
