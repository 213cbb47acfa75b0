import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

// A TCP proxy on the loopback that ruins connections: at random bytes, silently or not, and late.

/** How a connection through the proxy ends, and how its first bytes travel. */
export interface Fate {
  /** The number of bytes, in both directions together, after which the connection ends; in the middle of anything. */
  readonly bytes: number;
  /** `reset`: both ends notice. `silent`: no end notices; both sockets stay open for a while. */
  readonly how: 'reset' | 'silent';
  /** Milliseconds by which the first bytes of the dialer, its greeting, are late. */
  readonly late: number;
}

export interface Proxy {
  readonly port: number;
  /** Connections that were ruined so far. */
  readonly cuts: number;
  /** Ends all connections as they are, and lets all later ones live. */
  calm(): void;
  close(): Promise<void>;
}

/** `targetOf` returns the port to connect to. `opened` gets the ports of both connections, as their far ends see them. */
export async function ruinousProxy(
  targetOf: () => number,
  fateOf: () => Fate,
  opened: (dialer: number, acceptor: number) => void = () => {},
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let isCalm = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((down) => {
    const fate = isCalm ? undefined : fateOf();
    const up = connect({ port: targetOf(), host: '127.0.0.1' });
    keep(down);
    keep(up);
    up.on('connect', () => opened(down.remotePort as number, up.localPort as number));
    let left = fate?.bytes ?? Number.POSITIVE_INFINITY;
    let isRuined = false;
    const ruin = (): void => {
      isRuined = true;
      cuts++;
      if (fate?.how === 'reset') {
        down.resetAndDestroy();
        up.resetAndDestroy();
      }
    };
    const relay = (from: Socket, to: Socket, late: number): void => {
      let isFirst = true;
      from.on('data', (chunk) => {
        if (isRuined) return;
        const part = chunk.subarray(0, left);
        left -= part.length;
        const write = (): void => {
          if (!to.destroyed) to.write(part);
        };
        if (isFirst && late > 0) setTimeout(write, late);
        else if (!to.write(part)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        isFirst = false;
        if (left === 0) ruin();
      });
      from.on('end', () => {
        if (!isRuined) to.end();
      });
      from.on('close', (hadError) => {
        if (isRuined) return;
        if (hadError) to.resetAndDestroy();
        else to.end();
      });
    };
    relay(down, up, fate?.late ?? 0);
    relay(up, down, 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const end = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    get cuts() {
      return cuts;
    },
    calm() {
      isCalm = true;
      end();
    },
    close() {
      end();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
