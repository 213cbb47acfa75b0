import { describe, expect, test } from '@jest/globals';
import type { ConnectOptions, Targets } from '../../src/client/options.js';
import { ReconnectingClient } from '../../src/client/reconnecting-client.js';
import { channel } from '../../src/index.js';
import type { MemoryLink } from '../../src/link/memory.js';
import { reliableAcceptor } from '../../src/reliable/index.js';
import { Adder, adder } from '../service/adder.js';
import { errorOf } from '../service/pair.js';
import { settle } from '../support/settle.js';
import { Stage } from './stage.js';

const URL_OF_SERVER = 'wss://server.example/rpc';

/** A server in memory at a URL, and a client of it that asks for links that outlive their connections. */
class ResumeStage extends Stage {
  readonly acceptor = reliableAcceptor({ clock: this.clock, onLink: (link) => void this.accept(link) });
  readonly accept = this.onLink;

  constructor(isReliable = true) {
    super([adder]);
    if (isReliable) this.onLink = (link) => this.acceptor.take(link);
  }

  connect(options: ConnectOptions = {}, to: Targets = URL_OF_SERVER): ReconnectingClient {
    const given = { clock: this.clock, random: () => 0.5, resume: 'auto' as const, ...options };
    return new ReconnectingClient(() => this.target(), to, given);
  }

  /** The end of the newest connection, which a test may break. */
  get newest(): MemoryLink {
    return this.links.at(-1) as MemoryLink;
  }

  override async end(client: ReconnectingClient): Promise<readonly unknown[]> {
    this.acceptor.close();
    return super.end(client);
  }
}

describe('a client on a link that outlives its connections', () => {
  test('keeps its session, its calls and its channels when a connection is lost', async () => {
    const stage = new ResumeStage();
    const client = stage.connect();
    const states: string[] = [];
    client.status.subscribe(() => void states.push(client.status.current.state));
    const adds = client.use(Adder);
    expect(await adds.add(1, 2)).toBe(3);
    const session = await client.session();
    const [tx, numbers] = channel<number>();
    const sum = adds.sum(numbers);
    await tx.send(5);
    await settle();
    stage.isUp = false;
    stage.cut();
    await settle();
    expect(client.status.current.state).toBe('interrupted');
    // It goes into the window of the link, and leaves later.
    const call = adds.add(3, 4);
    await tx.send(6);
    stage.isUp = true;
    await stage.clock.advance(3_000);
    expect(await call).toBe(7);
    await tx.close();
    expect(await sum).toBe(11);
    expect(await client.session()).toBe(session);
    expect(stage.sessions).toHaveLength(1);
    expect(states).toEqual(['connecting', 'open', 'interrupted', 'open']);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('gets a new session when the server has lost the old one', async () => {
    const stage = new ResumeStage();
    const client = stage.connect();
    const adds = client.use(Adder);
    expect(await adds.add(1, 2)).toBe(3);
    const successor = new ResumeStage();
    stage.onLink = successor.onLink;
    const lost = errorOf(adds.slow());
    stage.cut();
    await settle();
    const later = adds.add(2, 2);
    await stage.clock.advance(3_000);
    await settle();
    expect(await lost).toMatchObject({ ran: 'maybe' });
    expect(await later).toBe(4);
    expect(client.status.current.state).toBe('open');
    expect(await stage.end(client)).toEqual(['closed', 0]);
    successor.acceptor.close();
    for (const session of successor.sessions) session.shutdown();
  });

  test('dials anew when its peer does not answer a probe, and its session goes on', async () => {
    const stage = new ResumeStage();
    const client = stage.connect();
    const adds = client.use(Adder);
    await adds.add(1, 2);
    const session = await client.session();
    // A connection that carries nothing more, and says nothing of it.
    stage.newest.send = () => {};
    client.actor.send({ type: 'network.suspect', jitter: 0.5 });
    await stage.clock.advance(5_000);
    expect(stage.dials).toHaveLength(2);
    expect(await adds.add(2, 2)).toBe(4);
    expect(await client.session()).toBe(session);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('asks a server that has no such links once, and gets ordinary ones at once', async () => {
    const stage = new ResumeStage(false);
    const client = stage.connect();
    expect(await client.use(Adder).add(1, 2)).toBe(3);
    expect(stage.dials).toEqual([0, 0]);
    stage.cut();
    await settle();
    await stage.clock.advance(200);
    expect(await client.use(Adder).add(1, 2)).toBe(3);
    expect(stage.dials).toEqual([0, 0, 100]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('gets an ordinary link behind helloTimeout from a server that says nothing to its greeting', async () => {
    const stage = new ResumeStage();
    const client = stage.connect();
    const accept = stage.accept;
    stage.onLink = () => {
      stage.onLink = accept;
    };
    const call = client.use(Adder).add(1, 2);
    await settle();
    await stage.clock.advance(4_999);
    expect(stage.dials).toEqual([0]);
    await stage.clock.advance(1);
    expect(await call).toBe(3);
    expect(stage.dials).toEqual([0, 5_000]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('gets it behind half of attemptTimeout, if that is less', async () => {
    const stage = new ResumeStage();
    const client = stage.connect({ attemptTimeout: 4_000 });
    const accept = stage.accept;
    stage.onLink = () => {
      stage.onLink = accept;
    };
    const call = client.use(Adder).add(1, 2);
    await settle();
    await stage.clock.advance(2_000);
    expect([await call, stage.dials]).toEqual([3, [0, 2_000]]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('knows a server again whose URL has another query', async () => {
    const stage = new ResumeStage(false);
    let token = 0;
    const client = stage.connect({}, async () => [`${URL_OF_SERVER}?token=${token++}`]);
    for (const sum of [3, 4]) {
      const call = client.use(Adder).add(sum, 0);
      await settle();
      await stage.clock.advance(200);
      expect(await call).toBe(sum);
      stage.cut();
      await settle();
    }
    expect([token, stage.dials]).toEqual([2, [0, 0, 300]]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('makes one connection more than attempts to a server that accepts and cuts', async () => {
    const stage = new ResumeStage();
    stage.onLink = (link) => link.abort();
    const client = stage.connect({ lazy: false });
    await settle();
    await stage.clock.advance(60_000);
    expect(stage.dials.length).toBeLessThanOrEqual(13);
    expect(stage.dials.length).toBeGreaterThan(6);
    // A server that comes back gets the greeting again, within two attempts.
    stage.onLink = (link) => stage.acceptor.take(link);
    await stage.clock.advance(60_000);
    expect(client.status.current.state).toBe('open');
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('is closed at once while it is interrupted, and dials no more', async () => {
    const stage = new ResumeStage();
    const client = stage.connect();
    await client.use(Adder).add(1, 2);
    stage.isUp = false;
    stage.cut();
    await settle();
    expect(client.status.current.state).toBe('interrupted');
    let isClosed = false;
    void client.close({ timeout: 0 }).then(() => {
      isClosed = true;
    });
    await stage.clock.advance(0);
    await settle();
    const dials = stage.dials.length;
    expect(isClosed).toBe(true);
    await stage.clock.advance(60_000);
    expect([stage.dials.length, await stage.end(client)]).toEqual([dials, ['closed', 0]]);
  });

  test('refuses another value of resume', () => {
    expect(() => new ResumeStage().connect({ resume: true as never })).toThrow("resume must be 'auto' or false");
  });
});
