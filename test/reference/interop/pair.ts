import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accept, initiate, type Message, type Session, type StartOptions } from '../../../src/index.js';
import type { Link } from '../../../src/link/link.js';
import { connectTcp, listenTcp } from '../../../src/link/tcp.js';
import { connectWebSocket, listenWebSocket } from '../../../src/link/websocket-node.js';
import { postcard } from '../../../src/payload/postcard/index.js';
import { OurService } from './our-service.js';
import { type Address, ONE_THREAD, Relay, RustPeer, type Side, type Transport } from './rust.js';
import { Testbed, Types } from './services.js';

/** Our role in the session; the Rust peer has the other one. */
export type Role = 'initiator' | 'acceptor';

export interface PairOptions {
  readonly program: string;
  readonly transport: Transport;
  /** Ours. */
  readonly role: Role;
  readonly session?: Partial<StartOptions>;
  /** More options of the Rust peer. */
  readonly rust?: readonly string[];
  /** The largest frame that our end takes; 1 MiB by default. */
  readonly maxFrame?: number;
}

/** One session between us and a process of the Rust peer, with all services at both ends. */
export interface Pair {
  readonly session: Session;
  readonly rust: RustPeer;
  readonly relay: Relay;
  /** The side of the relay where the Rust peer is. */
  readonly fromRust: Side;
  readonly ours: OurService;
  readonly testbed: ReturnType<typeof Testbed.client>;
  readonly types: ReturnType<typeof Types.client>;
  /** The numbers of messages sent and received, by type. */
  readonly traffic: Traffic;
  /** Plays a scenario of the Rust peer's on this session. */
  play(name: string): Promise<unknown[]>;
  /** Kills the process and frees what the test has used; the session should be over. */
  close(): Promise<void>;
}

export class Traffic {
  readonly sent = new Map<Message['type'], number>();
  readonly received = new Map<Message['type'], number>();
  /** Our codec. It counts messages. */
  readonly codec: typeof postcard = {
    ...postcard,
    encode: (message) => {
      count(this.sent, message.type);
      return postcard.encode(message);
    },
    decode: (...args) => {
      const message = postcard.decode(...args);
      count(this.received, message.type);
      return message;
    },
  };
}

function count(counts: Map<Message['type'], number>, type: Message['type']): void {
  counts.set(type, (counts.get(type) ?? 0) + 1);
}

/** Every session of the part. At the end all of them must be collected. */
export const sessions: WeakRef<Session>[] = [];

export async function pair(options: PairOptions): Promise<Pair> {
  const { program, transport, role, maxFrame = 2 ** 20 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'interop-'));
  const ours = new OurService();
  const traffic = new Traffic();
  const sessionOptions: StartOptions = {
    codec: traffic.codec,
    peer: 'roam-rust-7',
    onConnection: ours.onConnection,
    onReport: ours.onReport,
    limits: { frame: maxFrame },
    ...options.session,
  };
  const paths = [join(folder, 'far'), join(folder, 'near')] as const;
  const common = ['--transport', transport, ...(options.rust ?? [])];
  const begun: Start['begun'] = {};
  const start: Start = { program, transport, args: common, paths, begun, maxFrame, sessionOptions };
  try {
    const session = role === 'initiator' ? await toRust(start) : await fromRust(start);
    const { rust, relay } = begun as { rust: RustPeer; relay: Relay };
    sessions.push(new WeakRef(session));
    session.root.serve(ours.handler);
    await rust.take('session');
    return {
      session,
      rust,
      relay,
      fromRust: role === 'initiator' ? 'far' : 'near',
      ours,
      traffic,
      testbed: Testbed.client(session.root),
      types: Types.client(session.root),
      play: (name) => rust.play(1, name),
      close: async () => {
        await rust.kill();
        relay.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await begun.rust?.kill();
    begun.relay?.close();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** All that it takes to start both sides. `begun` has what is started so far. */
interface Start {
  readonly program: string;
  readonly transport: Transport;
  readonly args: readonly string[];
  readonly paths: readonly [far: string, near: string];
  readonly begun: { rust?: RustPeer; relay?: Relay };
  readonly maxFrame: number;
  readonly sessionOptions: StartOptions;
}

/** We connect, and the Rust peer accepts. */
async function toRust(start: Start): Promise<Session> {
  const { program, transport, args, begun, maxFrame, sessionOptions } = start;
  const [far, near] = start.paths;
  const rust = new RustPeer(program, [
    'accept',
    ONE_THREAD,
    ...args,
    ...(transport === 'unix' ? ['--address', far] : []),
  ]);
  begun.rust = rust;
  const { port } = await rust.take('listening');
  const target: Address = transport === 'unix' ? { path: far } : { port: port as number };
  const relay = await Relay.between(transport === 'unix' ? { path: near } : { port: 0 }, target);
  begun.relay = relay;
  const link =
    transport === 'ws'
      ? await connectWebSocket(`ws://127.0.0.1:${relay.port}/`, { maxFrame })
      : await connectTcp({ ...(transport === 'unix' ? { path: near } : { port: relay.port }), maxFrame });
  return initiate(link, { ...sessionOptions, openEarly: [Testbed] });
}

/** The Rust peer connects, and we accept. */
async function fromRust(start: Start): Promise<Session> {
  const { program, transport, args, begun, maxFrame, sessionOptions } = start;
  const [far, near] = start.paths;
  let arrived: (link: Link) => void = () => {};
  const first = new Promise<Link>((resolve) => {
    arrived = resolve;
  });
  const listener =
    transport === 'ws'
      ? await listenWebSocket({ port: 0, maxFrame }, arrived)
      : await listenTcp({ ...(transport === 'unix' ? { path: far } : { port: 0 }), maxFrame }, arrived);
  try {
    const target: Address = transport === 'unix' ? { path: far } : { port: listener.port };
    const relay = await Relay.between(transport === 'unix' ? { path: near } : { port: 0 }, target);
    begun.relay = relay;
    const address = transport === 'unix' ? near : `127.0.0.1:${relay.port}`;
    begun.rust = new RustPeer(program, ['connect', ONE_THREAD, ...args, '--address', address]);
    return await accept(await first, sessionOptions);
  } finally {
    await listener.close();
  }
}
