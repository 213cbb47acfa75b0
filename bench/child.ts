// What runs in a process of its own: one side of one scenario, so that nothing of another one is compiled, or in memory.
import { openClose } from './connections.js';
import { type Job, type Round, replyTo } from './control.js';
import { memoryOf } from './memory.js';
import { connectOurs, firstReplyOurs, serveOurs } from './ours.js';
import { startPeer } from './peer.js';
import { profiled } from './profile.js';
import { connectRaw, firstReplyRaw, serveRaw } from './raw.js';
import type { Caller, Peer, Side } from './traffic.js';

const SERVE = { raw: serveRaw, ours: serveOurs };
const CONNECT = { raw: connectRaw, ours: connectOurs };
const FIRST_REPLY = { raw: firstReplyRaw, ours: firstReplyOurs };

async function roundsOf(job: Job): Promise<Round> {
  switch (job.kind) {
    case 'peer': {
      const { url } = await SERVE[job.side]();
      return () => Promise.resolve({ url });
    }
    case 'echo':
      return traffic(job, (caller, count) => caller.echo(count, job.inFlight));
    case 'flood':
      return traffic(job, (caller, count) => caller.flood(count));
    case 'connect': {
      const { url } = await peerOf(job);
      const once = FIRST_REPLY[job.side];
      return async (milliseconds) => ({ milliseconds: await repeated(milliseconds, () => once(url, job.size)) });
    }
    case 'open-close':
      return openClose(job.link, job.connections);
    case 'memory':
      return memoryOf(job.what);
  }
}

async function peerOf({ side, processes }: { side: Side; processes: 1 | 2 }): Promise<Pick<Peer, 'url'>> {
  return processes === 1 ? SERVE[side]() : startPeer(side);
}

/** A first guess of the messages in a round; the rounds that warm up correct it. */
const FIRST_COUNT = 200;

type Traffic = Extract<Job, { kind: 'echo' | 'flood' }>;

async function traffic(job: Traffic, run: (caller: Caller, count: number) => Promise<void>): Promise<Round> {
  const { url } = await peerOf(job);
  const caller = await CONNECT[job.side](url, job.size);
  let rate = 0;
  return async (milliseconds) => {
    // A number that is known before: no clock is read while messages run.
    const count = rate === 0 ? FIRST_COUNT : Math.max(FIRST_COUNT, Math.round((rate * milliseconds) / 1000));
    const started = performance.now();
    await run(caller, count);
    rate = (count * 1000) / (performance.now() - started);
    return { rate };
  };
}

/** The median time of something that is done again and again for so many milliseconds. */
async function repeated(milliseconds: number, once: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  const started = performance.now();
  while (times.length === 0 || performance.now() - started < milliseconds) times.push(await once());
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] as number;
}

const job = JSON.parse(process.argv[2] ?? '') as Job;
replyTo(await roundsOf(job), profiled);
