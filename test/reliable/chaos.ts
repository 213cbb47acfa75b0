/**
 * `npm run chaos -- --cuts N --seed S` runs a session over real sockets that a proxy ruins N times, at random bytes: within
 * a greeting, a frame or an acknowledgement. Some links go silent, some greetings come late, behind those of later links.
 * 64 calls are in flight, one stream runs each way, a reader is slow, and the listener restarts. Everything must arrive
 * exactly once and in order, within the windows. `--write` notes the results in chaos.json.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { accept, channel, initiate, method, type Rx, routes, service, type Tx } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { listenTcp, streamLink, type TcpListener } from '../../src/link/tcp.js';
import { type ReliableLink, reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { Random } from '../reference/differential/random.js';
import { ruinousProxy } from './proxy.js';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const cuts = Number(values.cuts);
const seed = Number(values.seed);
const dice = new Random(seed);

const IN_FLIGHT = 64;
const WINDOW = { bytes: 256 * 1024, frames: 256 };
/** What waits in front of the window: the outbox of the session. */
const OUTBOX = 256 * 1024;
const FRAME = 16 * 1024;
/** Short, so that links that are half open cost little time. */
const TIMES = { probe: 60, answer: 60, ackDelay: 10 };
const COMMON = { ...TIMES, window: WINDOW };

const Chaos = service('Chaos', {
  echo: method<[call: number, text: string], string>(),
  up: method<[items: Rx<number>], number>({ credit: 16 }),
  down: method<[items: Tx<number>], number>({ credit: 16 }),
});

const wrong: string[] = [];
const executed = new Map<number, number>();
let isOver = false;

/** When each link was opened, by the dialer's port; and the first message in each direction on it. */
const opened = new Map<number, number>();
const portsOfDialers = new Map<number, number>();
const resumes = { toDialer: [] as number[], toAcceptor: [] as number[] };

/** Notes when the first message, not a greeting, arrives on a link. */
function timed(link: Link, portOf: () => number | undefined, times: number[]): Link {
  const start = link.start.bind(link);
  let isFirst = true;
  link.start = (events) =>
    start({
      ...events,
      message: (bytes) => {
        if (isFirst && bytes[0] === 0 && bytes.length !== 25) {
          isFirst = false;
          const since = opened.get(portOf() ?? 0);
          if (since !== undefined) times.push(performance.now() - since);
        }
        events.message(bytes);
      },
    });
  return link;
}

const handler = Chaos.handler({
  echo: async (call, text) => {
    executed.set(call, (executed.get(call) ?? 0) + 1);
    // Now and then an answer takes its time.
    if (call % 7 === 0) await new Promise((resolve) => setTimeout(resolve, call % 5));
    return text;
  },
  up: async (items) => {
    let expected = 0;
    for await (const item of items) {
      if (item !== expected++) wrong.push(`the stream up has ${item} instead of ${expected - 1}`);
      // A slow reader.
      if (expected % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return expected;
  },
  down: async (items) => {
    let count = 0;
    while (!isOver) await items.send(count++);
    await items.close();
    return count;
  },
});

let accepted: ReliableLink | undefined;
const acceptor = reliableAcceptor<Socket>({
  ...COMMON,
  onLink: async (link) => {
    accepted = link as ReliableLink;
    await accept(link, { onConnection: routes([handler]), limits: { outboxBytes: OUTBOX } });
  },
});

let listener: TcpListener | undefined;
const listen = async (port: number): Promise<void> => {
  listener = await listenTcp({ port }, (link, socket) => {
    const { remotePort } = socket as Socket;
    acceptor.take(
      timed(link, () => portsOfDialers.get(remotePort as number), resumes.toAcceptor),
      socket as Socket,
    );
  });
};
await listen(0);
const { port: listening } = listener as unknown as TcpListener;

const proxy = await ruinousProxy(
  () => listening,
  () => {
    // A cut before the first message of the acceptor ends a session, so that strangers fill no memory.
    if (opened.size <= 1) return { bytes: 4_000, how: 'reset', late: 0 };
    return {
      // A greeting has 29 bytes, with its length: one link in eight does not survive it.
      bytes: 1 + dice.below(dice.oneIn(8) ? 64 : dice.oneIn(2) ? 4_000 : 120_000),
      how: dice.oneIn(12) ? 'silent' : 'reset',
      late: dice.oneIn(10) ? dice.below(400) : 0,
    };
  },
  (dialer, acceptorPort) => portsOfDialers.set(acceptorPort, dialer),
);

let attempts = 0;
const link = await reliableLink({
  ...COMMON,
  retryFirst: true,
  // Late greetings are given up, and arrive behind the next one.
  helloTimeout: 150,
  backoff: { first: 5, most: 50 },
  connect: () =>
    new Promise((resolve, reject) => {
      attempts++;
      const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        const port = socket.localPort as number;
        opened.set(port, performance.now());
        resolve(timed(streamLink(socket), () => port, resumes.toDialer));
      });
    }),
});
const session = await initiate(link, { limits: { outboxBytes: OUTBOX } });
const chaos = await session.open(Chaos);

