import { describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '../../machines/session/context.js';
import { ProtocolError, SessionClosed } from '../../src/base/errors.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/base/limits.js';
import type { Report } from '../../src/base/report.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { Conduit, type Delivery } from '../../src/conduit/conduit.js';
import type { Codec } from '../../src/index.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import type { Message } from '../../src/wire/message.js';

/** The cost of a frame that waits, beside its bytes. */
const COST = 64;

/** A codec whose frames are items, but those of one byte are Pongs, and those of five are Cancels. */
const lengths: Codec = {
  ...messagePack,
  decode: (bytes): Message => {
    if (bytes.length === 1) return { type: 'Pong', connectionId: 0, nonce: BigInt(bytes[0] ?? 0) };
    return bytes.length === 5
      ? { type: 'RequestMessage', connectionId: 0, id: 1, body: { type: 'Cancel', metadata: [] } }
      : { type: 'ChannelMessage', connectionId: 0, id: 1, body: { type: 'Item', item: bytes } };
  },
};

interface Options {
  readonly codec?: Codec;
  readonly limits?: Partial<Limits>;
  /** Milliseconds that each frame takes. */
  readonly time?: number;
  readonly awaitAnswers?: boolean;
}

/** A conduit over a link that notes what is done to it, below a session that notes what comes. */
class World {
  readonly link: string[] = [];
  /** Events of the session by their types, and data messages by the sizes of their frames. */
  readonly came: unknown[] = [];
  readonly events: SessionEvent[] = [];
  /** The payloads of the data messages. */
  readonly items: Uint8Array[] = [];
  readonly reports: Report[] = [];
  readonly conduit: Conduit;
  /** The error with which the link takes no more messages. */
  refusal: Error | undefined;
  /** False if the connection has no room for data messages. */
  hasRoom = true;
  #events: LinkEvents | undefined;
  #now = 0;

  constructor({ codec = lengths, limits = {}, time = 0, awaitAnswers = false }: Options = {}) {
    const note = (what: string) => () => void this.link.push(what);
    const link: Link = {
      ...{ pause: note('pause'), resume: note('resume'), close: note('close'), abort: note('abort') },
      buffered: 0,
      start: (events) => {
        this.#events = events;
      },
      send: () => {
        if (this.refusal !== undefined) throw this.refusal;
        this.link.push('send');
      },
    };
    this.conduit = new Conduit({
      link,
      codec,
      limits: { ...DEFAULT_LIMITS, ...limits },
      awaitAnswers,
      clock: { now: () => this.#now, setTimeout: () => undefined, clearTimeout: () => {} },
      onReport: (report) => this.reports.push(report),
      deliver: (message, size): Delivery => {
        this.#now += time;
        if (this.hasRoom) {
          this.came.push(size);
          if (message.body.type === 'Item') this.items.push(message.body.item);
          return 'taken';
        }
        this.conduit.pause();
        return 'full';
      },
      crashed: (error) => this.came.push(error),
    });
  }

  /** Starts the conduit, and waits until it takes inputs. */
  async start(): Promise<this> {
    this.conduit.start((event) => {
      this.came.push(event.type);
      this.events.push(event);
    });
    await Promise.resolve();
    return this;
  }

  get peer(): LinkEvents {
    return this.#events as LinkEvents;
  }

  /** The link brings frames of these lengths. Returns what came of them. */
  bring(...sizes: number[]): unknown[] {
    for (const size of sizes) this.peer.message(new Uint8Array(size));
    return this.came.splice(0);
  }

  /** What was done to the link since the last look. */
  done(): string[] {
    return this.link.splice(0);
  }
}

/** A conduit that has taken its first frame, which is the handshake's. */
async function begun(options: Options = {}): Promise<World> {
  const world = await new World(options).start();
  world.bring(1);
  return world;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a conduit offers requests and channel messages to their connection, and others to the session', async () => {
  const world = await begun();
  expect(world.bring(5, 6, 1)).toEqual([5, 6, 'rx.Pong']);
});

describe('a conduit whose session does not read', () => {
  test('pauses the link when more than 256 KiB wait, once, and resumes it with the reading', async () => {
    const world = await begun();
    world.conduit.pause();
    expect(world.bring(2 ** 17 - COST, 2 ** 17 - COST)).toEqual([]);
    expect(world.done()).toEqual([]);
    world.bring(2);
    expect(world.done()).toEqual(['pause']);
    world.bring(2);
    expect(world.done()).toEqual([]);
    world.conduit.resume();
    expect([world.came, world.done()]).toEqual([[2 ** 17 - COST, 2 ** 17 - COST, 2, 2], ['resume']]);
    world.conduit.resume();
    expect(world.done()).toEqual([]);
  });

  test('does not pause a link of which nothing waits', async () => {
    const world = await begun();
    expect(world.bring(2 ** 18)).toEqual([2 ** 18]);
    world.conduit.pause();
    world.conduit.resume();
    expect(world.done()).toEqual([]);
  });

  test('keeps the link paused while a frame finds no room again', async () => {
    const world = await begun();
    world.hasRoom = false;
    world.bring(2 ** 18, 2);
    expect(world.done()).toEqual(['pause']);
    world.conduit.resume();
    expect(world.done()).toEqual([]);
    world.hasRoom = true;
    world.conduit.resume();
    expect([world.came, world.done()]).toEqual([[2 ** 18, 2], ['resume']]);
  });

  test('pauses the link of a peer that is not known yet above handshakeBytes, if they are fewer', async () => {
    const world = await begun({ limits: { handshakeBytes: 1_000 } });
    world.conduit.pauseFrames();
    world.bring(1_000 - COST);
    expect(world.done()).toEqual([]);
    world.bring(2);
    expect(world.done()).toEqual(['pause']);
    const larger = await begun({ limits: { handshakeBytes: 2 ** 20 } });
    larger.conduit.pauseFrames();
    larger.bring(2 ** 18 - COST);
    expect(larger.done()).toEqual([]);
    larger.bring(2);
    expect(larger.done()).toEqual(['pause']);
  });

  test('hands on an end of the link that is not known yet before its frames, and otherwise behind them', async () => {
    const known = await begun();
    known.conduit.pause();
    expect(known.bring(2)).toEqual([]);
    known.peer.ended();
    expect(known.came).toEqual([]);
    known.conduit.resume();
    expect(known.came).toEqual([2, 'link.ended']);
    const unknown = await begun();
    unknown.conduit.pauseFrames();
    unknown.bring(2);
    unknown.peer.ended();
    expect(unknown.came).toEqual(['link.ended']);
  });

  test('ends a session past intakeBytes, on a link that cannot be paused, and takes no more of it', async () => {
    const world = await begun({ limits: { intakeBytes: 1_000 } });
    world.conduit.pause();
    expect(world.bring(500 - COST, 500 - COST)).toEqual([]);
    expect(world.bring(2)).toEqual(['conduit.overflowed']);
    expect(world.bring(2)).toEqual([]);
    expect(world.conduit.frames).toBe(4);
  });

  test('takes one frame, however small intakeBytes are', async () => {
    const world = await begun({ limits: { intakeBytes: 1_000 } });
    world.conduit.pause();
    expect(world.bring(2_000)).toEqual([]);
    expect(world.bring(2)).toEqual(['conduit.overflowed']);
  });

  test('keeps no view of what the link has read with a frame', async () => {
    const world = await begun();
    const read = new Uint8Array(65_536);
    world.peer.message(read.subarray(0, 2));
    world.conduit.pause();
    world.peer.message(read.subarray(2, 4));
    world.conduit.resume();
    expect(world.items.map((item) => item.buffer.byteLength)).toEqual([65_536, 2]);
  });
});

/** A conduit whose frames take a millisecond each, as long as a turn may. It has used up this turn: it waits for the next. */
async function yielding(limits: Partial<Limits> = {}): Promise<World> {
  const world = await begun({ limits: { turnTime: 1, ...limits }, time: 1 });
  world.bring(...Array.from({ length: 9 }, () => 2));
  expect(world.bring(3)).toEqual([]);
  return world;
}

describe('a conduit that has used up its time in this turn', () => {
  test('goes on in the next one, with the frames that came in between', async () => {
    const world = await yielding();
    expect(world.bring(4)).toEqual([]);
    await turn();
    expect([world.came, world.done()]).toEqual([[3, 4], []]);
  });

  test('pauses the link when more than 16 KiB wait, and resumes it when they are taken', async () => {
    const world = await yielding();
    world.bring(2 ** 14 - 3 - COST - COST);
    expect(world.done()).toEqual([]);
    world.bring(2);
    expect(world.done()).toEqual(['pause']);
    world.bring(2);
    await turn();
    expect([world.came.length, world.done()]).toEqual([4, ['resume']]);
  });

  test('resumes the link only when the session reads, and not in the midst of the turn', async () => {
    const world = await yielding();
    world.bring(2 ** 14);
    expect(world.done()).toEqual(['pause']);
    world.conduit.resume();
    expect(world.done()).toEqual([]);
    world.conduit.pause();
    await turn();
    expect([world.came, world.done()]).toEqual([[], []]);
    world.conduit.resume();
    expect([world.came, world.done()]).toEqual([[3, 2 ** 14], ['resume']]);
  });

  test('goes on at once when more than half of intakeBytes wait', async () => {
    const world = await yielding({ intakeBytes: 1_000 });
    expect(world.bring(500 - 3 - COST - COST)).toEqual([]);
    expect(world.bring(2)).toEqual([3, 500 - 3 - COST - COST]);
    // That has used up the time of another turn.
    await turn();
    expect(world.came).toEqual([2]);
  });

  test('does not end its session past intakeBytes', async () => {
    const world = await yielding({ intakeBytes: 1_000 });
    expect(world.bring(2_000)).toEqual([3, 2_000]);
  });
});

describe('the limit of the next frame', () => {
  const limits = { handshakeBytes: 1_000, frame: 5_000 };
  const limitOf = ({ peer }: World) => peer.frameLimit?.();

  test('is handshakeBytes before the first frame has arrived, and while the peer is not known', async () => {
    const world = new World({ limits });
    world.conduit.start(() => {});
    expect(limitOf(world)).toBe(1_000);
    world.bring(1);
    expect(limitOf(world)).toBe(5_000);
    world.conduit.pauseFrames();
    expect(limitOf(world)).toBe(1_000);
    world.conduit.resume();
    expect(limitOf(world)).toBe(5_000);
    world.conduit.pause();
    expect(limitOf(world)).toBe(5_000);
  });

  test('is never above that of frames', async () => {
    const world = await new World({ limits: { handshakeBytes: 5_000, frame: 1_000 } }).start();
    expect(limitOf(world)).toBe(1_000);
  });

  test.each([
    ['handshakeBytes for the first frame', { handshakeBytes: 1_000, frame: 5_000 }, 0, 1_000, 'handshakeBytes'],
    ['that of frames for a later one', { handshakeBytes: 1_000, frame: 5_000 }, 1, 5_000, 'frame'],
    ['that of frames for the first one, if it is lower', { handshakeBytes: 5_000, frame: 1_000 }, 0, 1_000, 'frame'],
    ['that of frames for the first one, if it is the same', { handshakeBytes: 1_000, frame: 1_000 }, 0, 1_000, 'frame'],
  ])('is %s, to the byte', async (_, limits, before, most, limit) => {
    const [at, over] = [await new World({ limits }).start(), await new World({ limits }).start()];
    for (const world of [at, over]) world.bring(...Array.from({ length: before }, () => 1));
    expect(at.bring(most)).toEqual([most]);
    expect(over.bring(most + 1)).toEqual(['conduit.malformed']);
    expect(over.events.at(-1)).toEqual({
      type: 'conduit.malformed',
      rule: 'session.message',
      description: `a frame of ${most + 1} bytes is over the limit of ${most}`,
      limit,
    });
  });
});

describe('a frame that the codec cannot read', () => {
  const throwing = (error: unknown): Codec => ({
    ...lengths,
    name: 'odd',
    decode: () => {
      throw error;
    },
  });

  test.each([
    [
      'with the error of a rule, is told by its rule',
      throwing(new ProtocolError('remote', 'not so', 'session.parity')),
      { rule: 'session.parity', description: 'not so', limit: undefined },
    ],
    [
      'with another error, is told without its text, which may quote what is secret',
      throwing(new SyntaxError('hunter2')),
      { rule: 'session.message', description: "the codec odd can't read a frame: it threw SyntaxError" },
    ],
    [
      'with what is no error, too',
      throwing('hunter2'),
      { rule: 'session.message', description: "the codec odd can't read a frame: it threw string" },
    ],
    [
      'and gives no message for it, too',
      { ...lengths, name: 'odd', decode: () => ({ type: 'Goodbye' }) as never },
      { rule: 'session.message', description: "the codec odd can't read a frame: it threw TypeError" },
    ],
  ])('%s', async (_, codec, told) => {
    const world = await new World({ codec }).start();
    world.peer.message(Uint8Array.of(0xff, 0xff));
    expect(world.events).toEqual([{ type: 'conduit.malformed', limit: undefined, ...told }]);
  });
});

test('a received message shows inspectors its fields, and none of its payload', async () => {
  const world = await begun();
  expect(JSON.parse(JSON.stringify(world.events))).toEqual([
    { type: 'rx.Pong', message: { type: 'Pong', connectionId: 0, nonce: '0n' } },
  ]);
});

describe('a request of the application', () => {
  test('is an input in its turn, made with its number, and settles by that number', async () => {
    const world = await begun();
    const { conduit } = world;
    const asked = conduit.request<string>((request) => () => ({ type: 'app.ping', request }) as never);
    expect(world.came).toEqual(['app.ping']);
    expect(world.events.at(-1)).toEqual({ type: 'app.ping', request: 1 });
    conduit.requests.resolve(1, 'done');
    await expect(asked).resolves.toBe('done');
  });

  test('that is no more by its turn is no input', async () => {
    const world = await begun();
    world.conduit.push(() => undefined);
    expect(world.came).toEqual([]);
  });

  test('after the end rejects with the error of the end, which is made once', async () => {
    const world = await begun();
    const { conduit } = world;
    expect([conduit.isOver, conduit.endError]).toEqual([false, undefined]);
    let made = 0;
    conduit.endWith(() => new SessionClosed('peer', ++made));
    expect([conduit.isOver, made]).toEqual([true, 0]);
    const errors = await Promise.all([1, 2].map(() => conduit.request(() => ({}) as never).catch((error) => error)));
    expect(errors).toEqual([conduit.endError, conduit.endError]);
    expect([made, conduit.endError?.cause, world.came]).toEqual([1, 1, []]);
  });
});

describe('a callback of the application', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['gives a promise that rejects', () => Promise.reject(new Error('no'))],
  ])('that %s ends nothing: the error is passed on', async (_, callback) => {
    const world = await begun();
    const errors: unknown[] = [];
    world.conduit.callUser(callback, (error) => errors.push(error));
    await turn();
    expect(errors).toEqual([new Error('no')]);
    expect(world.bring(7)).toEqual([7]);
  });

  test('that reports may throw, which nothing can report', async () => {
    const world = await begun();
    const report: Report = { kind: 'root-closed-by-peer', message: 'the peer closed the root connection', id: 0 };
    world.conduit.report(report);
    expect(world.reports).toEqual([report]);
    world.reports.push = () => {
      throw new Error('no');
    };
    world.conduit.report(report);
    await turn();
    expect(world.bring(7)).toEqual([7]);
  });
});

