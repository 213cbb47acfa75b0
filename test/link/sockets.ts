import { connect, type Server, type Socket } from 'node:net';

/** Both ends of a TCP connection through `server`, which begins to listen. */
export async function socketPair(server: Server, options: { allowHalfOpen?: boolean } = {}): Promise<[Socket, Socket]> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect({ port, host: '127.0.0.1', ...options });
  await new Promise((resolve) => client.once('connect', resolve));
  return [client, await accepted];
}
