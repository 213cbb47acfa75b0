import { describe, expect, test } from '@jest/globals';
import { established, openOf } from '../support/rig.js';

describe('emptyRejects', () => {
  const entry = { key: 'why', value: 'no room', flags: 0n };
  const onConnection = () => ({ type: 'reject', metadata: [entry] }) as const;

  test.each([
    ['without it', {}, [entry]],
    ['with it', { emptyRejects: true }, []],
    ['with the preset for Rust', { peer: 'roam-rust-7' }, []],
    ['with the option before the preset', { peer: 'roam-rust-7', emptyRejects: false }, [entry]],
  ] as const)('%s: what a Reject carries', async (_, options, metadata) => {
    const { rig } = await established({ onConnection, ...options });
    expect(await rig.say(openOf(2))).toEqual([{ type: 'ConnectionReject', connectionId: 2, metadata }]);
  });
});