let mostBytes = 0;
let mostFrames = 0;
const watch = setInterval(() => {
  for (const end of [link, accepted]) {
    mostBytes = Math.max(mostBytes, end?.state.unacknowledgedBytes ?? 0);
    mostFrames = Math.max(mostFrames, end?.state.unacknowledged ?? 0);
  }
}, 1);

// The load.
let calls = 0;
const began = performance.now();
const call = async (): Promise<void> => {
  while (!isOver) {
    const number = calls++;
    const text = `${number} ${'x'.repeat(number % 300)}`;
    const answer = await chaos.echo(number, text);
    if (answer !== text) wrong.push(`call ${number} was answered with ${answer.slice(0, 20)}`);
  }
};
const [up, items] = channel<number>();
const [sink, down] = channel<number>();
const streamedUp = chaos.up(items);
const streamedDown = chaos.down(sink);
let sentUp = 0;
const sending = (async () => {
  while (!isOver) await up.send(sentUp++);
  await up.close();
})();
let takenDown = 0;
const taking = (async () => {
  for await (const item of down) {
    if (item !== takenDown++) wrong.push(`the stream down has ${item} instead of ${takenDown - 1}`);
  }
})();
const load = Promise.all([...Array.from({ length: IN_FLIGHT }, call), sending, taking, streamedUp, streamedDown]);

// The listener restarts, while the sessions stay.
let restarts = 0;
while (proxy.cuts < cuts) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (proxy.cuts > (restarts + 1) * Math.max(50, cuts / 10)) {
    restarts++;
    await listener?.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await listen(listening);
  }
}
isOver = true;
proxy.calm();
await load;
const seconds = (performance.now() - began) / 1000;
clearInterval(watch);

if ((await streamedUp) !== sentUp) wrong.push(`${sentUp} items went up, ${await streamedUp} arrived`);
if ((await streamedDown) !== takenDown) wrong.push(`${await streamedDown} items went down, ${takenDown} arrived`);
const twice = [...executed.values()].filter((count) => count !== 1).length;
if (twice > 0) wrong.push(`${twice} calls were executed more than once`);
if (executed.size !== calls) wrong.push(`${calls} calls were made, ${executed.size} executed`);
// One frame may be over each mark; replies have a reserve of their own.
const bound = WINDOW.bytes + OUTBOX + 2 * FRAME;
if (mostBytes > bound) wrong.push(`${mostBytes} bytes were held, above ${bound}`);

const median = (times: number[]): number =>
  times.toSorted((one, other) => one - other)[times.length >> 1] ?? Number.NaN;
const results = {
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  seed,
  cuts: proxy.cuts,
  links: attempts,
  restarts,
  seconds: Math.round(seconds),
  calls,
  items: sentUp + takenDown,
  mostBytes,
  mostFrames,
  resumeToDialer: Number(median(resumes.toDialer).toFixed(2)),
  resumeToAcceptor: Number(median(resumes.toAcceptor).toFixed(2)),
};

session.shutdown();
await session.closed;
acceptor.close();
await listener?.close();
await proxy.close();

process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
for (const text of wrong.slice(0, 20)) process.stderr.write(`${text}\n`);
if (wrong.length > 0) process.exitCode = 1;
else {
  process.stdout.write('everything arrived exactly once, and in order\n');
  if (values.write) writeFileSync(new URL('chaos.json', import.meta.url), `${JSON.stringify(results, undefined, 2)}\n`);
}
