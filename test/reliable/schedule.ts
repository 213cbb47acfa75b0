import { isDeepStrictEqual } from 'node:util';
import type { Link, LinkEvents } from '../../src/link/link.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { Random } from '../reference/differential/random.js';
import { Net, tick } from './net.js';

// Random schedules on a simulated clock: links break, half of them unnoticed; greetings come late; attempts overlap.

let dice = new Random(0);

/** One application: it numbers what it sends, and records what it hears. */
class App implements LinkEvents {
  readonly heard: number[] = [];
  readonly ends: string[] = [];
  link!: Link;
  sent = 0;
  isInterrupted = false;

  message(bytes: Uint8Array): void {
    if (this.ends.length > 0) this.ends.push('a message after the end');
    this.heard.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
  }
  drained(): void {}
  ended(): void {
    this.ends.push('ended');
  }
  failed(error: Error): void {
    this.ends.push(error.message);
  }
  interrupted(): void {
    if (this.isInterrupted) this.ends.push('interrupted twice');
    this.isInterrupted = true;
  }
  restored(): void {
    this.isInterrupted = false;
  }

  send(size: number): void {
    const bytes = new Uint8Array(4 + size);
    new DataView(bytes.buffer).setUint32(0, this.sent++);
    this.link.send(bytes);
  }
}

/** What the schedules had in them. */
export interface Tally {
  messages: number;
  cuts: number;
  links: number;
}

/**
 * Plays one schedule.
 *
 * @throws Error when a message was lost, came twice or out of order, when an end was told wrongly, or a timer is left.
 */
export async function play(seed: number, tally: Tally): Promise<void> {
  dice = new Random(seed);
  const { random } = Math;
  // The time between attempts is random, too.
  Math.random = () => dice.below(2 ** 16) / 2 ** 16;
  try {
    await playOne(tally);
  } catch (error) {
    throw new Error(`schedule ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    Math.random = random;
  }
}

async function playOne(tally: Tally): Promise<void> {
  const net = new Net();
  const apps = [new App(), new App()] as const;
  const [dialer, accepter] = apps;
  const window = { frames: 1 + dice.below(4), bytes: pick([1, 10, 1000]) };
  const common = { clock: net.clock, window };
  const acceptor = reliableAcceptor({
    ...common,
    helloTimeout: 100_000,
    onLink: (link) => {
      accepter.link = link;
      link.start(accepter);
      // The HelloYourself of a session: a link that is lost before it ends at once.
      accepter.send(0);
    },
  });
  const dials: ((isThere: boolean) => void)[] = [];
  let isFirst = true;
  const opening = reliableLink({
    ...common,
    // Attempts overlap often: the dialer gives up soon, and the acceptor has its greeting much later.
    helloTimeout: 20,
    connect: () =>
      new Promise((resolve, reject) => {
        const answer = (isThere: boolean): void => {
          if (!isThere) {
            reject(new Error('refused'));
            return;
          }
          const [ours, theirs] = net.pair();
          theirs.isSlow = !isFirst && dice.oneIn(3);
          tally.links++;
          acceptor.take(theirs);
          resolve(ours);
        };
        if (isFirst) answer(true);
        else dials.push(answer);
        isFirst = false;
      }),
  });
  await net.calm();
  dialer.link = await opening;
  dialer.link.start(dialer);
  await net.calm();

  const steps = 20 + dice.below(dice.oneIn(4) ? 300 : 40);
  for (let step = 0; step < steps; step++) {
    const kind = dice.below(12);
    if (kind < 2) {
      const app = pick(apps);
      // Messages of one turn share steps.
      for (let count = 1 + dice.below(3); count > 0; count--) app.send(dice.below(12));
    } else if (kind < 8 && net.ready.length > 0) {
      const end = pick(net.ready);
      if (!end.isSlow || dice.oneIn(8)) {
        for (let count = 1 + dice.below(3); count > 0 && net.ready.includes(end); count--) end.deliver();
      }
    } else if (kind === 8 && net.living.length > 0) {
      pick(net.living).cut();
      tally.cuts++;
    } else if (kind === 9 && dials.length > 0) dials.splice(dice.below(dials.length), 1)[0]?.(dice.below(4) > 0);
    else if (kind === 10) net.clock.advanceNow(pick([1, 30, 60, 500, 2000]));
    else {
      const app = pick(apps);
      if (dice.below(2) === 0) app.link.pause();
      else app.link.resume();
    }
    await tick();
    check(apps);
  }
  // Now the network is kind, and everything arrives.
  for (const app of apps) app.link.resume();
  for (let round = 0; round < 200 && !isAll(apps); round++) {
    for (const dial of dials.splice(0)) dial(true);
    await net.calm();
    net.clock.advanceNow(round % 10 === 9 ? 5000 : 60);
    await net.calm();
  }
  demand(state(apps), { heard: [upTo(accepter.sent), upTo(dialer.sent)], ends: [[], []] });
  tally.messages += dialer.sent + accepter.sent;

  // And the end: one of them ends, at any moment of what is under way.
  const closer = pick(apps);
  const other = closer === dialer ? accepter : dialer;
  for (let more = dice.below(3); more > 0; more--) pick(apps).send(0);
  closer.link.close();
  if (dice.below(2) === 0 && net.living.length > 0) pick(net.living).cut();
  for (let round = 0; round < 100 && apps.some(({ ends }) => ends.length === 0); round++) {
    for (const dial of dials.splice(0)) dial(true);
    await net.calm();
    net.clock.advanceNow(60);
    await net.calm();
  }
  demand(
    { ends: apps.map(({ ends }) => ends), heard: other.heard },
    {
      ends: [['ended'], ['ended']],
      heard: upTo(closer.sent),
    },
  );
  acceptor.close();
  demand({ timers: net.clock.size }, { timers: 0 });
}

function pick<T>(items: readonly T[]): T {
  return items[dice.below(items.length)] as T;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function state([dialer, accepter]: readonly [App, App]) {
  return { heard: [dialer.heard, accepter.heard], ends: [dialer.ends, accepter.ends] };
}

function isAll([dialer, accepter]: readonly [App, App]): boolean {
  return dialer.heard.length === accepter.sent && accepter.heard.length === dialer.sent;
}

/** I1: what was delivered is a beginning of what was sent. Neither end is over. */
function check([dialer, accepter]: readonly [App, App]): void {
  for (const [to, from] of [
    [dialer, accepter],
    [accepter, dialer],
  ] as const) {
    const isPrefix = to.heard.length <= from.sent && to.heard.every((number, index) => number === index);
    if (!isPrefix || to.ends.length > 0) throw new Error(`heard ${to.heard}, ends ${to.ends}`);
  }
}

function demand(got: object, want: object): void {
  if (!isDeepStrictEqual(got, want)) throw new Error(`${JSON.stringify(got)} must be ${JSON.stringify(want)}`);
}
