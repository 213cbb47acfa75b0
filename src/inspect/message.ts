/** Describes a message as plain data for a record: its name, the size of its payload, and its other fields. */
import type { DataMessage, Message } from '../wire/message.js';
import { type Json, plain } from '../wire/plain.js';
import type { WireRecord } from './record.js';

type Told = Pick<WireRecord, 'connection' | 'message' | 'id' | 'bytes' | 'detail'>;

export function isDataMessage(message: Message): message is DataMessage {
  return message.type === 'RequestMessage' || message.type === 'ChannelMessage';
}

/** Returns the size of its payload in bytes. */
export function payloadSize({ body }: DataMessage): number {
  switch (body.type) {
    case 'Call':
      return body.args.length;
    case 'Response':
      return body.ret.length;
    case 'Item':
      return body.item.length;
    default:
      return 0;
  }
}

export function told(message: Message): Told {
  const { connectionId: connection } = message;
  if (!isDataMessage(message)) {
    const { type, connectionId: _, ...rest } = message;
    return { connection, message: type, bytes: 0, ...detailOf(rest) };
  }
  const { id, body } = message;
  return { connection, message: body.type, id, bytes: payloadSize(message), ...detailOf(withoutPayload(body)) };
}

function withoutPayload(body: DataMessage['body']): object {
  const { type: _, ...rest } = body;
  const { args: __, ret: ___, item: ____, ...said } = rest as Record<string, unknown>;
  return said;
}

/** Returns the fields without empty lists: most metadata and lists of channels are empty. */
function detailOf(fields: object): Pick<WireRecord, 'detail'> {
  const said = Object.entries(fields).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  if (said.length === 0) return {};
  return { detail: plain(Object.fromEntries(said)) as { readonly [key: string]: Json } };
}
