import { describe, expect, test } from '@jest/globals';
import type { Codec } from '../../src/codec/codec.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { postcard } from '../../src/codec/postcard/postcard.js';
import { accept, initiate, method, routes, type Session, service } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { reliableAcceptor, reliableLink } from '../../src/reliable/index.js';
import { Random } from '../reference/differential/random.js';
import { settle } from '../support/settle.js';
import { Net, tick } from './net.js';

// Sessions over reliable links, on a simulated clock and network.

const Echo = service('Echo', { echo: method<[text: string], string>() });

/** Times far shorter than a cut lasts. */
const SHORT = {
  keepalive: { pingInterval: 100, pongTimeout: 50 },
  // On a simulated clock no turn of the event loop is too long.
  limits: { stallTimeout: 200, flushTimeout: 200, outboxBytes: 64, turnTime: 2 ** 31 - 1 },
};

class Pair {
  readonly net = new Net();
  readonly events: string[] = [];
  readonly acceptor;
  isReachable = true;
  dialer!: Session;
  accepted!: Session;

  readonly #codec: Codec;

  constructor(codec: Codec = messagePack) {
    const { clock } = this.net;
    this.#codec = codec;
    this.acceptor = reliableAcceptor({
      clock,
      onLink: async (link) => {
        this.accepted = await accept(link, {
          ...SHORT,
          clock,
          codec,
          onConnection: routes([Echo.handler({ echo: (text) => text })]),
        });
        this.#note('acceptor', this.accepted);
      },
    });
  }

