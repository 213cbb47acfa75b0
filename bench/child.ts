// What runs in a process of its own: one side of one scenario, so that nothing of another one is compiled, or in memory.
import { openClose } from './connections.js';
import { type Job, type Round, replyTo } from './control.js';
import { median } from './median.js';
import { memoryOf } from './memory.js';
import { connectOurs, firstReplyOurs, serveOurs } from './ours.js';
import { ownCpu, type Served, startPeer } from './peer.js';
import { profiled } from './profile.js';
import { connectRaw, firstReplyRaw, serveRaw } from './raw.js';
import type { Caller, FirstReply, Side } from './traffic.js';

const SERVE = { raw: serveRaw, ours: serveOurs };
const CONNECT = { raw: connectRaw, ours: connectOurs };
const FIRST_REPLY = { raw: firstReplyRaw, ours: firstReplyOurs };

async function roundsOf(job: Job): Promise<Round> {
  switch (job.kind) {
    case 'peer': {
      const { url } = await SERVE[job.side]();
      return () => Promise.resolve({ url, cpu: ownCpu() });
    }
    case 'echo':
      return traffic(job, (caller, count) => caller.echo(count, job.inFlight));
    case 'flood':
      return traffic(job, (caller, count) => caller.flood(count));
    case 'connect':
      return connects(job);
    case 'open-close':
      return openClose(job.link);
    case 'memory':
      return memoryOf(job.what);
  }
}

async function serverOf({ side, processes }: { side: Side; processes: 1 | 2 }): Promise<Served> {
  if (processes === 2) return startPeer(side);
  const { url } = await SERVE[side]();
  return { url, cpu: () => Promise.resolve(ownCpu()) };
}

/** A first guess of the messages in a round; the rounds that warm up correct it. */
const FIRST_COUNT = 200;

type Traffic = Extract<Job, { kind: 'echo' | 'flood' }>;

async function traffic(job: Traffic, run: (caller: Caller, count: number) => Promise<void>): Promise<Round> {
  const { url, cpu } = await serverOf(job);
  const caller = await CONNECT[job.side](url, job.size);
  let rate = 0;
  return async (milliseconds) => {
    // A number that is known before: no clock is read while messages run.
    const count = rate === 0 ? FIRST_COUNT : Math.max(FIRST_COUNT, Math.round((rate * milliseconds) / 1000));
    const cpuBefore = await cpu();
    const started = performance.now();
    await run(caller, count);
    rate = (count * 1000) / (performance.now() - started);
    const busy = (await cpu()) - cpuBefore;
    return { rate, cpu: (count * 1000) / busy, busy };
  };
}

async function connects(job: Extract<Job, { kind: 'connect' }>): Promise<Round> {
  const { url, cpu } = await serverOf(job);
  const once = FIRST_REPLY[job.side];
  return async (milliseconds) => {
    const replies: FirstReply[] = [];
    const cpuBefore = await cpu();
    const started = performance.now();
    while (replies.length === 0 || performance.now() - started < milliseconds) replies.push(await once(url, job.size));
    // To the end of the last session, too.
    const busy = (await cpu()) - cpuBefore;
    const medianOf = (phase: keyof FirstReply) => median(replies.map((reply) => reply[phase] ?? 0));
    return {
      milliseconds: medianOf('total'),
      link: medianOf('link'),
      handshake: medianOf('handshake'),
      open: medianOf('open'),
      reply: medianOf('reply'),
      cpu: busy / replies.length,
      busy,
    };
  };
}

const job = JSON.parse(process.argv[2] ?? '') as Job;
replyTo(await roundsOf(job), profiled);
