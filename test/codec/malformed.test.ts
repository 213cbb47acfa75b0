import { expect, test } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import { malformedOf } from '../../src/testing/malformed.js';
import { CODECS } from '../support/codecs.js';
import { DEFAULT_LIMITS } from '../support/messages.js';

const LISTED = CODECS.flatMap(([, codec]) =>
  malformedOf(codec).map((frame) => [codec.name, frame.name, codec, frame] as const),
);

// r[session.message]
test.each(LISTED)('%s refuses %s, and names the field that is wrong', (_name, _mistake, codec, { field, bytes }) => {
  let refusal: unknown;
  try {
    codec.decode(bytes, DEFAULT_LIMITS);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(ProtocolError);
  const { side, message, limit } = refusal as ProtocolError;
  expect([side, limit]).toEqual(['remote', undefined]);
  expect(message).toContain(field);
});
