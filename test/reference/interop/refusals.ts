import assert from 'node:assert/strict';
import { deferred } from '../../../src/base/promise.js';
import { accept, HandshakeError, type Link, Refused, refuse } from '../../../src/index.js';
import { listenTcp } from '../../../src/link/tcp.js';
import { listenWebSocket } from '../../../src/link/websocket-node.js';
import { postcard } from '../../../src/payload/postcard/index.js';
import { type Checks, within } from '../checks.js';
import { RustPeer, type Transport } from './rust.js';

/** Refuses the Rust peer in the handshake: it shows the text. */
export async function refusals(checks: Checks, program: string, transport: Exclude<Transport, 'unix'>): Promise<void> {
  await checks.check('Rust reads why it is refused', async () => {
    const refused = deferred<unknown>();
    const onLink = async (link: Link): Promise<void> => {
      const options = {
        codec: postcard,
        peer: 'roam-rust-7',
        authenticate: () => refuse('unauthenticated', 'please log in'),
      } as const;
      await accept(link, options).then(refused.resolve, refused.resolve);
    };
    const listener = await (transport === 'ws' ? listenWebSocket({ port: 0 }, onLink) : listenTcp({ port: 0 }, onLink));
    const address = `127.0.0.1:${new URL(listener.url).port}`;
    const rust = new RustPeer(program, ['connect', '--transport', transport, '--address', address]);
    try {
      const { error } = await rust.take('handshake failed');
      assert.match(String(error), /refused\.unauthenticated: please log in/);
      // The Rust peer may read it before `accept` rejects, which waits for the end of the link.
      const ours = await within(refused.promise, 'the error of accept');
      assert.ok(ours instanceof HandshakeError && ours.cause instanceof Refused, String(ours));
    } finally {
      await rust.kill();
      await listener.close();
    }
  });
}