  async open(window = {}): Promise<this> {
    const { clock } = this.net;
    const opening = reliableLink({
      clock,
      window,
      connect: async () => {
        if (!this.isReachable) throw new Error('unreachable');
        const [ours, theirs] = this.net.pair();
        this.acceptor.take(theirs);
        return ours;
      },
    });
    await this.net.calm();
    const starting = initiate((await opening) as Link, { ...SHORT, clock, codec: this.#codec });
    await this.net.calm();
    this.dialer = await starting;
    this.#note('dialer', this.dialer);
    return this;
  }

  /** Cuts the connection. Both ends notice at once. */
  async cut(): Promise<void> {
    for (const end of this.net.living) end.cut();
    await this.net.calm();
  }

  async pass(milliseconds: number, step = 50): Promise<void> {
    for (let left = milliseconds; left > 0; left -= step) {
      this.net.clock.advanceNow(Math.min(step, left));
      await this.net.calm();
    }
  }

  #note(name: string, session: Session): void {
    for (const type of ['interrupted', 'restored', 'ended'] as const)
      session.on(type, () => this.events.push(`${name} ${type}`));
  }
}

describe('a session over a reliable link', () => {
  test.each([
    ['msgpack', messagePack],
    ['postcard', postcard],
  ])('outlives a cut that is longer than all of its times, and both applications are told: %s', async (_, codec) => {
    const pair = await new Pair(codec).open();
    const client = pair.dialer.open(Echo);
    await pair.net.calm();
    const { echo } = await client;
    pair.isReachable = false;
    await pair.cut();
    // More than the outbox holds.
    const calls = Array.from({ length: 8 }, (_, index) => echo(`${index} ${'x'.repeat(40)}`));
    await pair.pass(20_000);
    expect(pair.dialer.isInterrupted && pair.accepted.isInterrupted).toBe(true);
    pair.isReachable = true;
    await pair.pass(6_000);
    expect((await Promise.all(calls)).map((text) => text.slice(0, 1)).join('')).toBe('01234567');
    expect(pair.events).toEqual(['dialer interrupted', 'acceptor interrupted', 'acceptor restored', 'dialer restored']);
    pair.dialer.shutdown();
    await pair.pass(1_000);
    expect([await pair.dialer.closed, await pair.accepted.closed]).toEqual([
      { cause: 'shutdown', by: 'local' },
      { cause: 'peer', by: 'peer' },
    ]);
    pair.acceptor.close();
    expect(pair.net.clock.size).toBe(0);
  });

  test('that is shut down while it is interrupted ends in order with the next connection', async () => {
    const pair = await new Pair().open();
    pair.isReachable = false;
    await pair.cut();
    pair.dialer.shutdown();
    await pair.pass(20_000);
    expect(pair.events).not.toContain('acceptor ended');
    pair.isReachable = true;
    await pair.pass(6_000);
    expect(await pair.dialer.closed).toEqual({ cause: 'shutdown', by: 'local' });
    expect(await pair.accepted.closed).toEqual({ cause: 'peer', by: 'peer' });
    pair.acceptor.close();
    expect(pair.net.clock.size).toBe(0);
  });

  test('ends at both ends when the link gives up, and each is told why', async () => {
    const pair = await new Pair().open();
    pair.isReachable = false;
    await pair.cut();
    await pair.pass(100_000, 1_000);
    expect(await pair.dialer.closed).toMatchObject({
      cause: 'link',
      error: { message: expect.stringContaining('no working link within giveUpAfter') },
    });
    expect(await pair.accepted.closed).toMatchObject({
      cause: 'link',
      error: { message: expect.stringContaining('the peer did not come back within grace') },
    });
    pair.acceptor.close();
    expect(pair.net.clock.size).toBe(0);
  });

  test('still ends by its keepalive while the link is there and the peer says nothing', async () => {
    const pair = await new Pair().open();
    for (const end of pair.net.ends) end.pause();
    // Nothing is delivered any more, and no link is lost: the time of the link's own probe is longer.
    await pair.pass(150);
    await settle();
    expect(await pair.dialer.closed).toMatchObject({ cause: 'keepalive' });
    pair.acceptor.close();
  });
});

// I8
test('200 random schedules of cuts and time: no keepalive, stall or flush ends a session while it is interrupted', async () => {
  let interruptions = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const dice = new Random(seed);
    const pair = await new Pair().open({ frames: 1 + dice.below(3) });
    const opening = pair.dialer.open(Echo);
    await pair.net.calm();
    const client = await opening;
    const calls: Promise<unknown>[] = [];
    for (let step = 0; step < 30; step++) {
      const kind = dice.below(6);
      if (kind === 0 && pair.isReachable) {
        pair.isReachable = false;
        await pair.cut();
        interruptions++;
      } else if (kind === 1) pair.isReachable = true;
      else if (kind === 2) {
        const call = client.echo('x'.repeat(dice.below(100)));
        // Those of a session that is shut down fail.
        call.catch(() => {});
        calls.push(call);
      }
      // While there is a connection, everything that the network has is delivered before time goes on.
      else await pair.pass(1 + dice.below(300), 1 + dice.below(49));
      await tick();
      if (pair.events.some((event) => event.endsWith('ended'))) throw new Error(`schedule ${seed}: ${pair.events}`);
    }
    const isCut = dice.oneIn(2);
    if (isCut) {
      pair.isReachable = false;
      await pair.cut();
    }
    if (dice.oneIn(2)) pair.dialer.shutdown();
    await pair.pass(3_000);
    pair.isReachable = true;
    // Attempts begin at most five seconds after the last one.
    await pair.pass(6_000);
    const ended = pair.events.filter((event) => event.endsWith('ended'));
    if (ended.length > 0) {
      expect([seed, await pair.dialer.closed]).toEqual([seed, { cause: 'shutdown', by: 'local' }]);
      expect([seed, await pair.accepted.closed]).toEqual([seed, { cause: 'peer', by: 'peer' }]);
      await Promise.allSettled(calls);
    } else {
      await Promise.all(calls);
      pair.dialer.shutdown();
      await pair.pass(1_000);
      await pair.accepted.closed;
    }
    pair.acceptor.close();
    expect([seed, pair.net.clock.size]).toEqual([seed, 0]);
  }
  expect(interruptions).toBeGreaterThan(200);
});
