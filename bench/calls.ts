// Calls and channels on a virtual connection, with payloads as raw bytes: the layer below services.
import { channel, type Handler, initiate } from 'roam-actors';
import { connectWebSocket } from 'roam-actors/websocket';
import type { Caller, Contender, Peer, Source, StreamRequest } from './contender.js';
import { end, serveSessions } from './sessions.js';
import { Arrivals, echoes, requestBytes, requestOf } from './traffic.js';

const ECHO = 1n;
const STREAM = 2n;
const NOTHING = new Uint8Array(0);

export const calls: Contender = { serve, connect };

function serve(source: Source): Promise<Peer> {
  const handler: Handler = (request) => (request.methodId === ECHO ? request.args : stream(request, source));
  return serveSessions({
    onConnection: () => ({ type: 'accept', setup: (connection) => connection.serve(handler) }),
  });
}

const stream = async ({ args, channels }: Parameters<Handler>[0], source: Source): Promise<Uint8Array> => {
  const { count, size, credit } = requestOf(args);
  const next = source.open(size);
  const tx = channels[0]?.send({ credit });
  if (tx === undefined) throw new Error('a stream without a channel');
  for (let sent = 0; sent < count; sent++) {
    source.held++;
    await tx.send(next());
    source.held--;
  }
  await tx.close();
  return NOTHING;
};

async function connect(url: string, size: number): Promise<Caller> {
  const session = await initiate(await connectWebSocket(url));
  const caller = (await session.open()).caller();
  const ask = (request: StreamRequest) => {
    const [tx, rx] = channel({ credit: request.credit });
    const answered = caller.call(STREAM, requestBytes(request), { channels: [tx] });
    return { rx, answered };
  };
  return {
    echo: echoes(size, (payload, done, failed) => void caller.call(ECHO, payload).then(({ ret }) => done(ret), failed)),
    stream: async (request) => {
      const { rx, answered } = ask(request);
      const arrivals = new Arrivals(request);
      for await (const item of rx) arrivals.take(item);
      arrivals.end();
      await answered;
    },
    ignore: async (request) => {
      ask(request).answered.catch(() => {});
    },
    close: () => end(session),
  };
}
