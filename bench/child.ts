// A process for one contender in one scenario. No code of other contenders is compiled here or held in memory.
import { collections, heap, unread } from './checks.js';
import { openClose } from './connections.js';
import type { Caller, FirstReply } from './contender.js';
import { CONTENDERS, type ContenderName } from './contenders.js';
import { type Job, type Round, replyTo, type Traffic, type Work } from './control.js';
import { garbage, openMany } from './many.js';
import { median } from './median.js';
import { memoryOf } from './memory.js';
import { ownCpu, type Served, startPeer } from './peer.js';
import { profiled } from './profile.js';
import { Items } from './traffic.js';

async function roundsOf(job: Job): Promise<Round> {
  switch (job.kind) {
    case 'peer': {
      const { url } = await serve(job.contender);
      return () => Promise.resolve({ url, cpu: ownCpu() });
    }
    case 'echo':
    case 'stream':
    case 'flood':
      return traffic(job);
    case 'connect':
      return connects(job);
    case 'unread':
      return unread(job);
    case 'heap':
      return heap(job);
    case 'open-close':
      return openClose(job.link);
    case 'collections':
      return collections(await traffic(job.of));
    case 'memory':
      return memoryOf(job.what);
    case 'open-many':
      return openMany(job.who);
    case 'garbage':
      return garbage();
    case 'wire-peer': {
      const address = await (await import('./wire-ours.js')).serve(job);
      return () => Promise.resolve({ address, cpu: ownCpu() });
    }
    case 'wire':
      return onWire(job);
  }
}

/** Measures the caller alone. Its peer is another process, of this library or of another one. */
async function onWire(job: Extract<Job, { kind: 'wire' }>): Promise<Round> {
  const { connect, firstReply } = await import('./wire-ours.js');
  const cpu = () => Promise.resolve(ownCpu());
  const { work } = job;
  if (work.kind === 'connect') return replies(() => firstReply(job, work.size), cpu);
  return paced(runOf(work, await connect(job, work.size)), cpu);
}

async function serve(contender: ContenderName): Promise<Served> {
  const { url } = await (await CONTENDERS[contender].load()).serve(new Items());
  return { url, cpu: () => Promise.resolve(ownCpu()) };
}

function serverOf({ contender, processes }: { contender: ContenderName; processes: 1 | 2 }): Promise<Served> {
  return processes === 2 ? startPeer(contender) : serve(contender);
}

/** A first guess of the messages in a round; the rounds that warm up correct it. */
const FIRST_COUNT = 200;

async function traffic(job: Traffic): Promise<Round> {
  const { url, cpu } = await serverOf(job);
  const caller = await (await CONTENDERS[job.contender].load()).connect(url, job.size);
  return paced(runOf(job, caller), cpu);
}

function paced(run: (count: number) => Promise<void>, cpu: Served['cpu']): Round {
  let rate = 0;
  return async (milliseconds) => {
    // The number of messages is fixed before the round, so no clock is read while messages run.
    const count = rate === 0 ? FIRST_COUNT : Math.max(FIRST_COUNT, Math.round((rate * milliseconds) / 1000));
    const cpuBefore = await cpu();
    const started = performance.now();
    await run(count);
    rate = (count * 1000) / (performance.now() - started);
    const busy = (await cpu()) - cpuBefore;
    return { rate, cpu: (count * 1000) / busy, busy };
  };
}

function runOf(job: Traffic | Exclude<Work, { kind: 'connect' }>, caller: Caller): (count: number) => Promise<void> {
  const { stream, flood } = caller;
  if (job.kind === 'echo') return (count) => caller.echo(count, job.inFlight);
  if (job.kind === 'stream' && stream) return (count) => stream({ count, size: job.size, credit: job.credit });
  if (job.kind === 'flood' && flood) return flood;
  throw new Error(`this contender has no ${job.kind}`);
}

async function connects(job: Extract<Job, { kind: 'connect' }>): Promise<Round> {
  const { url, cpu } = await serverOf(job);
  const { firstReply } = await CONTENDERS[job.contender].load();
  if (firstReply === undefined) throw new Error(`${job.contender} does not say when its first reply is there`);
  return replies(() => firstReply(url, job.size, job.on), cpu);
}

function replies(firstReply: () => Promise<FirstReply>, cpu: Served['cpu']): Round {
  return async (milliseconds) => {
    const replies: FirstReply[] = [];
    const cpuBefore = await cpu();
    const started = performance.now();
    while (replies.length === 0 || performance.now() - started < milliseconds) {
      replies.push(await firstReply());
    }
    // Count until the last session has ended.
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
