import { z } from 'zod';
import { type Codec, InvalidArgument, type Message, ProtocolError, Sensitive } from '../../src/index.js';

const id = z.int().min(0);
const u32 = z.int().min(0).max(0xffff_ffff);
const u64 = z.codec(
  z.string().regex(/^\d{1,20}$/),
  z
    .bigint()
    .min(0n)
    .max(2n ** 64n - 1n),
  {
    decode: BigInt,
    encode: String,
  },
);
const bytes = z.codec(z.base64(), z.instanceof(Uint8Array), {
  decode: (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
  encode: (value) => btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join('')),
});

const plain = z.union([z.string(), z.tuple([z.literal('bytes'), bytes]), z.tuple([z.literal('u64'), u64])]);
const value = z.codec(plain, z.union([z.string(), z.bigint(), z.instanceof(Uint8Array), z.instanceof(Sensitive)]), {
  decode: (given) => (typeof given === 'string' ? given : given[1]),
  // Removes the Sensitive around a value before it is written.
  encode: (given): z.output<typeof plain> => {
    const inside = given instanceof Sensitive ? given.reveal() : given;
    if (typeof inside === 'string') return inside;
    return typeof inside === 'bigint' ? ['u64', inside] : ['bytes', inside as Uint8Array<ArrayBuffer>];
  },
});
const metadata = z.array(z.strictObject({ key: z.string(), value, flags: u64 }));
const connectionSettings = z.strictObject({ parity: z.enum(['odd', 'even']), maxConcurrentRequests: u32 });
const channels = z.array(id);

const body = <T extends string, F extends z.core.$ZodShape>(type: T, fields: F) =>
  z.strictObject({ type: z.literal(type), ...fields });
const message = <T extends string, F extends z.core.$ZodShape>(type: T, fields: F) =>
  body(type, { connectionId: id, ...fields });

const request = z.discriminatedUnion('type', [
  body('Call', { methodId: u64, channels, metadata, args: bytes }),
  body('Response', { channels, metadata, ret: bytes }),
  body('Cancel', { metadata }),
]);
const channel = z.discriminatedUnion('type', [
  body('Item', { item: bytes }),
  body('Close', { metadata }),
  body('Reset', { metadata }),
  body('GrantCredit', { additional: u32 }),
]);
const schema = z.discriminatedUnion('type', [
  message('Hello', { version: u32, connectionSettings, metadata }),
  message('HelloYourself', { connectionSettings, metadata }),
  message('ProtocolError', { description: z.string() }),
  message('ConnectionOpen', { connectionSettings, metadata }),
  message('ConnectionAccept', { connectionSettings, metadata }),
  message('ConnectionReject', { metadata }),
  message('ConnectionClose', { metadata }),
  message('RequestMessage', { id, body: request }),
  message('ChannelMessage', { id, body: channel }),
  message('Ping', { nonce: u64 }),
  message('Pong', { nonce: u64 }),
]);

/** Names the field and not its value, which may be SENSITIVE. */
const fieldOf = ({ issues }: z.core.$ZodError): string => issues[0]?.path.join('.') || 'message';

/** Returns undefined, which is no JSON value, for invalid JSON. The parser's own error would quote the frame. */
function parsed(given: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given));
  } catch {
    return undefined;
  }
}

const frame = (text: string): Uint8Array => new TextEncoder().encode(text);

export const json: Codec = {
  name: 'json',
  malformed: [
    { name: 'a frame that is not JSON', field: 'message', bytes: frame('{') },
    { name: 'a message of no type', field: 'type', bytes: frame('{"connectionId":1}') },
    { name: 'a nonce that is a number', field: 'nonce', bytes: frame('{"type":"Ping","connectionId":0,"nonce":1}') },
  ],
  encode(given: Message): Uint8Array {
    const { success, data, error } = z.safeEncode(schema, given as never);
    if (!success) throw new InvalidArgument(`${fieldOf(error)} can't be represented`);
    return frame(JSON.stringify(data));
  },
  decode(given: Uint8Array): Message {
    const { success, data, error } = z.safeDecode(schema, parsed(given) as never);
    if (!success) throw new ProtocolError('remote', `malformed message: ${fieldOf(error)} is wrong`);
    return data as Message;
  },
};