describe('the end of a conduit', () => {
  test('in order closes its link, and otherwise aborts it', async () => {
    const world = await begun();
    world.conduit.close(true);
    expect(world.done()).toEqual(['close']);
    world.conduit.close(false);
    expect(world.done()).toEqual(['abort']);
    world.conduit.stop();
    expect(world.done()).toEqual(['abort']);
    expect(world.bring(7)).toEqual([]);
  });

  test('leaves a link alone that would not start: it has another owner', () => {
    const world = new World();
    world.conduit.stop();
    world.conduit.close(true);
    expect(world.done()).toEqual([]);
  });

  test('is told as soon as the link fails, and before frames that wait', async () => {
    const world = await begun();
    world.conduit.pause();
    world.bring(2);
    world.peer.failed(new Error('the cable was pulled'));
    expect(world.came).toEqual(['link.failed']);
    expect(world.events.at(-1)).toEqual({ type: 'link.failed', error: new Error('the cable was pulled') });
  });
});

describe('a link that takes no message', () => {
  const refusal = new Error('the link is closed');

  test('is told of at once', async () => {
    const world = await begun();
    world.refusal = refusal;
    world.conduit.outbox.transmit({ type: 'Ping', connectionId: 0, nonce: 1n });
    expect(world.events.at(-1)).toEqual({ type: 'link.unsendable', error: refusal });
  });

  test('after its peer has ended it is told of by that end, behind the frames before it', async () => {
    const world = await begun();
    world.conduit.pause();
    world.bring(7);
    world.peer.ended();
    world.refusal = refusal;
    world.conduit.outbox.transmit({ type: 'Ping', connectionId: 0, nonce: 1n });
    expect(world.came).toEqual([]);
    world.conduit.resume();
    expect(world.came).toEqual([7, 'link.ended']);
  });
});

test('messages that wait for an answer leave when the link is paused and the session stops reading', async () => {
  const world = await begun({ limits: { turnTime: 1 }, time: 1, awaitAnswers: true });
  const { outbox } = world.conduit;
  for (const nonce of [1n, 2n, 3n]) outbox.transmit({ type: 'Ping', connectionId: 0, nonce });
  expect(world.done()).toEqual(['send', 'send']);
  world.bring(...Array.from({ length: 9 }, () => 2), 2 ** 14);
  expect(world.done()).toEqual(['pause']);
  world.conduit.pause();
  expect(world.done()).toEqual(['send']);
});

test('a link that has no connection for now is told of, and so is one that has one again', async () => {
  const world = await begun();
  world.peer.interrupted?.();
  world.peer.restored?.();
  expect(world.came).toEqual(['link.interrupted', 'link.restored']);
});
