import { InvalidArgument } from '../base/errors.js';
import { encoded, requireNoEnds } from './ends.js';
import { CANCELLED, failure, INVALID_PAYLOAD, outcomeOf, success, UNKNOWN_METHOD } from './envelope.js';
import { messagePackPayload } from './msgpack.js';
import type { ChannelHandle, ItemPayloads, MethodCodec, PayloadCodec, TypedPayloadCodec } from './payload.js';

/** Returns the codec as a typed one. A codec without types ignores the method, so one object serves all methods. */
export function typedCodecOf(codec: PayloadCodec | TypedPayloadCodec): TypedPayloadCodec {
  if (typeof (codec as TypedPayloadCodec | undefined)?.method === 'function') return codec as TypedPayloadCodec;
  const untyped = codec as PayloadCodec | undefined;
  if (typeof untyped?.encode !== 'function' || typeof untyped.decode !== 'function') {
    throw new InvalidArgument('codec must have encode and decode');
  }
  const method = new UntypedMethod(untyped);
  return {
    // Encoded when a handler first needs them: an application's codec may be for clients only.
    get refusals() {
      return {
        unknownMethod: encoded(untyped.encode(UNKNOWN_METHOD)),
        invalidPayload: encoded(untyped.encode(INVALID_PAYLOAD)),
        cancelled: encoded(untyped.encode(CANCELLED)),
      };
    },
    method: () => method,
  };
}

class UntypedMethod implements MethodCodec {
  readonly isChecked = false;
  readonly #codec: PayloadCodec;
  readonly #items: ItemPayloads;

  constructor(codec: PayloadCodec) {
    this.#codec = codec;
    this.#items = {
      encode: (item, isLent) => codec.encode(item, undefined, isLent),
      decode: (bytes) => codec.decode(bytes),
    };
  }

  encodeArgs(args: readonly unknown[], ends: ChannelHandle[], isLent?: boolean): Uint8Array {
    return this.#encode(args, ends, isLent);
  }

  decodeArgs(bytes: Uint8Array, take: Parameters<MethodCodec['decodeArgs']>[1]): unknown {
    return this.#codec.decode(bytes, take);
  }

  encodeResult(value: unknown, ends: ChannelHandle[], isLent?: boolean): Uint8Array {
    return this.#encode(success(value), ends, isLent);
  }

  encodeError(error: unknown): Uint8Array {
    return this.#codec.encode(failure(error));
  }

  decodeOutcome(bytes: Uint8Array, take: Parameters<MethodCodec['decodeArgs']>[1]): ReturnType<typeof outcomeOf> {
    return outcomeOf(this.#codec.decode(bytes, take));
  }

  channel(): ItemPayloads {
    return this.#items;
  }

  #encode(value: readonly unknown[], ends: ChannelHandle[], isLent: boolean | undefined): Uint8Array {
    const bytes = this.#codec.encode(value, ends, isLent);
    // Our codec returns bytes and collects each end, or throws. Another codec may miss ends.
    if (this.#codec === messagePackPayload) return bytes;
    encoded(bytes);
    if (ends.length === 0) requireNoEnds(value);
    return bytes;
  }
}
