import { describe, expect, test } from '@jest/globals';
import * as whole from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { postcard } from '../../src/payload/postcard/index.js';
import * as core from '../../src/session/index.js';
import { brief } from '../support/rig.js';

describe('roam-actors/core', () => {
  test('speaks the codec that it is given, with a session of either entry point', async () => {
    const [near, far] = memoryLinkPair();
    const onConnection: core.OnConnection = () => ({
      type: 'accept',
      setup: (connection) => connection.serve(({ args }) => args),
    });
    const [session, peer] = await Promise.all([
      core.initiate(near, { codec: postcard }),
      whole.accept(far, { codec: postcard, onConnection }),
    ]);
    const caller = (await session.open()).caller();
    expect((await caller.call(1n, Uint8Array.of(1, 2))).ret).toEqual(Uint8Array.of(1, 2));
    session.shutdown();
    expect([(await session.closed).cause, (await peer.closed).cause]).toEqual(['shutdown', 'peer']);
  });

  test.each([
    ['initiate', core.initiate],
    ['accept', core.accept],
  ] as const)('%s needs a codec', async (_, start) => {
    const [near] = memoryLinkPair();
    await expect(start(near).catch(brief)).resolves.toEqual({
      name: 'InvalidArgument',
      message: 'roam-actors/core has no default codec: pass one as codec, such as that of roam-actors/postcard',
    });
  });

  test('has the classes and functions of roam-actors, once', () => {
    expect([core.channel, core.handle, core.Tx, core.SessionClosed]).toEqual([
      whole.channel,
      whole.handle,
      whole.Tx,
      whole.SessionClosed,
    ]);
    expect(core.sessionLogic.config).toBe(whole.sessionLogic.config);
  });
});
